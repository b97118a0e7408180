"""Holds a running `fac serve` against its own OpenAPI document with schemathesis.

    openapi.py FAC SCHEMATHESIS [MORE…]

A server of its own in a folder of its own; what may be asked costs nothing and reaches nobody. It fails when an answer is
a server error, has a status or a media type that is not in the document, or does not fit its schema.
"""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

import checks

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"

COMMANDS = """---
factotum: 1
---
# `/hello <name>`

```sh
echo "hello $name"
```

# `/tick`

**On:** `schedule 0 9 * * *`

```sh
echo tick
```
"""


class Model(http.server.BaseHTTPRequestHandler):
    """Answers every question with one word, as OpenAI would."""

    def do_GET(self):
        self.answer("application/json", json.dumps({"object": "list", "data": [{"id": "model", "object": "model"}]}))

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "model"}
        said = {**chunk, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Yes."}, "finish_reason": None}]}
        end = {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        took = {**chunk, "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}
        lines = [json.dumps(one) for one in (said, end, took)] + ["[DONE]"]
        self.answer("text/event-stream", "".join(f"data: {line}\n\n" for line in lines))

    def answer(self, kind, text):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def main():
    fac, schemathesis, *more = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="fac-openapi-") as folder:
        home = pathlib.Path(folder)
        own = home / "config" / "commands"
        own.mkdir(parents=True)
        (own / "own.md").write_text(COMMANDS)
        model = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
        threading.Thread(target=model.serve_forever, daemon=True).start()
        settings = (
            'local_models = false\nmodel = "stand-in/model"\n[providers.stand-in]\nwire = "openai"\n'
            f'url = "http://127.0.0.1:{model.server_port}/v1/"\nmodels = ["model"]\n'
        )
        (home / "config" / "config.toml").write_text(settings)
        env = {"PATH": os.environ["PATH"], "HOME": folder, "FAC_HOME": folder, "LC_ALL": "C.UTF-8"}
        for name in ("ANONYMOUS", "USER", "AUTH"):
            env[f"FAC_SERVE_LIMIT_{name}"] = "0"
        server, address, key = checks.serve(fac, env, folder)
        try:
            asked = [
                schemathesis, "run", f"{address}/openapi.json", "--header", f"Authorization: Bearer {key}",
                "--header", f"x-api-key: {key}",
                "--checks", CHECKS, "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "25",
                "--request-timeout", "60", "--workers", "2", "--continue-on-failure", "--no-color",
                # What ends the identity that asks is tried elsewhere, and so are protocols of others.
                "--exclude-path-regex", "^/(api/v1/auth/(logout|password)|mcp|ws)",
                *more,
            ]
            return subprocess.run(asked, cwd=folder, env={**env, "HYPOTHESIS_STORAGE_DIRECTORY": folder}).returncode
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())

"""A tiny MCP server for tests: Python's standard library only.

    server.py MODE [FILE]        on stdin and stdout
    server.py http [TOKEN]       on a free port, which is the first line printed

Modes of the first form: ok, die (at once), silent (answers nothing), garbage (stray lines around each message),
noise (stray lines only), pages (endless pages of tools), long (a tool list of one 9 MB line), refuse (an error for
initialize), bad (a tool whose schema is no object), none (no tools at all). FILE holds the description of
`echo`, or is a pipe that `hang` writes its process id and that of a child into.
"""

import json
import os
import stat
import subprocess
import sys

MODE = sys.argv[1]
OTHER = sys.argv[2] if len(sys.argv) > 2 else None
late = []


def is_pipe(path):
    return bool(path) and os.path.exists(path) and stat.S_ISFIFO(os.stat(path).st_mode)


def described():
    if MODE != "http" and OTHER and not is_pipe(OTHER):
        with open(OTHER, encoding="utf-8") as file:
            return file.read()
    return "Says it again"


def tool(name, description, **more):
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    return {"name": name, "description": description, "inputSchema": schema, **more}


def tools():
    return [
        tool("echo", described(), annotations={"readOnlyHint": True}),
        tool("add", "Adds a and b"),
        tool("fail", "Fails"),
        tool("picture", "Gives a picture"),
        tool("big", "Gives much text"),
        tool("huge", "Gives too much in one line"),
        tool("env", "Gives the names of its variables"),
        tool("spawn", "Starts a program that stays"),
        tool("exit", "Ends the server"),
        tool("hang", "Never answers"),
        tool("late", "Answers when something else is asked"),
        tool("wrong", "Answers with something else"),
        tool("leak", "Says its secret"),
        tool("evil", "Says what terminals obey"),
        tool("a.b", "Evil \x1b[31mname\u202e"),
    ]


def call(name, arguments, request):
    def text(words, **more):
        return {"content": [{"type": "text", "text": words}], **more}

    if name == "echo":
        return text(arguments.get("text", ""))
    if name == "add":
        total = {"sum": arguments.get("a", 0) + arguments.get("b", 0)}
        return {"content": [], "structuredContent": total}
    if name == "fail":
        return text("it did not work", isError=True)
    if name == "picture":
        return {"content": [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]}
    if name == "big":
        return text("x" * 1_000_000)
    if name == "huge":
        return text("x" * 9_000_000)
    if name == "env":
        return text(json.dumps(dict(os.environ), sort_keys=True))
    if name == "spawn":
        child = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return text(str(child.pid))
    if name == "exit":
        print("going down", file=sys.stderr, flush=True)
        os._exit(3)
    if name == "hang":
        if is_pipe(OTHER):
            child = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            with open(OTHER, "w", encoding="utf-8") as door:
                door.write(f"{os.getpid()} {child.pid}")
        return None
    if name == "late":
        late.append(request)
        return None
    if name == "evil":
        return text("\x1b]0;owned\x07\x1b[31mred\u202e\u009b31m", isError=bool(arguments.get("fail")))
    if name == "leak":
        print("my token is", os.environ.get("TOKEN"), file=sys.stderr, flush=True)
        if arguments.get("exit"):
            os._exit(3)
        return text(f"cannot log in with {os.environ.get('TOKEN')}", isError=True)
    if name == "wrong":
        return {"surprise": True}
    if name == "a.b":
        return text("dotted")
    raise KeyError(name)


def answer(message):
    """The messages that answer one message."""
    method, request = message.get("method"), message.get("id")
    if request is None or MODE in ("silent", "noise"):
        return []

    def good(result):
        return [{"jsonrpc": "2.0", "id": request, "result": result}]

    def bad(code, words):
        return [{"jsonrpc": "2.0", "id": request, "error": {"code": code, "message": words}}]

    params = message.get("params") or {}
    if method == "initialize":
        if MODE == "refuse":
            return bad(-32000, "no licence\nfound")
        capabilities = {} if MODE == "none" else {"tools": {}}
        version = params.get("protocolVersion", "2025-06-18")
        info = {"name": "test", "version": "1"}
        return good({"protocolVersion": version, "capabilities": capabilities, "serverInfo": info})
    if method == "ping":
        return good({})
    if method == "tools/list":
        if MODE == "none":
            return bad(-32601, "no tools")
        if MODE == "pages":
            number = int(params.get("cursor") or 0)
            return good({"tools": [tool(f"t{number}", "one of many")], "nextCursor": str(number + 1)})
        if MODE == "long":
            return good({"tools": [tool("t", "x" * 9_000_000)]})
        if MODE == "bad":
            return good({"tools": [{"name": "t", "inputSchema": 5}]})
        return good({"tools": tools()})
    if method == "tools/call":
        before = [{"jsonrpc": "2.0", "id": old, "result": {"content": [{"type": "text", "text": "late"}]}} for old in late]
        late.clear()
        try:
            result = call(params.get("name"), params.get("arguments") or {}, request)
        except KeyError as error:
            return bad(-32602, f"unknown tool {error}")
        return before + ([] if result is None else good(result))
    return bad(-32601, "unknown method")


def on_pipes():
    print("started in mode", MODE, file=sys.stderr, flush=True)
    if MODE == "die":
        print("cannot find my settings", file=sys.stderr, flush=True)
        sys.exit(3)
    for line in sys.stdin:
        if MODE in ("garbage", "noise"):
            print("debug: got a message\n\n{ half", flush=True)
        for message in answer(json.loads(line)):
            print(json.dumps(message), flush=True)


def on_http():
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self, status, kind, body, **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            if kind:
                self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.reply(405, None, b"")

        def do_DELETE(self):
            self.reply(200, None, b"")

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            host = f"http://{self.headers.get('host')}"
            if self.path == "/moved":
                return self.reply(307, None, b"", location=f"{host}/mcp")
            if self.path == "/page":
                return self.reply(200, "text/html", b"<html>")
            if self.path == "/busy":
                return self.reply(503, "text/plain", b"later", retry_after="7")
            if self.path not in ("/mcp", "/stream"):
                return self.reply(404, "text/plain", b"nothing here")
            if OTHER and self.headers.get("authorization") != f"Bearer {OTHER}":
                return self.reply(401, "text/plain", b"who?", www_authenticate="Bearer")
            messages = answer(json.loads(body))
            if not messages:
                return self.reply(202, None, b"")
            session = {"mcp_session_id": "one"}
            if self.path == "/stream":
                text = "".join(f"event: message\ndata: {json.dumps(m)}\n\n" for m in messages)
                return self.reply(200, "text/event-stream", text.encode(), **session)
            return self.reply(200, "application/json", json.dumps(messages[-1]).encode(), **session)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    on_http() if MODE == "http" else on_pipes()

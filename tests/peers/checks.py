"""What the peers' scripts have in common: what is asked for, how it is compared, and the run of a list of checks."""

import importlib.metadata
import json
import socket
import subprocess
import traceback

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOWNS = [("weather", {"city": "Town 0"}), ("clock", {"city": "Town 1"})]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def same(got, want):
    assert got == want, f"got {got!r}, wanted {want!r}"


def fails(call, error, status, words):
    """The error with which the call fails, which has this status and says these words."""
    try:
        call()
    except error as e:
        same(getattr(e, "status_code", None) or getattr(e, "code", None), status)
        assert words in str(e), str(e)
        return e
    raise AssertionError("it did not fail")


def serve(fac, env, cwd=None):
    """A `fac serve` on a free port: its process, where it listens, and the key of its first owner."""
    words = [fac, "--json", "serve", "--listen", "127.0.0.1:0", "--no-automations"]
    process = subprocess.Popen(words, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    # They come in whatever order.
    said = {}
    while not {"listening", "key"} <= said.keys():
        line = process.stdout.readline()
        assert line, "fac serve ended"
        said.update(json.loads(line))
    return process, said["listening"], said["key"]


def run(checks):
    """Runs (name, function, arguments) one after the other, and says how many failed."""
    failed = 0
    for name, check, arguments in checks:
        try:
            check(*arguments)
            print("ok  ", name, flush=True)
        except Exception:
            failed += 1
            print("FAIL", name, flush=True)
            traceback.print_exc(limit=-4)
    return failed


def versions(*packages):
    return ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)

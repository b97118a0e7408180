"""Prints the figures of a `fac serve` that has done something of everything.

    metrics.py FAC
"""

import os
import sys
import tempfile
import urllib.error
import urllib.request

import checks


def main():
    with tempfile.TemporaryDirectory(prefix="fac-metrics-") as folder:
        env = {"PATH": os.environ["PATH"], "HOME": folder, "FAC_HOME": folder, "LC_ALL": "C.UTF-8"}
        server, address, key = checks.serve(sys.argv[1], env, folder)
        try:
            def get(path):
                request = urllib.request.Request(address + path, headers={"Authorization": "Bearer " + key})
                with urllib.request.urlopen(request) as answer:
                    return answer.read().decode()

            for path in ["/livez", "/readyz", "/api/v1/commands", "/api/v1/runs", "/api/v1/nothing"]:
                try:
                    get(path)
                except urllib.error.HTTPError:
                    pass
            print(get("/metrics"), end="")
        finally:
            server.kill()
            server.wait()


main()

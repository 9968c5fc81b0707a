"""Serve the graph of a model file in Model Explorer or Netron, on this machine alone, for as long as somebody looks.

Started with `VIEWER PORT MODEL`, with node data for Model Explorer on standard input: one line of JSON,
`[{"name": ..., "data": {...}}, ...]`. Writes the address as one line when the server answers, and ends when standard
input does. The two packages tell others who looks at what: Model Explorer asks for newer versions of itself, Netron
reports to Google Analytics, and both pages fetch from elsewhere. Here they do not: the questions are taken out, the
pages may connect to nothing but this server, and a page of another host, which might have its name lead here, is
answered nothing.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import sys
import threading
import time
from typing import Any

HOST = "127.0.0.1"
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'"
"""Content-Security-Policy: a page loads and connects to what this server has, and nothing else."""


def main() -> None:
    """Serve until standard input ends or somebody interrupts."""
    viewer, port, model = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    node_data = json.loads(sys.stdin.readline() or "[]")
    threading.Thread(target=_end_with_input, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        (_netron if viewer == "netron" else _model_explorer)(port, model, node_data)


def hosts(port: int) -> tuple[str, ...]:
    """Name the hosts that a request may ask for: another may be a name of somebody else's that leads here."""
    return (f"{HOST}:{port}", f"localhost:{port}")


def _model_explorer(port: int, model: str, node_data: list[dict[str, Any]]) -> None:
    from model_explorer import config, server

    flask: Any = server.flask

    class Guarded(flask.Flask):  # type: ignore[misc]
        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **options)
            self.before_request(self._hold_to_host)
            self.after_request(self._hold_to_policy)

        def _hold_to_host(self) -> Any:
            return None if flask.request.host in hosts(port) else ("another host", 403)

        def _hold_to_policy(self, response: Any) -> Any:
            response.headers["Content-Security-Policy"] = POLICY
            return response

    class OfFlask:
        Flask = Guarded

        def __getattr__(self, name: str) -> Any:
            return getattr(flask, name)

    server.flask = OfFlask()
    server._check_new_version = lambda print_msg=True: {
        "version": "",
        "runningVersion": "",
        "releaseUrl": "",
        "desktopAppUrl": "",
    }
    shown = config().add_model_from_path(model)
    for one in node_data:
        shown.add_node_data(one["name"], json.dumps(one["data"]))
    _say_when_ready(port, f"http://{HOST}:{port}/?data={shown.to_url_param_value()}")
    with contextlib.redirect_stdout(io.StringIO()):
        server.start(host=HOST, port=port, config=shown, no_open_in_browser=True, skip_health_check=True)


def _netron(port: int, model: str, node_data: list[dict[str, Any]]) -> None:
    from netron import server

    class Guarded(server._HTTPRequestHandler):  # type: ignore[misc]
        def do_GET(self) -> None:  # noqa: N802 - as the base names it
            if self.headers.get("Host") in hosts(port):
                super().do_GET()
            else:
                self.send_response(403)
                self.end_headers()

        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Set-Cookie", "consent=0; SameSite=Strict")  # so that nobody is asked for it
            super().end_headers()

    server._HTTPRequestHandler = Guarded
    server.__version__ = "0.0.0"  # a version that reports nothing
    _say_when_ready(port, f"http://{HOST}:{port}/")
    server.serve(model, None, address=(HOST, port), browse=False)
    server.wait()


def _say_when_ready(port: int, address: str) -> None:
    """Write the address once something answers there."""
    said = sys.stdout

    def wait() -> None:
        while True:
            with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
                print(address, file=said, flush=True)
                return
            time.sleep(0.05)

    threading.Thread(target=wait, daemon=True).start()


def _end_with_input() -> None:
    """End when who started this does."""
    while os.read(0, 4096):
        continue
    os._exit(0)


if __name__ == "__main__":
    main()

"""The front end alone in a page with a strict Content-Security-Policy: no Jupyter; the test is the kernel."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

HERE = Path(__file__).parent
BUNDLE = HERE.parents[2] / "patchwidgets/static/widget.js"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"
HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>patchwidgets</title>
<link rel="icon" href="data:,"></head>
<body data-jp-theme-light="true"><main id="here"></main><script type="module" src="driver.js"></script></body></html>"""


class _Files(BaseHTTPRequestHandler):
    """Three files, each with the policy."""

    def do_GET(self) -> None:
        files = {
            "/": ("text/html", HTML.encode()),
            "/driver.js": ("text/javascript", (HERE / "driver.js").read_bytes()),
            "/widget.js": ("text/javascript", BUNDLE.read_bytes()),
        }
        path = self.path.partition("?")[0]
        kind, content = files.get(path, ("text/plain", b""))
        self.send_response(200 if path in files else 404)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: Any) -> None:
        """Say nothing on the terminal."""


@contextmanager
def serving() -> Iterator[str]:
    """Serve the page on this machine, and give its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class BarePage:
    """The page: what the widget sends, and what it is sent."""

    page: Page

    @classmethod
    def open(cls, page: Page, address: str) -> BarePage:
        """Load the page and wait for the widget's module."""
        page.goto(address)
        page.wait_for_selector("html[data-ready]", state="attached")
        return cls(page)

    def show(self, *, in_shadow: bool = False) -> None:
        """Show a new view."""
        self.page.evaluate("(inShadow) => window.bare.show(inShadow)", in_shadow)

    def sent(self) -> list[dict[str, Any]]:
        """Take what the widget has sent since the last time."""
        messages: list[dict[str, Any]] = self.page.evaluate(
            "() => window.bare.model.sent.splice(0)"
        )
        return messages

    def receive(self, message: object, buffers: Sequence[bytes] = ()) -> None:
        """Deliver a message of the kernel."""
        texts = [base64.b64encode(buffer).decode() for buffer in buffers]
        self.page.evaluate(
            "([message, buffers]) => window.bare.model.receive(message, buffers)", [message, texts]
        )

    def violations(self) -> list[str]:
        """What the page's policy has refused so far."""
        refused: list[str] = self.page.evaluate("() => window.bare.violations")
        return refused

    def executed(self) -> int:
        """How often markup in a text was executed: it calls `executed()`."""
        times: int = self.page.evaluate("() => window.bare.executed")
        return times

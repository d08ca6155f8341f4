"""A hub that is down, hangs or breaks off: an answer in words within seconds, from a real server on this machine."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import patchwidgets as pw
from patchwidgets.errors import LoadError
from patchwidgets.models import hub


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A server that answers every request with one status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextmanager
def accepting(breaks_off: bool) -> Iterator[str]:
    """A server that takes connections and never answers, or closes each at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                if breaks_off:
                    connection.close()
                else:
                    held.append(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        for connection in held:
            connection.close()


def error_and_seconds(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, float]:
    url = hub.constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(hub.constants.ENDPOINT, endpoint)
    monkeypatch.setattr(hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)
    monkeypatch.setattr(hub.constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
    began = time.monotonic()
    with pytest.raises(LoadError) as caught:
        pw.load("nobody/nothing")
    return str(caught.value), time.monotonic() - began


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_hub_that_is_down(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(status) as endpoint:
        message, seconds = error_and_seconds(endpoint, monkeypatch)
    assert message.startswith("No model 'nobody/nothing': it is not a folder here")
    assert f"and the hub at {endpoint} answers {status}" in message
    assert seconds < 5


def test_a_hub_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    with accepting(breaks_off=False) as endpoint:
        message, seconds = error_and_seconds(endpoint, monkeypatch)
    assert f"the hub at {endpoint} does not answer" in message
    assert hub.SECONDS <= seconds < 2 * hub.SECONDS


def test_a_hub_that_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    with accepting(breaks_off=True) as endpoint:
        message, seconds = error_and_seconds(endpoint, monkeypatch)
    assert f"the hub at {endpoint} does not answer" in message
    assert seconds < 5


def test_a_hub_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    message, seconds = error_and_seconds("http://127.0.0.1:9", monkeypatch)
    assert "the hub at http://127.0.0.1:9 does not answer" in message
    assert seconds < 5


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_model_that_is_unknown_or_closed(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(status) as endpoint:
        message, seconds = error_and_seconds(endpoint, monkeypatch)
    assert "the hub did not provide it" in message
    assert "Check the name and the connection, and whether you have access" in message
    assert seconds < 5


@pytest.mark.parametrize("name", ["", "a/b/c/d", "no such folder", "/nowhere/at/all"])
def test_neither_a_folder_nor_a_name(name: str) -> None:
    with pytest.raises(LoadError, match=r"no name on the hub either.*Check the path"):
        pw.load(name)

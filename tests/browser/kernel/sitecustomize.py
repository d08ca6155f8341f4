"""Write down each attempt of a kernel to reach another machine. Python imports this by its name."""

from __future__ import annotations

import os
import sys

OUTSIDE = os.environ["PATCHWIDGETS_TEST_OUTSIDE"]
HERE = ("127.", "::1", "localhost", "0.0.0.0")


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if host and not str(host).startswith(HERE):
        with open(OUTSIDE, "a") as log:
            log.write(f"{event} {host}\n")


sys.addaudithook(watch)

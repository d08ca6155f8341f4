"""A front end without a browser: it collects what a session sends. And a gate that holds the model in the middle."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.map_sweep import MapSweep
from patchwidgets.explorer.session import PatchSession

LONG = 60.0
"""Seconds after which a test that waits has failed."""
HEADS = {"name": "heads", "component": "z", "over": ["layer", "head"]}
MLP = {"name": "mlp", "component": "mlp_out", "over": ["layer", "pos"]}


class Page:
    """A session and all that it has sent, as a front end would see it."""

    def __init__(
        self,
        experiment: BaseExperiment,
        map_sweep: Callable[[BaseExperiment], MapSweep] = MapSweep,
    ) -> None:
        self.events: list[tuple[dict[str, Any], list[bytes]]] = []
        self.session = PatchSession(
            experiment, lambda event, buffers: self.events.append((event, buffers)), map_sweep
        )

    def say(self, kind: str, message_id: int, **fields: Any) -> None:
        """Send a message of any kind."""
        self.session.handle({"v": 1, "kind": kind, "id": message_id} | fields)

    def patch(self, message_id: int, *sites: str, **fields: Any) -> None:
        """Ask for a patch from the source run."""
        patches = [{"site": site, "source": "source"} for site in sites]
        whole = {"patches": patches, "direction": "denoise", "metric": "logit_diff"} | fields
        self.say("patch", message_id, **whole)

    def sweep(self, message_id: int, *maps: dict[str, Any], **fields: Any) -> None:
        """Ask for maps."""
        whole = {"maps": list(maps), "direction": "denoise", "metric": "logit_diff"} | fields
        self.say("sweep", message_id, **whole)

    def wait(self) -> None:
        """Wait until the session has nothing left to do."""
        assert self.session.wait(LONG)

    def kinds(self, message_id: int) -> list[str]:
        """The kinds of all answers to a message, in order."""
        return [event["kind"] for event, _ in self.events if event["id"] == message_id]

    def last(self, kind: str) -> dict[str, Any]:
        """The newest event of a kind."""
        return [event for event, _ in self.events if event["kind"] == kind][-1]

    def maps(self, name: str) -> list[dict[str, np.ndarray]]:
        """The arrays that each message about a map brought."""
        return [
            arrays_of(event, buffers)
            for event, buffers in self.events
            if event["kind"] == "cells" and event["name"] == name
        ]


def arrays_of(event: dict[str, Any], buffers: list[bytes]) -> dict[str, np.ndarray]:
    """The buffers of an event as arrays, by name."""
    return {
        each["name"]: np.frombuffer(buffer, each["dtype"]).reshape(each["shape"])
        for each, buffer in zip(event["buffers"], buffers, strict=True)
    }


class Gate:
    """Holds the model in the middle of a layer until it is opened, so that a test decides what comes first."""

    def __init__(self, experiment: BaseExperiment) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        block = experiment.model.layout.blocks[1]
        self.handle = block.register_forward_pre_hook(self._hold)

    def _hold(self, *_: object) -> None:
        self.reached.set()
        assert self.opened.wait(LONG)

    def open(self) -> None:
        """Let the model go on, now and from now on."""
        self.handle.remove()
        self.opened.set()

"""A real session behind the bare page: the test carries the messages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.session import PatchSession
from tests.browser.bare import BarePage, serving

SECONDS = 60.0
QUIET_FRAMES = 30
"""Half a second: a page asks for what its panels show after 200 ms at most."""


@dataclass(frozen=True)
class BareKernel:
    """Answers what the widget asks for."""

    bare: BarePage
    session: PatchSession
    events: list[tuple[dict[str, Any], list[bytes]]] = field(default_factory=list)

    def answer_until(self, selector: str) -> None:
        """Answer until the page shows the selector."""
        deadline = time.monotonic() + SECONDS
        while self.bare.page.locator(selector).count() == 0:
            assert time.monotonic() < deadline, selector
            self._answer()

    def settle(self) -> None:
        """Answer until the page has nothing to ask for the length of its longest pause before it asks by itself."""
        quiet = 0
        while quiet < QUIET_FRAMES:
            quiet = 0 if self._answer() else quiet + 1

    def _answer(self) -> bool:
        """Answer what was asked, and let the page draw; return whether anything was."""
        asked = list(self.bare.sent())
        for message in asked:
            self.session.handle(message)
        assert self.session.wait(SECONDS)
        answered = bool(self.events)
        while self.events:
            self.bare.receive(*self.events.pop(0))
        self.bare.page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
        return bool(asked) or answered


@contextmanager
def showing(page: Page, experiment: BaseExperiment) -> Iterator[BareKernel]:
    """Show an experiment on the bare page, with a session behind it."""
    with serving() as address:
        bare = BarePage.open(page, address)
        bare.show()
        with answering(bare, experiment) as kernel:
            yield kernel


@contextmanager
def answering(bare: BarePage, experiment: BaseExperiment) -> Iterator[BareKernel]:
    """Put a session over an experiment behind the page."""
    events: list[tuple[dict[str, Any], list[bytes]]] = []
    session = PatchSession(experiment, lambda event, buffers: events.append((event, buffers)))
    yield BareKernel(bare, session, events)
    session.close()

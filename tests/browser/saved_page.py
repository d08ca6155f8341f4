"""A saved page, opened from a file with the network off: what it shows, and what a browser says about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

import patchwidgets as pw
from tests.browser.notebook import Notices
from tests.support.prompts import CLEAN, CORRUPTED

SITES = (
    *("L0.H1", "L1.H1", "L1.H2", "L2.H3", "L3.H0"),
    *("L0.mlp_out", "L1.mlp_out", "L2.mlp_out", "L3.attn_out", "L1.attn_out"),
)
"""Ten of the teaching model's."""


def names_task() -> pw.Task:
    """The task of the pages."""
    return pw.Task(CLEAN, CORRUPTED, " Mary", " John", positions={"S2": 9})


@dataclass(frozen=True)
class SavedPage:
    """The page, and the errors and requests of it; violations of its policy are errors of the console."""

    page: Page
    notices: Notices

    def click(self, site: str) -> None:
        """Patch a site in the lane of the patched run."""
        self.page.locator(f"[data-run='patched'] [data-site='{site}']").first.click()

    def numbers(self, *sites: str) -> tuple[float, float]:
        """Effect and recovery of what is patched, once that is shown."""
        shown = self.page.locator(f'[data-result][data-site="{" + ".join(sites)}"]')
        shown.wait_for(state="attached")
        values = [shown.get_attribute(f"data-{name}") for name in ("effect", "recovery")]
        effect, recovery = (float(value or "nan") for value in values)
        return effect, recovery


@contextmanager
def opened(browser: Browser, path: Path) -> Iterator[SavedPage]:
    """Open a file with the network off."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    page, notices = context.new_page(), Notices()
    notices.listen(page)
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    yield SavedPage(page, notices)
    context.close()

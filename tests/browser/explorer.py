"""The explorer in a page, as a person or a script sees it: `data-run`, `data-site`, `data-result`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.notebook import Notebook

ROOT = ".patchwidgets"
SECONDS = 1000

# Keeps each answer that the page shows, with the time of the pointer's last press and of the frame after.
WATCH = """(root) => {
  const seen = { pressed: 0, answers: [] };
  window.patchwidgetsSeen = seen;
  root.addEventListener("pointerdown", () => { seen.pressed = performance.now(); }, true);
  let last = "";
  const look = () => {
    const shown = root.querySelector("[data-result]");
    const { site, metric, effect, recovery } = shown?.dataset ?? {};
    const now = JSON.stringify([site, metric, effect, recovery]);
    if (site === undefined || effect === undefined || now === last) return;
    last = now;
    const answer = { site, milliseconds: null };
    seen.answers.push(answer);
    const pressed = seen.pressed;
    requestAnimationFrame(() => {
      const painted = new MessageChannel();
      painted.port1.onmessage = () => { answer.milliseconds = performance.now() - pressed; };
      painted.port2.postMessage(null);
    });
  };
  new MutationObserver(look).observe(root, { subtree: true, childList: true, attributes: true });
}"""
TIMED = """(site) => {
  const last = window.patchwidgetsSeen.answers.at(-1);
  return last !== undefined && last.site === site && last.milliseconds !== null;
}"""


# The element that has the focus, inside the shadow root of an explorer as well.
FOCUSED = """() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element;
}"""
FOCUSED_SITE = f"() => ({FOCUSED})()?.closest('[data-site]')?.dataset.site ?? null"
IN_GRID = f"""() => ({FOCUSED})()?.closest("[role='grid']") != null"""
IN_EXPLORER = f"() => ({FOCUSED})()?.closest('{ROOT}') != null"


@dataclass(frozen=True)
class Reading:
    """What `data-result` says; NaN where a number is undefined."""

    site: str
    metric: str
    effect: float
    recovery: float


@dataclass(frozen=True)
class Explorer:
    """An explorer of a page: the first one, or the one of this number."""

    page: Page
    number: int = 0

    @classmethod
    def run(cls, notebook: Notebook) -> Self:
        """Run the notebook and return its explorer when it has drawn its lanes."""
        notebook.run_all()
        return cls.shown(notebook.page)

    @classmethod
    def shown(cls, page: Page, number: int = 0) -> Self:
        """Return an explorer of a page when it has drawn its lanes."""
        explorer = cls(page, number)
        expect(explorer.component("L0.H0")).to_be_visible(timeout=120 * SECONDS)
        explorer.root.scroll_into_view_if_needed()
        return explorer

    @property
    def root(self) -> Locator:
        """The element that holds everything."""
        return self.page.locator(ROOT).nth(self.number)

    @property
    def finding(self) -> Locator:
        """The sentence that says what a patch did."""
        return self.root.locator(".finding")

    @property
    def spoken(self) -> Locator:
        """The line that assistive technology reads out."""
        return self.root.locator(".spoken[role='status']")

    @property
    def result(self) -> Locator:
        """The read-out of the last answered patch."""
        return self.root.locator("[data-result]").first

    def component(self, site: str, lane: str = "patched") -> Locator:
        """Return a component in a lane, usually that of the patched run."""
        return self.root.locator(f"[data-run='{lane}'] svg [data-site='{site}']").first

    def cell(self, map_name: str, site: str) -> Locator:
        """Return a cell of a map."""
        return self.root.locator(f"[data-map='{map_name}'] [data-site='{site}']").first

    def tool(self, name: str) -> Locator:
        """Return a button of the toolbar; where there is little room, the menu that it is in is opened."""
        button = self.root.locator(".toolbar").get_by_role("button", name=name, exact=True)
        if button.count() == 0:
            self.root.locator(".toolbar [title='more']").click()
        return button

    def token(self, position: int, lane: str = "patched") -> Locator:
        """Return a token of a lane's prompt."""
        return self.root.locator(f"[data-run='{lane}'] [data-token='{position}']").first

    def focused_site(self) -> str | None:
        """Return the site of the cell that has the focus."""
        site: str | None = self.page.evaluate(FOCUSED_SITE)
        return site

    def has_focus(self) -> bool:
        """Whether the keyboard is with the explorer."""
        inside: bool = self.page.evaluate(IN_EXPLORER)
        return inside

    def click(self, site: str, **options: Any) -> None:
        """Click a component of the patched lane."""
        self.component(site).click(**options)

    def click_cell(self, map_name: str, site: str) -> None:
        """Click a cell of a map, in which a number may be printed."""
        self.cell(map_name, site).click(force=True)

    def wait_for(self, site: str) -> Reading:
        """Wait until the last answer is about `site`, and return it."""
        expect(self.result).to_have_attribute("data-site", site, timeout=30 * SECONDS)
        return self.reading()

    def wait_for_effect(self, effect: float) -> None:
        """Wait until the page shows this effect, to within rounding."""
        expect(self.result).to_be_attached()
        arguments = [self.result.element_handle(), effect, 2e-5 * max(5, abs(effect))]
        near = "([shown, effect, by]) => Math.abs(Number(shown.dataset.effect) - effect) < by"
        self.page.wait_for_function(near, arg=arguments, timeout=30 * SECONDS)

    def reading(self) -> Reading:
        """Return the last answered patch."""
        said: dict[str, str] = self.result.evaluate("(shown) => ({...shown.dataset})")
        return Reading(
            said["site"], said["metric"], number(said["effect"]), number(said["recovery"])
        )

    def wait_for_maps(self) -> None:
        """Wait until each map that is shown is exact."""
        done = self.root.locator("[data-sweep='done']")
        expect(done.first).to_be_attached(timeout=120 * SECONDS)
        unfinished = self.root.locator("[data-sweep]:not([data-sweep='done'])")
        expect(unfinished).to_have_count(0, timeout=120 * SECONDS)

    def tab_into_grid(self) -> None:
        """Go from the first button into a grid, with the Tab key alone."""
        self.root.locator("button, select, input, [tabindex='0']").first.focus()
        for _ in range(40):
            if self.page.evaluate(IN_GRID):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError("No grid was reached with forty presses of Tab")

    def walk_to(self, layer: int, head: int) -> None:
        """Go to a head with the arrow keys, from any head."""
        site = self.focused_site() or ""
        there = re.fullmatch(r"L(\d+)\.H(\d+)", site)
        assert there is not None, site
        right, down = layer - int(there[1]), head - int(there[2])
        steps = ["ArrowRight" if right > 0 else "ArrowLeft"] * abs(right)
        steps += ["ArrowDown" if down > 0 else "ArrowUp"] * abs(down)
        for key in steps:
            before = self.focused_site()
            self.page.keyboard.press(key)
            self.page.wait_for_function(f"(before) => ({FOCUSED_SITE})() !== before", arg=before)
        assert self.focused_site() == f"L{layer}.H{head}"

    def type_site(self, site: str) -> None:
        """Open the field with a slash, type, and press Enter."""
        self.tab_into_grid()
        self.page.keyboard.press("/")
        expect(self.root.locator("input:focus")).to_be_visible()
        self.page.keyboard.type(site)
        self.page.keyboard.press("Enter")

    def watch(self) -> None:
        """Keep every answer from now on, for `answers`."""
        self.root.evaluate(WATCH)

    def answers(self) -> list[str]:
        """Return the sites of the answers that were shown since `watch`."""
        sites: list[str] = self.page.evaluate(
            "() => window.patchwidgetsSeen.answers.map((answer) => answer.site)"
        )
        return sites

    def milliseconds(self, site: str) -> float:
        """Click, and return the time from the press to the frame that shows the answer."""
        self.click(site)
        self.page.wait_for_function(TIMED, arg=site, timeout=30 * SECONDS)
        taken: float = self.page.evaluate(
            "() => window.patchwidgetsSeen.answers.at(-1).milliseconds"
        )
        return taken


def close(number: float | list[float]) -> object:
    """As near as the arithmetic of two processes allows, in logits; the page has all digits."""
    return pytest.approx(number, rel=1e-4, abs=5e-5)


def printed(text: str) -> list[float]:
    """Read the numbers of a sentence."""
    return [
        float(found)
        for found in re.findall(r"[+-]?\d+(?:\.\d+)?", text.replace("\N{MINUS SIGN}", "-"))
    ]


def number(text: str) -> float:
    """Read a number as the page writes it; an undefined one is empty or a word."""
    try:
        return float(text.replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        return float("nan")

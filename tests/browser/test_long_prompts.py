"""A long prompt in a real browser: its three rows of tokens scroll as one, and fold again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import patchwidgets as pw
from patchwidgets.explorer.session import PatchSession
from tests.browser.bare import BarePage, serving

N = 240
LANES = ("clean", "patched", "corrupted")
SCROLLED = "(row) => row.scrollLeft"
IN_SIGHT = """(row, token) => {
  const [outer, inner] = [row, row.querySelector(token)].map((each) => each.getBoundingClientRect());
  return inner.left >= outer.left - 1 && inner.right <= outer.right + 1;
}"""


@pytest.fixture(scope="module")
def scene() -> dict[str, Any]:
    """The scene of the teaching model, with prompts that are longer than it can read."""
    events: list[dict[str, Any]] = []
    experiment = pw.Experiment(pw.load(), pw.tasks.addition(1, varies="both", part="test"))
    session = PatchSession(experiment, lambda event, _buffers: events.append(event))
    session.handle({"v": 1, "kind": "hello", "id": 1})
    session.close()
    said = next(event for event in events if event["kind"] == "scene")
    words = [f" word{i}" for i in range(N)]
    corrupted = [" other" if i == N - 6 else word for i, word in enumerate(words)]
    prompts = {"clean": words, "corrupted": corrupted, "differs": [N - 6], "positions": {}}
    return said | {
        "can_sweep": False,
        "task": said["task"] | prompts | {"counterparts": list(range(N))},
    }


@pytest.fixture(params=[480, 1300])
def page(request: pytest.FixtureRequest, browser: Browser, scene: dict[str, Any]) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    with serving() as address:
        bare = BarePage.open(page, address)
        bare.show()
        asked = bare.sent()
        bare.receive(scene | {"v": 1, "id": asked[0]["id"]})
        yield page
    page.close()


def row(page: Page, lane: str) -> Locator:
    return page.locator(f"[data-run='{lane}'] .token-row")


def test_the_last_token_is_in_sight_folded_and_unfolded(page: Page) -> None:
    last = f"[data-token='{N - 1}']"
    for lane in LANES:
        assert row(page, lane).evaluate(IN_SIGHT, last)
    row(page, "clean").locator(".fold").first.click()
    for lane in LANES:
        expect(row(page, lane).locator(".token")).to_have_count(N)
        assert row(page, lane).evaluate(IN_SIGHT, last)


def test_all_rows_scroll_as_one_from_the_differing_token_on_and_fold_again(page: Page) -> None:
    row(page, "clean").locator(".fold").first.click()
    for lane in LANES:
        page.wait_for_function(
            f"([row, token]) => ({IN_SIGHT})(row, token)",
            arg=[row(page, lane).element_handle(), f"[data-token='{N - 6}']"],
        )
    for lane, left in zip(LANES, (0, 500, 2000), strict=True):
        row(page, lane).evaluate("(row, left) => { row.scrollLeft = left; }", left)
        for other in LANES:
            page.wait_for_function(
                "([row, left]) => row.scrollLeft === left",
                arg=[row(page, other).element_handle(), left],
            )
    row(page, "patched").get_by_label("fold the identical tokens").click()
    for lane in LANES:
        expect(row(page, lane).locator(".token[data-token='0']")).to_have_count(0)
        assert row(page, lane).evaluate(IN_SIGHT, f"[data-token='{N - 1}']")
    assert len({row(page, lane).evaluate(SCROLLED) for lane in LANES}) == 1

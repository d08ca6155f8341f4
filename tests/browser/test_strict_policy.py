"""A page whose policy forbids inline styles and scripts shows the widget whole: `tests.browser.bare.POLICY`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

import patchwidgets as pw
from tests.browser.bare import BarePage, serving
from tests.browser.bare.kernel import answering
from tests.browser.notebook import Notices

LOOKS = """(el) => {
  const of = (selector) => getComputedStyle(el.querySelector(selector));
  const width = (selector) => el.querySelector(selector).getBoundingClientRect().width;
  return {
    row: of(".token-row").display,
    knob: of(".knob").position,
    bars: [...el.querySelectorAll(".out .bar")].map((bar) => bar.style.width),
    widest: width(".out .bar") / width(".out"),
    scale: of(".scale i").backgroundImage.slice(0, 16),
    delays: [...el.querySelectorAll(".reach, .flow")].map((cell) => cell.style.getPropertyValue("--d")),
  };
}"""


@pytest.fixture(scope="module")
def experiment() -> pw.Experiment:
    task = pw.Task(
        "When Mary and John went to the store, John gave a drink to",
        "When Mary and John went to the store, Mary gave a drink to",
        " Mary",
        " John",
    )
    return pw.Experiment(pw.load(), task)


@pytest.fixture
def notices() -> Notices:
    return Notices()


@pytest.fixture
def strict(browser: Browser, notices: Notices) -> Iterator[BarePage]:
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    notices.listen(page)
    with serving() as address:
        yield BarePage.open(page, address)
    page.close()


@pytest.mark.parametrize("in_shadow", [False, True], ids=["document", "shadow root"])
def test_a_strict_policy_refuses_nothing_and_the_widget_looks_right(
    strict: BarePage, experiment: pw.Experiment, notices: Notices, in_shadow: bool
) -> None:
    strict.show(in_shadow=in_shadow)
    with answering(strict, experiment) as kernel:
        kernel.answer_until(".map-note:has-text('Exact: ')")
        strict.page.locator("[data-run='patched'] [data-site='L0.H1']").click()
        kernel.answer_until("[data-result][data-site='L0.H1']")
    looks = strict.page.locator(".patchwidgets").evaluate(LOOKS)
    first = experiment.clean.top_tokens(1)[0].prob
    assert looks["row"] == "flex"
    assert looks["knob"] == "absolute"
    assert looks["bars"][0] == f"{first * 100:.1f}%"
    assert looks["widest"] == pytest.approx(first, abs=0.02)
    assert looks["scale"] == "linear-gradient("
    assert len(looks["delays"]) > 0
    assert all(delay.isdigit() for delay in looks["delays"])
    assert strict.violations() == []
    assert notices.errors == []
    assert notices.outside == []


def test_the_policy_would_refuse_an_inline_style(strict: BarePage) -> None:
    strict.page.evaluate("() => document.body.setAttribute('style', 'color: red')")
    strict.page.wait_for_function("() => window.bare.violations.length > 0")
    assert strict.violations()[0].startswith("style-src-attr: inline")

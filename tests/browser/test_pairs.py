"""A dataset in a real browser: one pair or the mean, and every number and word on the page is about the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

import patchwidgets as pw
from patchwidgets.sweep.over_pairs import PairValues
from tests.browser.axe import serious
from tests.browser.bare.kernel import BareKernel, showing
from tests.browser.notebook import Notices

WORDS = "(lane) => [...lane.querySelectorAll('.token-row button')].map((each) => each.textContent)"


@pytest.fixture(scope="module")
def experiment() -> pw.Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(n=6, seed=0))


@pytest.fixture
def notices() -> Notices:
    return Notices()


@pytest.fixture
def page(browser: Browser, notices: Notices) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    notices.listen(page)
    yield page
    page.close()


@pytest.fixture
def kernel(page: Page, experiment: pw.Experiment) -> Iterator[BareKernel]:
    """The page, with L0.H1 patched on the mean of all pairs."""
    with showing(page, experiment) as kernel:
        kernel.answer_until(".chart.heads .map-note:has-text('Exact: 16')")
        page.locator("[data-run='patched'] [data-site='L0.H1']").click()
        kernel.answer_until("[data-result][data-site='L0.H1'][data-pair='mean']")
        yield kernel


def words(page: Page, lane: str) -> list[str]:
    """The tokens of a lane, as they are read."""
    said: list[str] = page.locator(f"[data-run='{lane}']").evaluate(WORDS)
    return said


def number(page: Page, selector: str, name: str) -> float:
    return float(page.locator(selector).first.get_attribute(f"data-{name}") or "nan")


def test_a_step_switches_every_number_and_every_word(
    kernel: BareKernel, page: Page, experiment: pw.Experiment, notices: Notices
) -> None:
    expected = experiment.patch("L0.H1")
    assert number(page, "[data-result]", "recovery") == expected.recovery
    assert experiment.pairs[1].clean != experiment.pairs[0].clean
    for pair in range(2):
        page.get_by_label("next pair").click()
        kernel.answer_until(f"[data-result][data-pair='{pair}']")
        kernel.answer_until(".chart.heads .map-note:has-text('Exact: 16')")
        assert number(page, "[data-result]", "recovery") == expected.per_pair.recovery[pair]
        assert number(page, "[data-result]", "effect") == expected.per_pair.effect[pair]
        tokens = experiment.model.token_strings(experiment.pairs[pair].clean)
        assert words(page, "clean") == [token.replace(" ", "␣") for token in tokens]
        assert words(page, "patched") == words(page, "corrupted")
        top = expected.run_tokens(1, pair)[0].token.replace(" ", "␣")
        assert page.locator("[data-run='patched'] .out .mono").first.text_content() == top
        assert f"In pair {pair + 1}," in (page.locator(".finding").text_content() or "")
    assert notices.errors == []
    assert kernel.bare.violations() == []


def test_over_the_mean_stands_no_word_of_one_pair(kernel: BareKernel, page: Page) -> None:
    pairs = kernel.session.experiment.pairs
    strings = kernel.session.experiment.model.token_strings
    if len({len(pair) for pair in pairs}) > 1:
        assert words(page, "clean")[-1] == strings(pairs[0].clean[-1:])[0].replace(" ", "␣")
        return
    for i, said in enumerate(words(page, "clean")):
        different = {pair.clean[i] for pair in pairs}
        own = {token.replace(" ", "␣") for token in strings(sorted(different))}
        assert (said in own) == (len(different) == 1)


def test_the_dots_are_the_pairs_and_their_mean_has_an_interval(
    kernel: BareKernel, page: Page, experiment: pw.Experiment
) -> None:
    expected = experiment.patch("L0.H1")
    dots = page.locator(".pair-dots .dot")
    shown = {
        int(dot.get_attribute("data-pair") or -1): float(dot.get_attribute("data-recovery") or 0)
        for dot in dots.all()
    }
    assert [shown[pair] for pair in range(6)] == expected.per_pair.recovery.tolist()
    reading = expected["logit_diff"]
    values = PairValues(
        reading.patched,
        expected.per_pair.effect,
        reading.clean,
        reading.corrupted,
        reading.noise_floor,
        "denoise",
        median=False,
    )
    bounds = values.intervals()
    for name in ("low", "high"):
        np.testing.assert_equal(number(page, ".pair-dots", name), float(bounds[f"recovery_{name}"]))
    assert number(page, ".pair-dots", "mean") == expected.recovery
    box = page.locator(".pair-dots [data-pair='3']").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    expect(page.locator(".readout .about")).to_have_text(re.compile("^pair 4 of 6 · recovery "))
    page.mouse.click(*middle)
    kernel.answer_until("[data-result][data-pair='3']")


def test_pairs_are_reached_from_the_keyboard(kernel: BareKernel, page: Page) -> None:
    page.locator("[role='grid'] [tabindex='0']").first.focus()
    for key, shown in ((".", "0"), (".", "1"), (",", "0"), ("m", "mean")):
        page.keyboard.press(key)
        kernel.answer_until(f"[data-result][data-pair='{shown}']")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [480, 900, 1280, 1800])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(
    kernel: BareKernel,
    page: Page,
    shoot: Callable[[str, str], Path],
    theme: str,
    width: int,
) -> None:
    page.evaluate(
        "(light) => document.body.setAttribute('data-jp-theme-light', light)",
        str(theme == "light").lower(),
    )
    page.set_viewport_size({"width": width, "height": 900})
    page.get_by_label("next pair").click()
    kernel.answer_until("[data-result][data-pair='0']")
    shoot(".patchwidgets", f"pairs-{theme}-{width}")
    root = page.locator(".patchwidgets")
    assert root.evaluate("(root) => root.scrollWidth - root.clientWidth") <= 0
    assert serious(root) == []

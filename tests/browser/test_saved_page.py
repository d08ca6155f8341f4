"""A saved page works from a file, with the network off, under its own policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

import patchwidgets as pw
from tests.browser.axe import serious
from tests.browser.saved_page import SITES, SavedPage, names_task, opened
from tests.support.odd_tokens import ODD_TOKENS, odd_model

LIMIT = 400_000
"""Bytes of a page of the teaching model."""


@pytest.fixture(scope="module")
def experiment() -> pw.Experiment:
    return pw.Experiment(pw.load(), names_task())


@pytest.fixture(scope="module")
def saved(experiment: pw.Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page that was saved after a joint patch, a path and a patch in the other direction."""
    path = tmp_path_factory.mktemp("saved") / "page.html"
    explorer = experiment.explore("L0.H1", "L1.H2")
    for sites, direction in ((["L0.H1->L1.mlp_in"], "denoise"), (["L1.mlp_out@-1"], "noise")):
        assert explorer.result
        explorer.select(*sites, direction=direction)
    explorer.to_html(path, components=())
    explorer.close()
    return path


@pytest.fixture
def page(browser: Browser, saved: Path) -> Iterator[SavedPage]:
    with opened(browser, saved) as page:
        yield page
        assert page.notices.errors == []
        assert page.notices.outside == []


def test_it_shows_the_last_state(page: SavedPage, experiment: pw.Experiment) -> None:
    result = experiment.flip().patch("L1.mlp_out@-1")
    assert page.numbers("L1.mlp_out@-1") == pytest.approx(
        (result.effect, result.recovery), abs=1e-4
    )


def test_what_was_asked_before_is_answered(page: SavedPage, experiment: pw.Experiment) -> None:
    page.numbers("L1.mlp_out@-1")
    page.page.locator(".history button", has_text="L0.H1 and L1.H2").first.click()
    result = experiment.patch("L0.H1", "L1.H2")
    assert page.numbers("L0.H1", "L1.H2") == pytest.approx(
        (result.effect, result.recovery), abs=1e-4
    )


def test_the_lines_of_python_are_in_it(page: SavedPage) -> None:
    page.page.locator("summary").click()
    lines = page.page.locator("pre#code")
    expect(lines).to_contain_text("model = pw.load()")
    expect(lines).to_contain_text("exp.patch('L1.mlp_out@-1')")
    page.page.locator(".history button", has_text="L0.H1 and L1.H2").first.click()
    expect(lines).to_contain_text("exp.patch('L0.H1', 'L1.H2')")
    expect(lines).to_contain_text("direction='denoise'")
    page.page.locator(".metric-select").select_option("kl")
    expect(lines).to_contain_text("metric='kl'")


@pytest.fixture(scope="module")
def whole(experiment: pw.Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page on which nothing was patched yet."""
    path = tmp_path_factory.mktemp("whole") / "page.html"
    experiment.to_html(path)
    return path


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_single_sites_have_the_numbers_of_exp_patch(
    browser: Browser, whole: Path, experiment: pw.Experiment, direction: str
) -> None:
    exp = experiment.flip() if direction == "noise" else experiment
    with opened(browser, whole) as page:
        page.click(SITES[0])
        page.numbers(SITES[0])
        if direction == "noise":
            page.page.keyboard.press("n")
        for metric in ("kl", "logit_diff"):
            page.page.locator(".metric-select").select_option(metric)
            page.page.locator(f"[data-result][data-metric='{metric}']").wait_for(state="attached")
            for site in reversed(SITES):
                page.click(site)
                result = exp.measuring(metric).patch(site)
                expected = result.effect, result.recovery
                assert page.numbers(site) == pytest.approx(expected, abs=1e-4), (metric, site)
        assert page.notices.errors == []


def test_the_maps_are_there_and_their_cells_answer(
    browser: Browser, whole: Path, experiment: pw.Experiment
) -> None:
    with opened(browser, whole) as page:
        expect(page.page.locator(".map-note", has_text="Exact: 16 of 16")).to_have_count(1)
        cell = page.page.locator("[data-map='positions'] [data-site$='@9']").nth(1)
        site = cell.get_attribute("data-site")
        assert site is not None
        cell.click()
        result = experiment.patch(site)
        expected = result.effect, result.recovery
        assert page.numbers(site) == pytest.approx(expected, abs=1e-4)


def test_what_was_not_computed_says_so_and_how(browser: Browser, whole: Path) -> None:
    with opened(browser, whole) as page:
        page.click("L0.H1")
        page.numbers("L0.H1")
        page.page.locator("[data-run='patched'] [data-site='L2.H2']").click(modifiers=["Shift"])
        said = page.page.get_by_text("not computed before this page was saved")
        expect(said.first).to_contain_text("exp.patch('L0.H1', 'L2.H2')")
        assert page.notices.errors == []


def test_what_certainly_changes_nothing_is_0(browser: Browser, whole: Path) -> None:
    with opened(browser, whole) as page:
        page.page.locator("[data-run='patched'] [data-token='2']").click()
        page.click("L1.H0")
        assert page.numbers("L1.H0@2") == (0, 0)
        expect(page.page.locator(".heads .map-note", has_text="Exact: 16 of 16")).to_have_count(1)
        assert page.notices.errors == []


def test_it_does_not_invite_to_what_it_lacks(browser: Browser, whole: Path) -> None:
    with opened(browser, whole) as page:
        expect(page.page.locator(".caption").first).to_contain_text(
            "Click a token to patch attention or an MLP at one position. "
            "Joint patches and paths need Python."
        )
        page.page.locator("[data-mode='path']").click(force=True)
        expect(page.page.locator(".status")).to_contain_text("exp.path('L0.H1->L2.H3.q')")
        page.page.locator("[data-run='patched'] [data-token='14']").click()
        heads = page.page.locator("[data-run='patched'] .missing.box")
        expect(heads).to_have_count(16)
        expect(page.page.locator(".heads .none")).to_contain_text("it needs Python: exp.sweep(")
        heads.first.click(modifiers=["Alt"], force=True)
        assert page.numbers("L0.H0@-1") == (0, 0)
        heads.nth(1).click(modifiers=["Shift"], force=True)
        expect(page.page.locator(".status")).to_contain_text("L0.H0@-1 frozen + L0.H1@-1 together")
        assert page.notices.errors == []


CLIPPED = """() => {
  const root = document.querySelector('#explorer > *').shadowRoot;
  const shown = (each) => each.checkVisibility({visibilityProperty: true});
  const words = [...root.querySelectorAll('.finding, .caption, .lane-head > *, .switch button')].filter(shown);
  const panels = [...root.querySelectorAll('.chart')];
  const outside = panels.flatMap((panel) => [...panel.querySelectorAll('.switch')].filter(
    (each) => each.getBoundingClientRect().right > panel.getBoundingClientRect().right));
  const wide = [...root.querySelectorAll('.plot text.inside')].filter((each) => {
    const cell = each.previousElementSibling;
    return each.getBBox().width > cell.getBBox().width;
  });
  return [
    ...words.filter((e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 2),
    ...outside, ...wide].map((each) => `${each.className.baseVal ?? each.className} ${each.textContent}`);
}"""


@pytest.mark.parametrize("width", [360, 390])
def test_a_telephone_shows_whole_words(browser: Browser, whole: Path, width: int) -> None:
    with opened(browser, whole) as page:
        page.page.set_viewport_size({"width": width, "height": 900})
        expect(page.page.locator(".map-note", has_text="Exact: 60 of 60")).to_have_count(1)
        assert clipped(page.page) == []
        page.click("L0.H1")
        page.numbers("L0.H1")
        assert clipped(page.page) == []


def clipped(page: Page) -> list[str]:
    """What is cut off, once the page has laid itself out for its width and for the numbers that it shows."""
    # A function, not an expression: that would be evaluated anew at each frame, which the page's policy forbids.
    with suppress(PlaywrightTimeout):
        page.wait_for_function(f"() => ({CLIPPED})().length === 0", timeout=10_000)
    found: list[str] = page.evaluate(CLIPPED)
    return found


def test_every_pair_of_a_small_dataset(browser: Browser, tmp_path: Path) -> None:
    experiment = pw.Experiment(pw.load(), pw.tasks.addition(n=3, seed=0))
    experiment.to_html(tmp_path / "pairs.html")
    result = experiment.patch("L1.H2")
    with opened(browser, tmp_path / "pairs.html") as page:
        page.click("L1.H2")
        assert page.numbers("L1.H2") == pytest.approx((result.effect, result.recovery), abs=1e-4)
        for pair in range(3):
            step = ".one" if pair == 0 else "[aria-label='next pair']"
            page.page.locator(f".stepper {step}").click()
            page.page.locator(f"[data-result][data-pair='{pair}']").wait_for(state="attached")
            of_pair = result.per_pair
            expected = float(of_pair.effect[pair]), float(of_pair.recovery[pair])
            assert page.numbers("L1.H2") == pytest.approx(expected, abs=1e-4), pair
        assert page.notices.errors == []


def test_paper_is_light_and_has_no_toolbar(browser: Browser, whole: Path) -> None:
    with opened(browser, whole) as page:
        page.page.emulate_media(color_scheme="dark")
        page.click("L0.H1")
        page.numbers("L0.H1")
        expect(page.page.locator(".patchwidgets.pw-dark")).to_have_count(1)
        page.page.emulate_media(media="print", color_scheme="dark")
        expect(page.page.locator(".patchwidgets.pw-dark")).to_have_count(0)
        expect(page.page.locator(".toolbar").first).to_be_hidden()
        for shown in (".finding", "[data-run='patched']", "[data-map='heads']"):
            expect(page.page.locator(shown).first).to_be_visible()


def test_it_says_to_what_it_is_rounded(browser: Browser, whole: Path) -> None:
    with opened(browser, whole) as page:
        expect(page.page.get_by_text("is rounded to 0.01")).to_have_count(1)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_from_using_it(
    browser: Browser, whole: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    with opened(browser, whole) as page:
        page.page.emulate_media(color_scheme=scheme)
        page.page.set_viewport_size({"width": width, "height": 900})
        page.click("L0.H1")
        page.numbers("L0.H1")
        assert serious(page.page.locator("html")) == []
        assert page.page.evaluate("document.documentElement.scrollWidth") == width


def test_it_is_small(whole: Path) -> None:
    assert whole.stat().st_size < LIMIT


def test_odd_tokens_are_text(browser: Browser, tmp_path: Path) -> None:
    model = odd_model("</script><script>alert(1)</script>")
    for token in (ODD_TOKENS[0], ODD_TOKENS[1], "<b>x</b>"):
        task = pw.Task(f"w3 w14{token}w9", "w3 w14 w5 w9", " w8", " w7")
        path = tmp_path / "odd.html"
        pw.Experiment(model, task).to_html(path, "L1.H2")
        with opened(browser, path) as page:
            page.numbers("L1.H2")
            expect(page.page.locator("h1")).to_contain_text(f"alert(1)</script>: w3 w14{token}w9")
            expect(page.page.locator("img, h1 b")).to_have_count(0)
            assert page.notices.errors == []

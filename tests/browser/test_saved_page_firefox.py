"""A saved page in Firefox: opened from a file, with the network off, it has the numbers of `exp.patch`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from marionette_driver.wait import Wait

import patchwidgets as pw
from tests.browser.firefox import FirefoxPage, opened
from tests.browser.saved_page import SITES, names_task


@pytest.fixture(scope="module")
def firefox() -> Iterator[FirefoxPage]:
    with opened() as page:
        yield page


def test_single_sites_have_the_numbers_of_exp_patch(firefox: FirefoxPage, tmp_path: Path) -> None:
    experiment = pw.Experiment(pw.load(), names_task())
    experiment.to_html(tmp_path / "page.html")
    firefox.open(tmp_path / "page.html")
    for direction in ("denoise", "noise"):
        exp = experiment.turned(direction)
        firefox.click(SITES[0])
        firefox.numbers(SITES[0], metric="logit_diff")
        if direction == "noise":
            firefox.press("n")
        for metric in ("kl", "logit_diff"):
            firefox.choose(".metric-select", metric)
            for site in reversed(SITES):
                firefox.click(site)
                result = exp.measuring(metric).patch(site)
                expected = result.effect, result.recovery
                found = firefox.numbers(site, metric=metric)
                assert found == pytest.approx(expected, abs=1e-4), (direction, metric, site)
    assert firefox.errors == []


def test_its_console_tells_of_violations(firefox: FirefoxPage, tmp_path: Path) -> None:
    """Otherwise the test above could not fail by one."""
    policy = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'">"""
    (tmp_path / "bad.html").write_text(f"{policy}<script>alert(1)</script>", encoding="utf-8")
    firefox.open(tmp_path / "bad.html")
    assert any("Content-Security-Policy" in each for each in firefox.errors)


@pytest.mark.parametrize(
    "code", ["throw Error('of the page')", "Promise.reject(Error('of the page'))"]
)
def test_its_console_tells_of_errors_of_the_page_alone(
    firefox: FirefoxPage, tmp_path: Path, code: str
) -> None:
    """Firefox's own services fail now and then, which says nothing of the page."""
    (tmp_path / "page.html").write_text(f"<!DOCTYPE html><script>{code}</script>", encoding="utf-8")
    firefox.open(tmp_path / "page.html")
    with firefox.marionette.using_context("chrome"):
        firefox.marionette.execute_script("Promise.reject(Error('of Firefox'))")
        firefox.marionette.execute_script("setTimeout(() => { throw Error('of Firefox') })")
    Wait(firefox.marionette).until(lambda _: firefox.errors)
    assert firefox.errors == ["Error: of the page"]

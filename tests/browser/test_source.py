"""What is put into what, in JupyterLab: ablations, steering and noise give the numbers of `Experiment.patch`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

import patchwidgets as pw
from patchwidgets.facade import Experiment
from patchwidgets.sites import Patch
from tests.browser.axe import serious
from tests.browser.explorer import ROOT, Explorer
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook

CLEAN = "When Mary and John went to the store, John gave a drink to"
CORRUPTED = "When Mary and John went to the store, Mary gave a drink to"
CODE = f"""
import patchwidgets as pw

w = pw.Experiment(pw.load(), pw.Task({CLEAN!r}, {CORRUPTED!r}, " Mary", " John")).explore()
w
"""
SITE = "L0.H1"


@pytest.fixture(scope="module")
def exp() -> Experiment:
    return Experiment(pw.load(), pw.Task(CLEAN, CORRUPTED, " Mary", " John"))


@pytest.fixture
def explorer(lab: Lab, open_in_lab: Callable[[str], Notebook]) -> Explorer:
    written = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    written.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(written, lab.root / "source.ipynb")
    return Explorer.run(open_in_lab("source.ipynb"))


def choose(explorer: Explorer, source: str) -> None:
    """Choose in the sentence what is put in; what is patched already is patched with it."""
    explorer.root.locator("select.from").select_option(source)
    expect(explorer.root.locator(f"select.from[data-source='{source}']")).to_be_visible()


def shows(explorer: Explorer, effect: float) -> None:
    """Wait until the page shows this effect, to within rounding."""
    explorer.result.wait_for(state="attached", timeout=30_000)
    handle = explorer.result.element_handle()
    near = "([shown, effect]) => Math.abs(Number(shown.dataset.effect) - effect) < 2e-5"
    explorer.page.wait_for_function(near, arg=[handle, effect], timeout=30_000)


def test_every_source_gives_the_numbers_of_patch(explorer: Explorer, exp: Experiment) -> None:
    noising, sources = exp.turned("noise"), pw.sources
    explorer.click(SITE)
    shows(explorer, exp.patch(SITE).effect)
    choose(explorer, "zero")
    shows(explorer, noising.patch(Patch(SITE, sources.zero())).effect)
    expect(explorer.root.locator("[data-run='patched'].ablated")).to_be_visible()
    expect(explorer.root.locator(".patch-arrow")).to_have_count(0)
    choose(explorer, "mean")
    shows(explorer, noising.patch(Patch(SITE, sources.mean(per=None))).effect)
    explorer.root.locator("select.host").select_option("corrupted")
    shows(explorer, exp.patch(Patch(SITE, sources.mean(per=None))).effect)
    choose(explorer, "steer")
    explorer.root.locator(".dose input").fill("0.5")
    shows(explorer, exp.patch(Patch(SITE, sources.steer("clean - corrupted", 0.5))).effect)
    choose(explorer, "at")
    explorer.root.locator("select.elsewhere").select_option("3")
    shows(explorer, exp.patch(Patch(SITE, sources.at(f"{SITE}@3"))).effect)
    choose(explorer, "noise")
    explorer.root.locator("[data-run='patched'] [data-token='10']").click()
    shows(explorer, noising.patch(Patch("embed@10", sources.noise(n=5, seed=0))).effect)
    expect(explorer.root.locator(".stats")).to_contain_text("±")


def test_a_map_of_ablations_gives_the_number_of_its_click(
    explorer: Explorer, exp: Experiment
) -> None:
    choose(explorer, "zero")
    zeroed = exp.turned("noise").sweep(
        "z", make=lambda site: Patch(site, pw.sources.zero()), progress=False
    )
    heads = explorer.root.locator("[data-map='heads']")
    expect(explorer.root.locator(".chart.heads [data-sweep='done']")).to_be_attached(timeout=60_000)
    share = round(100 * float(zeroed.share.values[0, 1]))
    cell = heads.locator(f"[data-site='{SITE}']")
    expect(cell).to_have_attribute("aria-label", f"{SITE}, {share} %")
    cell.click()
    explorer.wait_for(SITE)
    patched = exp.turned("noise").patch(Patch(SITE, pw.sources.zero()))
    assert explorer.reading().effect == pytest.approx(patched.effect, abs=1e-5)
    assert patched.effect == pytest.approx(float(zeroed.effect.values[0, 1]), abs=1e-4)


def test_only_the_selection_is_kept_by_keys_alone(explorer: Explorer, exp: Experiment) -> None:
    explorer.click(SITE)
    explorer.wait_for(SITE)
    kept = explorer.root.locator(".circuit .kept")
    explorer.page.keyboard.press("c")
    expect(kept).to_have_attribute("data-members", SITE, timeout=30_000)
    stays = float(kept.get_attribute("data-faithfulness") or "nan")
    assert stays == pytest.approx(exp.evaluate(pw.Circuit([SITE])).faithfulness, abs=1e-5)
    expect(explorer.root.locator(".circuit .add")).to_be_enabled(timeout=60_000)
    explorer.page.keyboard.press("+")
    expect(kept).to_contain_text("these 2", timeout=30_000)
    members = (kept.get_attribute("data-members") or "").split(" + ")
    both = pw.Circuit.top(exp.sweep("z", progress=False), 2)
    assert pw.Circuit(members) == both
    stays = float(kept.get_attribute("data-faithfulness") or "nan")
    assert stays == pytest.approx(exp.evaluate(both).faithfulness, abs=1e-5)
    explorer.root.locator(".circuit > .tool").click()
    last = explorer.root.locator(".curve .point").last
    expect(last).to_have_attribute("data-n", "16", timeout=60_000)
    assert float(last.get_attribute("data-faithfulness") or "nan") == pytest.approx(1.0, abs=1e-4)


def test_axe_finds_nothing_serious(explorer: Explorer) -> None:
    explorer.click(SITE)
    explorer.wait_for(SITE)
    choose(explorer, "zero")
    choose(explorer, "steer")
    explorer.tool("Keep only").click()
    expect(explorer.root.locator(".circuit .kept")).to_contain_text("Keep only", timeout=30_000)
    assert serious(explorer.root) == []


def test_a_frozen_box_keeps_its_value_and_says_what_it_costs(
    explorer: Explorer, exp: Experiment, shoot: Callable[[str, str], Path]
) -> None:
    alone, frozen = exp.patch(SITE), Patch("L1.attn_out", "host")
    explorer.click(SITE)
    shows(explorer, alone.effect)
    explorer.component("L1.attn_out").click(modifiers=["Alt"])
    shows(explorer, exp.patch(SITE, frozen).effect)
    expect(explorer.root.locator("[data-run='patched'] .held")).to_have_count(1)
    expect(explorer.root.locator(".patch-arrow")).to_have_count(1)
    expect(explorer.finding).to_contain_text(f"{SITE} with L1.attn_out frozen")
    expect(explorer.root.locator(".caption")).to_have_text(
        f"With nothing frozen its effect is {alone.effect:+.3g}."
    )
    shoot(ROOT, "frozen")
    assert serious(explorer.root) == []
    choose(explorer, "zero")
    shows(explorer, exp.turned("noise").patch(Patch(SITE, pw.sources.zero()), frozen).effect)
    explorer.page.keyboard.press("Escape")

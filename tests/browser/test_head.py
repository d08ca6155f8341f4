"""The panel of a head and the lens in JupyterLab: their numbers are those of the public functions; edges are cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import nbformat
import pytest
from playwright.sync_api import Locator, expect

import patchwidgets as pw
from patchwidgets.facade import Experiment
from patchwidgets.sites import Patch
from patchwidgets.tokens import printable
from tests.browser.axe import serious
from tests.browser.explorer import ROOT, Explorer, close
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook, Notices, Theme

CLEAN = "When Mary and John went to the store, John gave a drink to"
CORRUPTED = "When Mary and John went to the store, Mary gave a drink to"
CODE = f"""
import patchwidgets as pw

task = pw.Task({CLEAN!r}, {CORRUPTED!r}, " Mary", " John")
w = pw.Experiment(pw.load({{name}}), task).explore()
w
"""
LATE = 60_000
"""Milliseconds that a busy machine may take for the paths into a head."""
BEADS_SAY = """([root, run, tokens]) => JSON.stringify(tokens) === JSON.stringify(
  [...root.querySelectorAll(`[data-run='${run}'] .bead`)].map((each) => each.dataset.token))"""


@dataclass(frozen=True)
class Case:
    """A model, and the head that is looked at: its name, its receivers, the layer whose stream is read."""

    name: str
    head: str
    receivers: dict[str, str]
    layer: int

    @property
    def experiment(self) -> Experiment:
        """The same experiment as in the notebook."""
        task = pw.Task(CLEAN, CORRUPTED, " Mary", " John")
        return Experiment(pw.load(*([self.name] if self.name else [])), task)


CASES = {
    "teaching": Case("", "L1.H1", {part: f"L1.H1.{part}" for part in "qkv"}, 2),
    "smollm2": Case("smollm2", "L23.H3", {"q": "L23.H3.q", "k": "L23.KV1.k", "v": "L23.KV1.v"}, 26),
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def exp(case: Case) -> Experiment:
    return case.experiment


@pytest.fixture(scope="module")
def notebook(case: Case, lab: Lab, open_in_lab: Callable[[str], Notebook]) -> Notebook:
    code = CODE.format(name=repr(case.name) if case.name else "")
    written = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    written.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    name = f"head-{case.name or 'teaching'}.ipynb"
    nbformat.write(written, lab.root / name)
    return open_in_lab(name)


@pytest.fixture(scope="module")
def explorer(notebook: Notebook) -> Explorer:
    explorer = Explorer.run(notebook)
    notebook.set_width(ROOT, 1300)  # all layers are in view, whatever an earlier case left
    return explorer


@pytest.fixture
def panel(explorer: Explorer, case: Case) -> Locator:
    """The panel of the head, after this head was patched and its panel was opened with a key."""
    explorer.click(case.head)
    explorer.wait_for(case.head)
    explorer.page.keyboard.press("h")
    panel = explorer.root.locator(f".head-panel[data-head='{case.head}'][data-known]")
    expect(panel).to_have_count(1, timeout=LATE)
    return panel


def numbers(rows: Locator, name: str) -> list[float]:
    """A data attribute of several elements."""
    found: list[str] = rows.evaluate_all(f"(all) => all.map((each) => each.dataset.{name})")
    return [float(text) for text in found]


def test_attention_is_the_public_pattern(panel: Locator, case: Case, exp: Experiment) -> None:
    pattern = exp.patch(case.head).pattern(case.head).isel(query=-1)
    rows = panel.locator(".key-row")
    expect(rows).to_have_count(pattern.sizes["key"])
    for run in ("clean", "patched", "corrupted"):
        assert numbers(rows, run) == close(pattern.sel(run=run).values.tolist())


def test_written_tokens_are_the_public_ones(panel: Locator, case: Case, exp: Experiment) -> None:
    for run, written in exp.patch(case.head).written(case.head).items():
        for end in ("up", "down"):
            rows = panel.locator(f"[data-written='{run}'] .{end} tr")
            expected = getattr(written, end)
            assert numbers(rows, "logit") == close([each.logit for each in expected])
            first = rows.first.get_attribute("data-token")
            assert first == expected[0].token


def test_what_feeds_it_is_exact(
    panel: Locator, explorer: Explorer, case: Case, exp: Experiment
) -> None:
    expect(panel.locator("[data-receiver]")).to_be_visible(timeout=LATE)
    effects = {"total": exp.patch(case.head).effect, "direct": exp.path(case.head, "logits").effect}
    for name, effect in effects.items():
        row = panel.locator(f"[data-effect-of='{name}']")
        assert numbers(row, "effect") == close([effect])
    paths = exp.sweep_paths([*case.receivers.values()], progress=False).to_xarray()["effect"]
    for part, receiver in case.receivers.items():
        panel.locator(f"[data-part='{part}']").click()
        expect(panel.locator("[data-receiver]")).to_have_attribute("data-receiver", receiver)
        senders = panel.locator(".sender")
        names = senders.evaluate_all("(all) => all.map((each) => each.dataset.sender)")
        found = numbers(senders, "effect")
        assert found == sorted(found, key=abs, reverse=True)
        into = paths.sel(edge=paths["receiver"] == receiver).values.ravel()
        strongest = sorted(map(abs, into.tolist()), reverse=True)[: len(found)]
        assert list(map(abs, found)) == close(strongest)
        assert found[0] == close(exp.path(names[0], receiver).effect)
        senders.first.click()
        followed = explorer.wait_for(f"{names[0]}->{receiver}")
        assert followed.effect == close(found[0])
        expect(senders.first).to_be_focused()


def test_a_click_cuts_an_edge_and_undo_gives_it_back(
    panel: Locator, explorer: Explorer, case: Case, exp: Experiment
) -> None:
    key = int(exp.patch(case.head).pattern(case.head).isel(query=-1, run=0).values.argmax())
    row = panel.locator(f".key-row[data-key='{key}']")
    row.click()
    site = f"{case.head}.pattern@-1"
    reading = explorer.wait_for(site)
    expected = exp.patch(Patch(site, pw.sources.cut(key)))
    assert reading.effect == close(expected.effect)
    assert explorer.has_focus()
    expect(row).to_have_attribute("data-patched", "0")
    finding = explorer.root.locator(".finding")
    expect(finding).to_contain_text(f"Cutting {case.head} @-1 → @{key}")
    explorer.tool("Export").click()
    expect(explorer.root.locator(".panel.export pre")).to_contain_text(
        f"pw.Patch('{site}', source=pw.sources.cut({key}))"
    )
    explorer.root.get_by_label("close").click()
    explorer.tool("undo").click()
    explorer.wait_for(case.head)
    expect(row).not_to_have_attribute("data-patched", "0")


def test_an_edge_is_cut_with_the_keyboard_alone(
    panel: Locator, explorer: Explorer, case: Case
) -> None:
    page = explorer.page
    panel.locator(".key-row").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    focused = panel.locator(".key-row:focus")
    key = focused.get_attribute("data-key")
    page.keyboard.press("Enter")
    explorer.wait_for(f"{case.head}.pattern@-1")
    expect(panel.locator(f".key-row[data-key='{key}']")).to_be_focused()


def test_whole_patterns_are_one_switch_away(panel: Locator, case: Case) -> None:
    panel.locator(".whole-switch").click()
    names = panel.locator("[data-pattern]")
    expect(names).to_have_count(4, timeout=LATE)
    sizes = panel.locator("canvas").evaluate_all("(all) => all.map((each) => each.width)")
    assert len(set(sizes)) == 1
    panel.locator(".whole-switch").click()
    expect(panel.locator(".key-row").first).to_be_visible()


def test_the_lens_reads_what_the_public_lens_reads(
    panel: Locator, explorer: Explorer, case: Case, exp: Experiment
) -> None:
    explorer.click(case.head)
    explorer.wait_for(case.head)
    explorer.page.keyboard.press("t")
    expect(explorer.root.locator(".beads:not(.stale)")).to_have_count(3, timeout=LATE)
    lens = exp.patch(case.head).lens(k=1).to_xarray().isel(pair=0, pos=0)
    for run in ("clean", "patched", "corrupted"):
        tops = [printable(token) for token in lens["top_token"].sel(run=run).isel(top=0).values]
        changes = [token for i, token in enumerate(tops) if i == 0 or token != tops[i - 1]]
        explorer.page.wait_for_function(
            BEADS_SAY, arg=[explorer.root.element_handle(), run, changes], timeout=LATE
        )
    explorer.page.mouse.move(0, 0)
    explorer.component(f"L{case.layer}.resid_post").focus()
    for run in ("clean", "patched", "corrupted"):
        said = explorer.root.locator(f"[data-lens-run='{run}']")
        at = lens.sel(run=run, layer=case.layer)
        assert said.get_attribute("data-token") == str(at["top_token"].values[0])
        assert numbers(said, "prob") == close([float(at["top_prob"].values[0])])
        assert numbers(said, "answerProb") == close([float(at["answer_prob"])])
        assert numbers(said, "rank") == [float(at["answer_rank"])]
    if case.name == "":  # the package has a Jacobian lens for the teaching model
        explorer.root.locator("[data-method='jacobian']").click()
        expect(explorer.root.locator(".beads[data-lens='jacobian']")).to_have_count(3)
    explorer.root.get_by_label("lens off").click()
    expect(explorer.root.locator(".bead")).to_have_count(0)


@pytest.mark.parametrize("width", [1300, 700, 500])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    panel: Locator,
    explorer: Explorer,
    notebook: Notebook,
    case: Case,
    shoot: Callable[[str, str], object],
    theme: Theme,
    width: int,
) -> None:
    notebook.set_theme(theme)
    notebook.set_width(ROOT, width)
    explorer.component("L0.H0").focus()
    explorer.page.keyboard.press("t")
    expect(explorer.root.locator(".beads:not(.stale)")).to_have_count(3, timeout=LATE)
    shoot(ROOT, f"head-{case.name or 'teaching'}-{theme}-{width}")
    assert serious(explorer.root) == []
    too_wide = explorer.root.evaluate("(root) => root.scrollWidth - root.clientWidth")
    assert too_wide <= 0
    explorer.root.get_by_label("lens off").click()


def test_nothing_was_wrong_on_the_way(explorer: Explorer, lab: Lab, notices: Notices) -> None:
    assert notices.errors == []
    assert notices.outside == []
    assert lab.outside_requests() == []

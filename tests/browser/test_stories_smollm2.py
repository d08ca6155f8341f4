"""Stories 1, 2, 3 and 5 on SmolLM2 in JupyterLab, on a screen of 1,280 × 720; and of story 10, odd tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from tests.browser.axe import serious
from tests.browser.explorer import SECONDS, Explorer, close, printed
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook, Notices, write_notebook
from tests.browser.stories import names_task
from tests.support.prompts import CLEAN, CORRUPTED

CODE = f"""
import patchwidgets as pw

model = pw.load("smollm2")
w = pw.Experiment(model, pw.Task({CLEAN!r}, {CORRUPTED!r}, " Mary", " John")).explore()
w
"""
MARKUP = """
def odd(readout):
    return readout.logits[:, 0]


odd.__name__ = "<img src=x onerror=alert(1)>"
before = "When Mary and John went to 東京 <script>alert(1)</script><jupyter_text>"
task = pw.Task(before + " John gave a drink to", before + " Mary gave a drink to", " Mary", " John")
pw.Experiment(model, task, metric=["logit_diff", odd]).explore()
"""
SITE = "L23.H3"
DIFFERS = 9
SCREEN: ViewportSize = {"width": 1280, "height": 720}
TOGGLE_FILES = "() => window.jupyterapp.commands.execute('application:toggle-left-area')"
# JupyterLab scrolls its own panel; the explorer begins at its upper edge.
TO_TOP = """(root) => {
  root.scrollIntoView({ block: "start" });
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
# Notes when a frame first shows the lanes, the hatching of estimates, and two exact maps.
WATCH = """() => {
  const first = window.patchwidgetsFirst = {};
  const look = () => {
    const hosts = [...document.querySelectorAll(".jp-OutputArea-output *")];
    const root = hosts.find((each) => each.shadowRoot)?.shadowRoot;
    if (root?.querySelector("[data-run]")) first.lanes ??= performance.now();
    if (root?.querySelector("[data-estimated]")) first.estimate ??= performance.now();
    if (root?.querySelectorAll("[data-sweep='done']").length === 2) first.exact = performance.now();
    else requestAnimationFrame(look);
  };
  look();
}"""


@pytest.fixture(scope="module")
def notebook(page: Page, lab: Lab, open_in_lab: Callable[[str], Notebook]) -> Notebook:
    page.set_viewport_size(SCREEN)
    write_notebook(lab, "smollm2.ipynb", CODE, MARKUP)
    return open_in_lab("smollm2.ipynb")


@pytest.fixture(scope="module")
def running(notebook: Notebook) -> Explorer:
    notebook.page.evaluate(TOGGLE_FILES)
    notebook.page.evaluate(WATCH)
    notebook.run_cell(0)
    return Explorer.shown(notebook.page)


@pytest.fixture
def explorer(running: Explorer) -> Explorer:
    """The explorer with nothing patched, clean values going into the corrupted run."""
    running.root.locator("select.host").select_option("corrupted")
    if running.result.count() > 0:
        running.root.get_by_role("button", name="Clear").click()
        expect(running.result).to_have_count(0)
    return running


@pytest.fixture(scope="module")
def exp(smollm2: Model) -> Experiment:
    return Experiment(smollm2, names_task())


@pytest.fixture(autouse=True)
def nothing_unseen(notices: Notices, lab: Lab) -> Iterator[None]:
    """After each test: no error in the console, and nobody tried to reach another machine."""
    yield
    assert notices.errors == []
    assert notices.outside == []
    assert lab.outside_requests() == []


# ---- story 1: what is seen at first ----------------------------------------------------------------


def test_story_1_the_differing_token_is_marked_in_each_lane(running: Explorer) -> None:
    for lane in ("clean", "patched", "corrupted"):
        marked = running.root.locator(f"[data-run='{lane}'] .token.differs")
        expect(marked).to_have_attribute("data-token", str(DIFFERS))


def test_story_1_an_estimate_comes_first_and_exact_numbers_replace_it(running: Explorer) -> None:
    running.wait_for_maps()
    first = running.page.evaluate("() => window.patchwidgetsFirst")
    running.watch()
    # A busy machine is slow: what a click takes there says how much.
    second = max(1000, 5 * max(running.milliseconds(site) for site in ("L12.H0", "L5.H1")))
    if first["exact"] - first["lanes"] > second:
        assert first["estimate"] - first["lanes"] < second
        assert first["estimate"] < first["exact"]
    expect(running.root.locator("[data-estimated]")).to_have_count(0)
    for name, cells in (("heads", 270), ("positions", 420)):
        line = running.root.locator(f".chart.{name} .map-note")
        expect(line).to_contain_text(f"Exact: {cells} of {cells}.")
    expect(running.root.locator(".chart.heads .map-note")).to_contain_text("of the top 10.")


def test_story_1_the_first_step_is_offered_and_patches_the_strongest_head(
    explorer: Explorer, exp: Experiment
) -> None:
    step = explorer.root.locator("[data-first-step]")
    expect(step).to_have_attribute("data-first-step", SITE)
    step.click()
    assert explorer.wait_for(SITE).recovery == close(exp.patch(SITE).recovery)


def bottom(explorer: Explorer, selector: str) -> float:
    box = explorer.root.locator(selector).first.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


@pytest.mark.parametrize("files", ["closed", "open"])
def test_story_1_the_answer_the_lanes_and_the_head_of_a_map_are_in_view(
    explorer: Explorer, page: Page, files: str
) -> None:
    if files == "open":
        page.evaluate(TOGGLE_FILES)
    explorer.root.evaluate(TO_TOP)
    top = explorer.root.locator(".answer").bounding_box()
    panel = page.locator(".jp-NotebookPanel-notebook").first.bounding_box()
    assert top is not None
    assert panel is not None
    assert top["y"] > 0
    edge = panel["y"] + panel["height"]
    assert bottom(explorer, "[data-run='corrupted']") < edge
    assert bottom(explorer, "[data-map='positions'] [data-site='L4.resid_pre@-1']") < edge
    if files == "open":
        page.evaluate(TOGGLE_FILES)


# ---- stories 2 and 3: three places to click one head; and the other way round -----------------------


def click_in(explorer: Explorer, where: str) -> None:
    if where == "map":
        explorer.click_cell("heads", SITE)
        return
    if where == "clean":
        explorer.root.locator("[data-run='clean'] [data-lanes='slim']").click()
    explorer.component(SITE, where).click()


def fold(explorer: Explorer) -> None:
    if explorer.root.locator("[data-lanes='full']").count() > 0:
        explorer.root.locator("[data-lanes='full']").first.click()
        expect(explorer.root.locator("[data-run='clean'] .slim-box")).to_have_count(1)


@pytest.mark.parametrize("where", ["patched", "clean", "map"])
def test_stories_2_and_3_a_clicked_head_has_the_number_of_exp_patch_both_ways(
    explorer: Explorer, notebook: Notebook, exp: Experiment, where: str
) -> None:
    cells = notebook.n_cells()
    click_in(explorer, where)
    reading, result = explorer.wait_for(SITE), exp.patch(SITE)
    assert reading.effect == close(result.effect)
    assert reading.recovery == close(result.recovery)
    assert explorer.focused_site() == SITE
    for key in ("d", "d", "b"):
        explorer.page.keyboard.press(key)
    assert notebook.n_cells() == cells
    assert explorer.has_focus()

    explorer.page.keyboard.press("n")
    noised = exp.turned("noise").patch(SITE)
    explorer.wait_for_effect(noised.effect)
    assert explorer.reading().recovery == close(noised.recovery)
    assert noised.share is not None
    expect(explorer.finding).to_have_text(re.compile(f"^Corrupting {SITE} costs "))
    assert printed(explorer.finding.inner_text())[2] == round(100 * noised.share)
    expect(explorer.root.locator(".answer .caption strong")).to_have_text("needed")
    from_y, to_y = explorer.root.locator(".patch-arrow").evaluate(
        "(path) => [0, path.getTotalLength()].map((at) => path.getPointAtLength(at).y)"
    )
    assert from_y > to_y
    fold(explorer)


def test_story_3_the_maps_have_the_sign_that_they_name(explorer: Explorer, exp: Experiment) -> None:
    explorer.root.locator("select.host").select_option("clean")
    scale = explorer.root.locator("[data-map='heads'] .scale [role='img']")
    expect(scale).to_have_attribute("aria-label", re.compile("clean run unchanged$"))
    expect(scale).to_have_attribute("aria-label", re.compile(r"towards corrupted, \+"))
    cell = explorer.cell("heads", SITE)
    share = exp.turned("noise").patch(SITE).share
    assert share is not None
    said = f"{SITE}, {round(100 * share)} %"
    expect(cell).to_have_attribute("aria-label", said, timeout=120 * SECONDS)
    red, _, blue = printed(cell.evaluate("(cell) => getComputedStyle(cell).fill"))
    assert red > blue, "less of the answer is orange"


# ---- story 5: joint beside sum, the rest, and nothing -----------------------------------------------


def test_story_5_two_heads_and_the_rest_of_all_heads(
    explorer: Explorer, notebook: Notebook, exp: Experiment
) -> None:
    pair = ["L20.H0", SITE]
    explorer.click(pair[0])
    explorer.click(pair[1], modifiers=["Shift"])
    joint, alone = exp.patch(*pair), [exp.patch(site).effect for site in pair]
    reading = explorer.wait_for(" + ".join(pair))
    assert reading.effect == close(joint.effect)
    assert reading.recovery == close(joint.recovery)
    together = explorer.root.locator(".caption", has_text="Together")
    expect(together).to_contain_text("more than the sum")
    said = printed(together.inner_text())
    assert said[:4] == pytest.approx([joint.effect, *alone, sum(alone)], rel=0.01)

    explorer.page.keyboard.press("i")
    every = [f"L{layer}.H{head}" for layer in range(30) for head in range(9)]
    rest = exp.patch(*(head for head in every if head not in pair))
    explorer.wait_for_effect(rest.effect)
    notebook.expect("len(w.selection)", len(every) - 2)
    assert rest.share is not None
    percent = f"{round(100 * rest.share)} %"
    expect(explorer.finding).to_contain_text(f"All heads but L20.H0 and {SITE} restore {percent}")
    limit = "they are enough here, not that the model needs them."
    expect(explorer.root.locator(".answer .caption")).to_contain_text(limit)

    explorer.page.keyboard.press("Escape")
    expect(explorer.result).to_have_count(0)
    notebook.expect("w.selection", [])


# ---- story 10: what looks like HTML is text, and characters are seen as such ------------------------


def test_story_10_markup_and_parts_of_characters_in_tokens_are_text(
    notebook: Notebook,
) -> None:
    notebook.run_cell(1)
    explorer = Explorer.shown(notebook.page, 1)
    explorer.click(SITE)
    explorer.wait_for(SITE)
    for text in ("<jupyter_text>", "script"):
        expect(explorer.root.locator(".token", has_text=text).first).to_be_visible()
    folded = explorer.root.locator("[data-run='clean'] .fold")
    if folded.count() > 0:
        folded.first.click()
    tokens = "".join(explorer.root.locator("[data-run='clean'] .token").all_inner_texts())
    assert "東" in tokens
    assert "京" in tokens
    assert not re.search("[ĠæĹ]", tokens)
    expect(explorer.root.locator("option", has_text="<img src=x")).to_have_count(1)
    expect(explorer.root.locator("img, script, jupyter_text")).to_have_count(0)
    assert serious(explorer.root) == []

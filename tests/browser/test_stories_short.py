"""Stories 2, 4, 5 and 6 on the teaching model, in JupyterLab, in Notebook 7 and in marimo.

The whole stories are at the end of the design of the explorer; 2 and 5 are also told on SmolLM2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from patchwidgets import Circuit
from patchwidgets.facade import Experiment
from tests.browser.explorer import Explorer, close, printed
from tests.browser.lab import Lab
from tests.browser.notebook import Notices, open_notebook, write_notebook
from tests.browser.stories import (
    CODE,
    DIFFERS,
    OF_NOTEBOOK_7,
    InJupyter,
    InMarimo,
    Place,
    teaching_experiment,
)

SHORTCUTS = ("d", "d", "x", "a", "b", "ArrowDown")
"""Keys that delete, cut or insert cells of a notebook."""
HEADS = [f"L{layer}.H{head}" for layer in range(4) for head in range(4)]


@pytest.fixture(scope="module", params=["jupyterlab", "notebook", "marimo"])
def place(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Place]:
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    notices = Notices()
    notices.listen(page)
    if request.param == "marimo":
        yield InMarimo(page, request.getfixturevalue("marimo"))
    else:
        server: Lab = request.getfixturevalue(
            {"jupyterlab": "lab", "notebook": "notebook_7"}[request.param]
        )
        write_notebook(server, "short.ipynb", "1", CODE, "2")
        yield InJupyter(open_notebook(page, server, "short.ipynb"))
        assert server.outside_requests() == []
    assert [error for error in notices.errors if OF_NOTEBOOK_7 not in error] == []
    assert notices.outside == []
    page.close()


@pytest.fixture(scope="module")
def running(place: Place) -> Explorer:
    explorer = place.explorer()
    explorer.wait_for_maps()
    explorer.root.locator("[data-run='clean'] [data-lanes='slim']").click()
    return explorer


@pytest.fixture
def explorer(running: Explorer) -> Explorer:
    """The explorer with nothing patched, at all positions."""
    expect(running.root.locator(".answer.waiting")).to_have_count(0)
    if running.result.count() > 0:
        running.root.get_by_role("button", name="Clear").click()
        expect(running.result).to_have_count(0)
    if running.root.locator(".where.on").count() > 0:
        running.root.locator(".where").click()
    return running


@pytest.fixture(scope="module")
def exp() -> Experiment:
    return teaching_experiment()


# ---- story 2: clicks give the number of exp.patch, and leave the notebook whole ------------------


@pytest.mark.parametrize("where", ["patched", "clean", "corrupted", "map"])
def test_story_2_a_clicked_head_has_the_number_of_exp_patch(
    explorer: Explorer, exp: Experiment, where: str
) -> None:
    site = "L0.H1"
    if where == "map":
        explorer.click_cell("heads", site)
    else:
        explorer.component(site, where).click()
    reading, result = explorer.wait_for(site), exp.patch(site)
    assert reading.effect == close(result.effect)
    assert reading.recovery == close(result.recovery)
    assert explorer.focused_site() == site


def box_of(lane: str) -> Callable[[Explorer], Locator]:
    return lambda explorer: explorer.component("L1.H1", lane)


PLACES: dict[str, Callable[[Explorer], Locator]] = {
    "a box of the clean lane": box_of("clean"),
    "a box of the patched lane": box_of("patched"),
    "a box of the corrupted lane": box_of("corrupted"),
    "a cell of a map": lambda explorer: explorer.cell("heads", "L1.H1"),
    "a printed number": lambda explorer: explorer.root.locator("[data-map='heads'] .inside").first,
    "the finding": lambda explorer: explorer.finding,
    "a token": lambda explorer: explorer.token(1, "clean"),
    "the chart of logits": lambda explorer: explorer.root.locator(".chart.logits").first,
    "a button that is disabled by its click": lambda explorer: explorer.root.get_by_label("undo"),
}


@pytest.mark.parametrize("where", PLACES)
def test_story_2_after_a_click_the_keyboard_is_not_the_notebooks(
    explorer: Explorer, place: Place, where: str
) -> None:
    cells = place.cells()
    PLACES[where](explorer).click(force=True)
    assert explorer.has_focus()
    for key in SHORTCUTS:
        explorer.page.keyboard.press(key)
    assert place.cells() == cells
    assert explorer.has_focus()


# ---- story 4: position, maps, lanes, toolbar and Python agree -------------------------------------


def expect_position(explorer: Explorer, said: str, index: int | None) -> None:
    """What the toolbar, the title of the map of heads and the three lanes say."""
    expect(explorer.root.locator(".where")).to_have_text(said)
    expect(explorer.root.locator(".chart.heads .scope")).to_have_text(f"at {said}")
    tokens = explorer.root.locator("[data-run] .token.selected")
    expect(tokens).to_have_count(0 if index is None else 3)
    chosen = tokens.evaluate_all("(all) => all.map((each) => Number(each.dataset.token))")
    assert set(chosen) == (set() if index is None else {index})


def test_story_4_a_position_is_the_same_everywhere(
    explorer: Explorer, place: Place, exp: Experiment
) -> None:
    explorer.token(DIFFERS).click()
    expect_position(explorer, f"@{DIFFERS} ␣Mary", DIFFERS)
    place.expect_python([], DIFFERS)

    head = f"L0.H1@{DIFFERS}"
    explorer.click_cell("heads", head)
    assert explorer.wait_for(head).effect == close(exp.patch(head).effect)
    expect_position(explorer, f"@{DIFFERS} ␣Mary", DIFFERS)
    place.expect_python([head], DIFFERS)

    stream = f"L1.resid_pre@{DIFFERS + 1}"
    explorer.click_cell("positions", stream)
    assert explorer.wait_for(stream).effect == close(exp.patch(stream).effect)
    expect_position(explorer, f"@{DIFFERS + 1} ␣gave", DIFFERS + 1)
    place.expect_python([stream], DIFFERS + 1)

    explorer.root.locator(".where").click()
    assert explorer.wait_for("L1.resid_pre").effect == close(exp.patch("L1.resid_pre").effect)
    expect_position(explorer, "all positions", None)
    place.expect_python(["L1.resid_pre"], "all")


# ---- story 5: joint beside sum, the rest, and nothing ---------------------------------------------


def test_story_5_two_heads_and_the_rest_of_all_heads(
    explorer: Explorer, place: Place, exp: Experiment
) -> None:
    pair = ["L0.H1", "L1.H2"]
    explorer.click(pair[0])
    explorer.click(pair[1], modifiers=["Shift"])
    joint, alone = exp.patch(*pair), [exp.patch(site).effect for site in pair]
    assert explorer.wait_for(" + ".join(pair)).effect == close(joint.effect)
    place.expect_python(pair, "all")
    together = explorer.root.locator(".caption", has_text="Together")
    said = printed(together.inner_text())
    assert said[:4] == pytest.approx([joint.effect, *alone, sum(alone)], rel=0.01, abs=0.001)

    explorer.page.keyboard.press("i")
    rest = [head for head in HEADS if head not in pair]
    reading, result = explorer.wait_for(" + ".join(rest)), exp.patch(*rest)
    assert reading.effect == close(result.effect)
    place.expect_python(rest, "all")
    assert result.share == pytest.approx(0.0152, abs=2e-4)
    expect(explorer.finding).to_have_text(
        "All heads but L0.H1 and L1.H2 change little: 1.5 % of the difference."
    )
    limit = "Not enough here; they may still be needed."
    expect(explorer.root.locator(".answer .caption")).to_contain_text(limit)

    explorer.page.keyboard.press("Escape")
    expect(explorer.result).to_have_count(0)
    place.expect_python([], "all")


# ---- story 6: the keyboard alone ------------------------------------------------------------------


def test_story_6_the_keyboard_alone_patches_makes_a_path_and_a_circuit(
    explorer: Explorer, exp: Experiment
) -> None:
    press = explorer.page.keyboard.press
    explorer.tab_into_grid()
    explorer.walk_to(0, 1)
    press("Enter")
    result = exp.patch("L0.H1")
    assert explorer.wait_for("L0.H1").effect == close(result.effect)
    expect(explorer.spoken).to_have_text(re.compile(r"^L0\.H1 restores .* Logit diff \+6"))

    press("c")
    kept = explorer.root.locator("[aria-live='polite'] .kept[data-members='L0.H1']")
    expect(kept).to_have_text(re.compile("^Keep only this one: "))
    stays = float(kept.get_attribute("data-faithfulness") or "nan")
    assert stays == close(exp.evaluate(Circuit(["L0.H1"])).faithfulness)

    press("e")
    press("Enter")
    expect(explorer.root.locator("[data-step='receiver']")).to_be_visible()
    explorer.walk_to(1, 2)
    press("Enter")
    press("q")
    path = exp.path("L0.H1", "L1.H2.q")
    assert explorer.wait_for("L0.H1->L1.H2.q").effect == close(path.effect)
    expect(explorer.spoken).to_have_text(re.compile(r"^L0\.H1 → L1\.H2 through its queries "))
    for step in ("receiver", "sender"):
        press("Escape")
        expect(explorer.root.locator(f"[data-step='{step}']")).to_be_visible()
    press("Escape")
    expect(explorer.root.locator("[data-step]")).to_have_count(0)


@pytest.mark.parametrize(("typed", "said"), [("L9.H4", "0 to 3"), ("L0.H1 -> L1", "L1")])
def test_story_6_a_field_keeps_its_text_on_an_error(
    explorer: Explorer, exp: Experiment, typed: str, said: str
) -> None:
    explorer.type_site(typed)
    hint = explorer.root.locator(".site-box .hint")
    expect(hint).to_contain_text("The model is unchanged")
    expect(hint).to_contain_text(said)
    expect(explorer.spoken).to_contain_text(said)
    field = explorer.root.locator(".site-box input:focus")
    expect(field).to_have_value(typed)
    explorer.page.keyboard.press("ControlOrMeta+a")
    explorer.page.keyboard.type("L0.H1 -> L1.H2.q")
    explorer.page.keyboard.press("Enter")
    path = exp.path("L0.H1", "L1.H2.q")
    assert explorer.wait_for("L0.H1->L1.H2.q").effect == close(path.effect)
    expect(field).to_have_count(0)

"""Story 7: what nobody waits for any more. Ten fast clicks, a cancelled map, an interrupt from the kernel's menu."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.explorer import Explorer
from tests.browser.lab import Lab
from tests.browser.notebook import KERNEL, Notebook, Notices, write_notebook

# A metric that takes 40 ms for each run: the 132 runs of the two maps take five seconds, in pieces of two at most.
CODE = """
import time
import patchwidgets as pw

def slow(readout):
    time.sleep(0.04 * len(readout.logits))
    return readout.logits[:, 3]

task = pw.tasks.induction(1, length=20)
w = pw.Experiment(pw.load(), task, metric=["logit_diff", slow]).explore()
w
"""
PARTLY = re.compile(r"xact so far:? (1[3-9]|[2-9]\d|\d{3}) of")
"""More than the twelve cells before the first difference, which are 0 without any run."""
STOPPED = re.compile(r"Stopped after (\d+) of (\d+)\.")


@pytest.fixture(scope="module")
def notebook(lab: Lab, open_in_lab: Callable[[str], Notebook]) -> Notebook:
    write_notebook(lab, "stopped.ipynb", CODE)
    return open_in_lab("stopped.ipynb")


@pytest.fixture(autouse=True)
def nothing_unseen(notices: Notices) -> Iterator[None]:
    yield
    assert notices.errors == []


@pytest.fixture
def explorer(notebook: Notebook) -> Explorer:
    """A new explorer, on its way to the maps."""
    return Explorer.run(notebook)


def note(explorer: Explorer) -> Locator:
    """The line of the map of positions, which has more cells than one piece of a sweep."""
    return explorer.root.locator(".chart.positions .map-note")


def choose_slow(explorer: Explorer) -> None:
    """Let the maps be of the slow metric, and wait until a part of the larger one is exact."""
    explorer.root.get_by_label("metric").select_option("slow")
    expect(note(explorer)).to_have_attribute("data-sweep", "running")
    expect(note(explorer)).to_contain_text(PARTLY)


def expect_a_part(explorer: Explorer) -> None:
    """A part of the map is there, and its line says how large a part."""
    expect(note(explorer)).to_contain_text(STOPPED)
    expect(note(explorer)).to_contain_text("The model is unchanged.")
    said = STOPPED.search(note(explorer).inner_text())
    assert said is not None
    assert 0 < int(said[1]) < int(said[2])
    cells = explorer.root.locator("[data-map='positions'] .mcell")
    labels = cells.evaluate_all("(all) => all.map((cell) => cell.ariaLabel)")
    exact = [label for label in labels if not re.search("estimated|not yet computed", label)]
    assert len(exact) == int(said[1])


def expect_to_go_on(explorer: Explorer) -> None:
    """Continue goes on to the end."""
    explorer.root.get_by_role("button", name="Continue").first.click()
    expect(explorer.root.get_by_text(STOPPED)).to_have_count(0)
    explorer.wait_for_maps()


def test_story_7_of_ten_clicks_in_300_ms_the_last_one_stays(explorer: Explorer) -> None:
    choose_slow(explorer)
    explorer.click("L0.H0")
    explorer.wait_for("L0.H0")
    explorer.watch()
    sites = [f"L{layer}.H{head}" for layer in (1, 2) for head in range(4)] + ["L3.H0", "L3.H1"]
    boxes = [explorer.component(site).bounding_box() for site in sites]
    for box in boxes:
        assert box is not None
        explorer.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    explorer.wait_for("L3.H1")
    # A late answer to an earlier click would come between these two.
    explorer.click("L0.H1")
    explorer.wait_for("L0.H1")
    answers = explorer.answers()
    assert answers[-2:] == ["L3.H1", "L0.H1"]
    assert len(answers) < len(sites), "superseded clicks were computed all the same"


def test_story_7_a_stopped_map_keeps_its_part_and_goes_on(explorer: Explorer) -> None:
    choose_slow(explorer)
    explorer.root.get_by_role("button", name="Stop").first.click()
    expect_a_part(explorer)
    expect_to_go_on(explorer)


@pytest.mark.parametrize("busy", [False, True], ids=["between cells", "in a cell"])
def test_story_7_an_interrupt_of_the_kernel_stops_the_maps_and_says_so(
    explorer: Explorer, notebook: Notebook, busy: bool
) -> None:
    choose_slow(explorer)
    if busy:
        notebook.begin_in_kernel("import time\nprint('begun')\nwhile True: time.sleep(0.1)")
        notebook.page.wait_for_function(f"() => {KERNEL}.status === 'busy'")
    notebook.interrupt_kernel()
    expect_a_part(explorer)
    expect_to_go_on(explorer)

"""An interrupt from the kernel's menu stops maps: what is there stays, the page says so, and Continue works."""

from __future__ import annotations

import re
from collections.abc import Iterator

import nbformat
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.explorer import Explorer
from tests.browser.lab import serve
from tests.browser.notebook import KERNEL, Notebook, open_notebook

CODE = """
import time
import patchwidgets as pw

def slow(readout):
    time.sleep(0.3)
    return readout.logits[:, 3]

task = pw.tasks.addition(1, varies="both", part="test")
pw.Experiment(pw.load(), task, metric=["logit_diff", slow]).explore()
"""


@pytest.fixture
def notebook(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    root = tmp_path_factory.mktemp("root")
    written = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    written.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(written, root / "interrupted.ipynb")
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    with serve(root, tmp_path_factory.mktemp("jupyter")) as lab:
        yield open_notebook(page, lab, "interrupted.ipynb")
    page.close()


@pytest.mark.parametrize("busy", [False, True], ids=["between cells", "in a cell"])
def test_an_interrupt_stops_the_maps(notebook: Notebook, busy: bool) -> None:
    explorer = Explorer.run(notebook)
    explorer.root.get_by_label("metric").select_option("slow")
    stopped = explorer.root.get_by_text(re.compile(r"Stopped after \d+ of \d+"))
    expect(explorer.root.get_by_text(re.compile(r"Exact so far: [1-9]")).first).to_be_visible()
    if busy:
        notebook.run_in_kernel("import time\nwhile True: time.sleep(0.1)")
        notebook.page.wait_for_function(f"() => {KERNEL}.status === 'busy'")
    notebook.page.evaluate(f"() => {KERNEL}.interrupt()")
    expect(stopped.first).to_be_visible()
    explorer.root.get_by_role("button", name="Continue").first.click()
    expect(stopped).to_have_count(0)
    expect(explorer.root.locator("[data-sweep='done']")).to_have_count(2)

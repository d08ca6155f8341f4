"""Prompts are other people's text: what looks like HTML in them is shown and not obeyed."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
from playwright.sync_api import expect

from tests.browser.explorer import Explorer
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook, Notices

CODE = """
import patchwidgets as pw


def odd(readout):
    return readout.logits[:, 0]


odd.__name__ = "<img src=x onerror=alert(1)>"
before = "When Mary and John went to the<jupyter_text>"
task = pw.Task(
    clean=before + " John gave a drink to",
    corrupted=before + " Mary gave a drink to",
    answer=" Mary",
    foil=" John",
)
pw.Experiment(pw.load("smollm2"), task, metric=["logit_diff", odd]).explore()
"""


def test_tokens_that_look_like_html_are_text(
    lab: Lab, open_in_lab: Callable[[str], Notebook], notices: Notices
) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, lab.root / "html.ipynb")
    explorer = Explorer.run(open_in_lab("html.ipynb"))
    explorer.click("L23.H3")
    explorer.wait_for("L23.H3")
    expect(explorer.root.get_by_text("<jupyter_text>").first).to_be_visible()
    expect(explorer.root.locator("option", has_text="<img src=x")).to_have_count(1)
    expect(explorer.root.locator("img, jupyter_text")).to_have_count(0)
    assert notices.errors == []

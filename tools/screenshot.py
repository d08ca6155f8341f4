"""Take the README's pictures in a real JupyterLab: of the README's first block of code, and of the first notebook.

python -m tools.screenshot docs
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.explorer import ROOT, Explorer
from tests.browser.lab import Lab, serve
from tests.browser.notebook import launch, open_notebook, show_whole

HOME = Path(__file__).parents[1]
WIDTH = 1340
SECONDS = 1000  # in milliseconds, as Playwright counts
PICTURES = {
    "explorer.png": ("readme.ipynb", ("L0.mlp_out", "L1.H0", "L0.H1")),
    "smollm2.png": ("01_quickstart.ipynb", ("L29.H1", "L24.H4", "L20.H0", "L23.H3")),
}
"""By file name: a notebook, and the sites to click in it; the picture shows the last one patched."""


def main() -> None:
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(HOME / "notebooks", Path(folder) / "notebooks"))
        nbformat.write(readme_notebook(), root / "readme.ipynb")
        with serve(root, Path(folder) / "jupyter") as lab, launch(playwright) as browser:
            for name, (notebook, sites) in PICTURES.items():
                take(browser, lab, notebook, sites, Path(sys.argv[1]) / name)


def readme_notebook() -> nbformat.NotebookNode:
    """Return the README's first block of code as a notebook."""
    block = re.search(
        r"```python\n(.*?)```", (HOME / "README.md").read_text(encoding="utf-8"), re.S
    )
    assert block is not None
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    cells = [nbformat.v4.new_code_cell(block[1])]
    notebook: nbformat.NotebookNode = nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": kernel}
    )
    return notebook


def take(browser: Browser, lab: Lab, name: str, sites: Sequence[str], path: Path) -> None:
    """Click sites in a notebook's explorer, wait until its maps are complete, and save a picture of it."""
    page = browser.new_page(
        viewport={"width": 1500, "height": 1100}, device_scale_factor=1.5, reduced_motion="reduce"
    )
    notebook = open_notebook(page, lab, name)
    explorer = Explorer.run(notebook)
    notebook.set_width(ROOT, WIDTH)
    for site in sites:
        explorer.click(site)
        explorer.wait_for(site)
    complete = explorer.root.get_by_text(re.compile(r"Exact: (\d+) of \1\b"))
    expect(complete).to_have_count(2, timeout=120 * SECONDS)
    page.mouse.move(0, 0)  # without the ring around the box under the pointer
    show_whole(page, ROOT)
    page.locator(ROOT).first.screenshot(path=path, animations="disabled")
    page.close()
    print(path)


if __name__ == "__main__":
    main()

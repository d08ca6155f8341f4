"""Take the README's pictures in a real JupyterLab: of the README's first block of code, on two models.

python -m tools.screenshot docs
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.explorer import ROOT, Explorer
from tests.browser.lab import Lab, serve
from tests.browser.notebook import launch, open_notebook, show_whole, write_notebook

HOME = Path(__file__).parents[1]
WIDTH = 1340
SECONDS = 1000  # in milliseconds, as Playwright counts
PICTURES = {
    "explorer.png": ("pw.load()", ("L0.mlp_out", "L1.H0", "L0.H1")),
    "smollm2.png": ('pw.load("smollm2")', ("L29.H1", "L24.H4", "L20.H0", "L23.H3")),
}
"""By file name: the model, and the sites to click; the picture shows the last one patched."""


def main() -> None:
    block = re.search(
        r"```python\n(.*?)```", (HOME / "README.md").read_text(encoding="utf-8"), re.S
    )
    assert block is not None
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "notebooks"
        root.mkdir()
        with serve(root, Path(folder) / "jupyter") as lab, launch(playwright) as browser:
            for name, (model, sites) in PICTURES.items():
                write_notebook(lab, "readme.ipynb", block[1].replace("pw.load()", model))
                take(browser, lab, "readme.ipynb", sites, Path(sys.argv[1]) / name)


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

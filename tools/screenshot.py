"""Make the README's picture: the first notebook's explorer in a real JupyterLab, L23.H3 patched last.

python -m tools.screenshot docs/explorer.png
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.explorer import ROOT, Explorer
from tests.browser.lab import serve
from tests.browser.notebook import launch, open_notebook, show_whole

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
WIDTH = 1240
CLICKED = ("L29.H1", "L24.H4", "L20.H0", "L23.H3")


def main() -> None:
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(NOTEBOOKS, Path(folder) / "notebooks"))
        with serve(root, Path(folder) / "jupyter") as lab, launch(playwright) as browser:
            page = browser.new_page(
                viewport={"width": 1400, "height": 1100},
                device_scale_factor=1.5,
                reduced_motion="reduce",
            )
            notebook = open_notebook(page, lab, "01_quickstart.ipynb")
            explorer = Explorer.run(notebook)
            notebook.set_width(ROOT, WIDTH)
            for site in CLICKED:
                explorer.click(site)
                explorer.wait_for(site)
            take(page, Path(sys.argv[1]))


def take(page: Page, path: Path) -> None:
    """Keep the picture, without the pointer's ring."""
    page.mouse.move(0, 0)
    show_whole(page, ROOT)
    page.locator(ROOT).first.screenshot(path=path, animations="disabled")
    print(path)


if __name__ == "__main__":
    main()

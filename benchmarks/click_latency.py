"""How long a click takes: SmolLM2 in JupyterLab, from the press to the frame that shows the result.

python -m benchmarks.click_latency
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.explorer import Explorer
from tests.browser.lab import serve
from tests.browser.notebook import launch, open_notebook

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
CLICKS = 30
WARM_UP = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notebook", default="01_quickstart.ipynb")
    times = measure(parser.parse_args().notebook)
    print(
        f"click to charts: median of {len(times)} clicks {statistics.median(times):.0f} ms, "
        f"min {min(times):.0f}, max {max(times):.0f}, limit 300 ms, {os.cpu_count()} cores"
    )


def measure(notebook: str) -> list[float]:
    """Return the milliseconds of each click."""
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
    ):
        root = Path(shutil.copytree(NOTEBOOKS, Path(folder) / "notebooks"))
        with serve(root, Path(folder) / "jupyter") as lab, launch(playwright) as browser:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            explorer = Explorer.run(open_notebook(page, lab, notebook))
            explorer.watch()
            return [explorer.milliseconds(site) for site in sites()][WARM_UP:]


def sites() -> list[str]:
    """Return heads of SmolLM2 from all depths, in mixed order."""
    return [f"L{7 * i % 30}.H{i % 9}" for i in range(CLICKS + WARM_UP)]


if __name__ == "__main__":
    main()

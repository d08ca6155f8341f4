"""How long a click takes in JupyterLab, from the press to the frame that shows the result, beside what cannot be less.

In the same run and page: an empty round trip (a click on a widget whose kernel answers at once), and in the same kernel
a whole forward pass. On a busy machine only the ratios mean anything. The first clicks come while the maps are filled.

python -m benchmarks.click_latency [--model teaching] [--clicks 60]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
from playwright.sync_api import Page, sync_playwright

from tests.browser.explorer import SECONDS, Explorer
from tests.browser.lab import serve
from tests.browser.notebook import launch, open_notebook

TARGETS = {"teaching": 100, "smollm2": 150}
"""Milliseconds, the median on two quiet cores."""
TASKS = {
    "teaching": "model = pw.load(); task = pw.tasks.addition(1, varies='both', part='test')",
    "smollm2": """model = pw.load("smollm2")
task = pw.Task(
    clean="When Mary and John went to the store, John gave a drink to",
    corrupted="When Mary and John went to the store, Mary gave a drink to",
    answer=" Mary", foil=" John",
)""",
}
ECHO = '''
import anywidget

class Echo(anywidget.AnyWidget):
    """A button whose click the kernel answers, with nothing computed."""

    _esm = """
    export default { render({ model, el }) {
      const button = document.createElement("button");
      button.className = "echo";
      button.textContent = "echo";
      button.addEventListener("pointerdown", () => { window.echoPressed = performance.now(); }, true);
      button.addEventListener("click", () => model.send({ n: 1 }));
      model.on("msg:custom", () => requestAnimationFrame(() => {
        const painted = new MessageChannel();
        painted.port1.onmessage = () => window.echoTimes.push(performance.now() - window.echoPressed);
        painted.port2.postMessage(null);
      }));
      window.echoTimes = [];
      el.append(button);
    } };
    """

    def __init__(self):
        super().__init__()
        self.on_msg(lambda _widget, content, buffers: self.send(content))

Echo()
'''
FORWARD = """
import json, time
import torch

ids = torch.tensor([exp.host.prompts[0]])
times = []
with torch.no_grad():
    for _ in range(20):
        started = time.perf_counter()
        model.hf_model(ids)
        times.append(1000 * (time.perf_counter() - started))
json.dumps({"forward": times})
"""
OUTPUT = """() => window.jupyterapp.shell.currentWidget.content.model.cells
  .get(3).toJSON().outputs[0].data["text/plain"]"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=sorted(TASKS), default="smollm2")
    parser.add_argument("--clicks", type=int, default=60)
    options = parser.parse_args()
    times = measure(options.model, options.clicks)
    medians = {name: statistics.median(each) for name, each in times.items() if each}
    for name, each in times.items():
        if each:
            spread = f"min {min(each):.0f}, max {max(each):.0f}"
            print(f"{name}: median of {len(each)} {medians[name]:.0f} ms, {spread}")
    quiet = medians["clicks"]
    print(
        f"{options.model}, {os.cpu_count()} cores: a click is {quiet / medians['round trips']:.1f} empty round trips, "
        f"and {quiet - medians['round trips']:.0f} ms more than one, {quiet / medians['forward passes']:.1f} whole "
        f"forward passes; limit {TARGETS[options.model]} ms on a quiet machine"
    )
    if "clicks while maps fill" in medians:
        print(
            f"while maps fill: {medians['clicks while maps fill'] / quiet:.2f} times that, limit 1.2"
        )


def measure(model: str, n_clicks: int) -> dict[str, list[float]]:
    """Return the milliseconds of each click, round trip and forward pass."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root = Path(folder) / "notebooks"
        root.mkdir()
        write_notebook(model, root / "clicks.ipynb")
        with serve(root, Path(folder) / "jupyter") as lab, launch(playwright) as browser:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            notebook = open_notebook(page, lab, "clicks.ipynb")
            explorer = Explorer.run(notebook)
            explorer.watch()
            done = explorer.root.locator("[data-sweep='done']")
            heads = sites(explorer, n_clicks)
            explorer.milliseconds(heads[0])  # the first one records both runs
            busy = clicks(explorer, heads[1:], lambda: done.count() == 2)
            done.nth(1).wait_for(timeout=600 * SECONDS)
            echoes = round_trips(page, n_clicks)
            quiet = clicks(explorer, sites(explorer, n_clicks), lambda: False)
            echoes += round_trips(page, n_clicks)
            forward: list[float] = json.loads(page.evaluate(OUTPUT)[1:-1])["forward"]
    return {
        "clicks": quiet,
        "clicks while maps fill": busy,
        "round trips": echoes,
        "forward passes": forward,
    }


def write_notebook(model: str, path: Path) -> None:
    """Write the cells: the experiment, the explorer, the echo, the forward passes."""
    made = f"import patchwidgets as pw\n{TASKS[model]}\nexp = pw.Experiment(model, task)"
    codes = (made, "exp.explore()", ECHO, FORWARD)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in codes])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)


def clicks(explorer: Explorer, heads: Sequence[str], enough: Callable[[], bool]) -> list[float]:
    """Click heads one after the other until it is enough."""
    times = []
    for head in heads:
        if enough():
            break
        times.append(explorer.milliseconds(head))
    return times


def round_trips(page: Page, count: int) -> list[float]:
    """Click the echo."""
    page.evaluate("() => { window.echoTimes = []; }")
    for i in range(count):
        page.locator("button.echo").click()
        page.wait_for_function("(n) => window.echoTimes.length > n", arg=i)
    times: list[float] = page.evaluate("() => window.echoTimes")
    return times


def sites(explorer: Explorer, count: int) -> list[str]:
    """Return random heads, none twice in succession."""
    boxes = explorer.root.locator("[data-run='patched'] svg [data-site]")
    found = boxes.evaluate_all("(all) => all.map((each) => each.dataset.site)")
    heads = sorted({site for site in found if ".H" in site})
    chosen: list[str] = []
    while len(chosen) < count:
        site = random.Random(len(chosen)).choice(heads)
        if site != (chosen or [""])[-1]:
            chosen.append(site)
        else:
            heads = heads[1:] + heads[:1]
    return chosen


if __name__ == "__main__":
    main()

"""One small file of each kind that `save` writes, and files that were changed with a right checksum."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import patchwidgets as pw
from patchwidgets.explorer.history_list import HistoryList
from patchwidgets.facade import Experiment
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.methods.circuits.circuit_result import CircuitResult
from patchwidgets.methods.circuits.curve_result import FaithfulnessCurve
from patchwidgets.models.lenses.jacobian_lens import JacobianLens
from patchwidgets.models.lenses.lens_fit import LensFit
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tasks import Task

CIRCUIT = Circuit(["embed->L0.H1.v@-1", "L0.H1->logits"], {"L0.H1->logits": 2.5})
LOADERS: dict[str, Callable[[Path], Any]] = {
    "task": Task.load,
    "plain": Task.from_json,
    "table": Task.from_csv,
    "sweep": SweepResult.load,
    "edges": SweepResult.load,
    "circuit": Circuit.load,
    "mib": Circuit.from_json,
    "result": CircuitResult.load,
    "curve": FaithfulnessCurve.load,
    "lens": JacobianLens.load,
    "history": HistoryList.load,
    "explorer": pw.open,
}
"""By the name of the file, what reads it."""


def dataset() -> Task:
    """Two pairs, with what a task can have beside prompts."""
    return Task(
        ["w3 w14 w15 w9 w26", "w4 w14 w15 w9 w26"],
        ["w3 w14 w42 w9 w26", "w4 w14 w41 w9 w26"],
        [" w8", " w7"],
        " w9",
        {"X": 2, "Y": [3, 4]},
    )


def save_all(experiment: Experiment, folder: Path) -> dict[str, Any]:
    """Save one of each kind, and return it by the name of its file."""
    heads = experiment.sweep("z", progress=False)
    circuit = pw.Circuit(["L0.H1", "L1.mlp_out"], {"L0.H1": 1.5})
    result = experiment.evaluate(circuit, ablation=pw.sources.zero())
    curve = experiment.faithfulness_curve(heads, (0.25, 1), n_random=2, progress=False)
    explorer = used_explorer(experiment)
    saved: dict[str, Any] = {
        "task": experiment.task,
        "sweep": heads,
        "edges": experiment.edges(progress=False),
        "circuit": CIRCUIT,
        "result": result,
        "curve": curve,
        "lens": small_lens(),
        "history": explorer.history,
        "explorer": explorer,
    }
    for name, each in saved.items():
        each.save(folder / name)
    experiment.task.to_json(folder / "plain")
    plain_circuit = pw.Circuit(["embed->L0.H1.q", "L0.H1->logits"])
    plain_circuit.to_json(folder / "mib", experiment.model)
    (folder / "table").write_text("clean,corrupted,answer,@X,align\nw1 w2,w1 w3,w4|w5,1,0:0 1:1\n")
    return saved | {"plain": experiment.task, "mib": plain_circuit}


def used_explorer(experiment: Experiment) -> pw.PatchExplorer:
    """An explorer with a path, a joint patch, draws, a note and two pins."""
    w = experiment.explore("L0.H1", "L1.H2@X")
    steps = [
        lambda: w.select("L0.H1->L1.H1.q"),
        lambda: w.select("embed", direction="noise", pair=1),
        lambda: w.set_trait("source", pw.sources.noise(n=2, seed=3)),
        lambda: w.set_trait("field", "L1.H1.q"),
    ]
    for step in steps:
        assert w.result is not None  # a patch that still runs would be superseded
        step()
    session = w._session
    assert session.wait(60)
    marks = [(["L0.H1", "L1.H2@X"], "denoise", "two ✓"), (["L0.H1->L1.H1.q"], "denoise", "")]
    for sites, direction, note in marks:
        asked = {"patches": [{"site": site} for site in sites], "direction": direction}
        mark = {"v": 1, "kind": "mark", "id": 1, "metric": "kl", "note": note, "pinned": True}
        session.handle(mark | asked)
    return w


def small_lens() -> JacobianLens:
    """A lens of four numbers."""
    fit = LensFit("toy", "0" * 64, "float32", "L1.resid_post", 1, 5, 3, 1, "text", {"a": 0.5})
    return JacobianLens({("resid_pre", 0): torch.eye(2)}, fit)


def changed(content: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """A JSON file after a change of its data, with a checksum that fits."""
    whole = json.loads(content)
    change(whole)
    return resealed(whole)


def resealed(whole: Any) -> bytes:
    """Data as a file whose checksum fits."""
    if isinstance(whole, dict) and isinstance(whole.get("patchwidgets"), dict):
        header = {k: v for k, v in whole["patchwidgets"].items() if k != "sha256"}
        rest = {k: v for k, v in whole.items() if k != "patchwidgets"}
        text = json.dumps([header, rest], ensure_ascii=False, separators=(",", ":"))
        header["sha256"] = hashlib.sha256(text.encode(errors="replace")).hexdigest()
        whole = {"patchwidgets": header} | rest
    return json.dumps(whole, ensure_ascii=False).encode(errors="replace")

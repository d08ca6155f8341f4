"""Circuits of edges in every family: at both ends, and single edges by two runs."""

import zlib
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from patchwidgets.edges import Path
from patchwidgets.errors import RefusedError
from patchwidgets.facade import Experiment
from patchwidgets.hooks.hooks import Key
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.models.forward import forward
from patchwidgets.sites import Site
from patchwidgets.tasks import Task
from tests.support.families import CASES
from tests.support.toy_models import make_model

TASK = Task(
    ["w3 w14 w15 w9 w26", "w5 w14 w15 w9 w27"],
    ["w3 w14 w42 w9 w26", "w5 w11 w42 w9 w27"],
    " w8",
    " w9",
    {"X": 2},
)
REFUSED = {"codegen", "diffllama"}
"""Families with attention code of their own, of which no record says how to reach into it."""


@pytest.mark.parametrize("case", CASES)
def test_no_edge_is_the_corrupted_run_and_all_edges_are_the_clean_one(case: str) -> None:
    exp = Experiment(make_model(case), TASK, ["logit_diff", "kl"])
    edges = Circuit.all_edges(exp.model)
    if case in REFUSED:
        with pytest.raises(
            RefusedError, match=r"attention code of its own.*Use a circuit of nodes"
        ):
            exp.evaluate(edges)
        return
    for metric, reading in exp.evaluate(edges).readings.items():
        floor = exp.noise_floor[metric]
        clean, corrupted = (exp.evaluation.values[run][metric] for run in ("clean", "corrupted"))
        np.testing.assert_allclose(reading.circuit, clean, atol=floor)
        np.testing.assert_allclose(reading.model, clean, atol=0)
        np.testing.assert_allclose(reading.nothing, corrupted, atol=floor)
        np.testing.assert_allclose(reading.complement, corrupted, atol=floor)


@pytest.mark.parametrize("case", [case for case in CASES if case not in REFUSED])
def test_one_edge_less_is_two_runs(case: str) -> None:
    """The receiver alone sees what the sender writes in the corrupted run: by a first run for the receiver's value."""
    exp = Experiment(make_model(case), TASK)
    edges = [edge for edge in Circuit.all_edges(exp.model) if isinstance(edge, Path)]
    rng = np.random.default_rng(zlib.crc32(case.encode()))
    by_kind: dict[str, list[Path]] = {}
    for edge in edges:
        kind = f"{edge.sender.component} {edge.receiver.component}"
        by_kind.setdefault(kind, []).append(edge)
    chosen = [of_kind[rng.integers(len(of_kind))] for of_kind in by_kind.values()]
    checked = 0
    for edge in chosen:
        if edge.receiver.component in exp.model.refused:
            continue
        expected = _without(exp, edge)
        result = exp.evaluate(Circuit(edges) - Circuit([edge]))
        got = result["logit_diff"].circuit
        np.testing.assert_allclose(got, expected, atol=4 * exp.noise_floor["logit_diff"])
        checked += 1
    assert checked >= 9


def _without(exp: Experiment, edge: Path) -> np.ndarray:
    """The logit difference of the clean run with one edge corrupted, by the hooks that every patch goes through."""
    layout, ids = exp.model.layout, exp.clean.batches[0].ids
    change = _change(exp, edge.sender)
    receiver, last = edge.receiver, layout.n_layers - 1
    if receiver.layer is None:
        edits: dict[Key, Any] = {("resid_post", last): lambda x: x - change}
    elif receiver.component == "mlp_in":
        stream = "resid_pre" if layout.parallel else "resid_mid"
        edits = _second_run(exp, (stream, receiver.layer), change, ("mlp_out", receiver.layer))
    else:
        key = (receiver.component, receiver.layer)
        edits = _second_run(exp, ("resid_pre", receiver.layer), change, key, receiver.index)
    logits = forward(layout, ids, edits).logits[:, 0]
    return (logits[:, 8] - logits[:, 9]).numpy()


def _change(exp: Experiment, sender: Site) -> Tensor:
    """What a sender writes into the stream, clean less corrupted."""
    layout, ids = exp.model.layout, exp.clean.batches[0].ids
    seen: Key = {
        "embed": ("resid_pre", 0),
        "z": ("attn_out", sender.layer),
        "mlp_out": ("mlp_out", sender.layer),
    }[sender.component]
    edits = exp.turned("noise").sources.edits(exp.checked([sender]), [0, 1])
    clean = forward(layout, ids, {}, [seen]).activations[seen]
    return clean - forward(layout, ids, edits, [seen]).activations[seen]


def _second_run(
    exp: Experiment, stream: Key, change: Tensor, key: Key, index: int | None = None
) -> dict[Key, Any]:
    """An edit that writes what a component, or a head of it, is on another stream."""
    layout, ids = exp.model.layout, exp.clean.batches[0].ids
    found = forward(layout, ids, {stream: lambda x: x - change}, [key]).activations[key]

    def write(activation: Tensor) -> Tensor:
        if index is None:
            return found
        changed = activation.clone()
        changed[:, :, index] = found[:, :, index]
        return changed

    return {key: write}


@pytest.mark.parametrize("case", ["gpt2", "llama", "phi"])
def test_every_edge_left_out_is_the_exact_effect_of_that_edge(case: str) -> None:
    exp = Experiment(make_model(case), TASK)
    result = exp.evaluate(Circuit.all_edges(exp.model))
    left_out = result.minimality()["value"] - exp.clean.value
    exact = exp.flip().edges(progress=False)
    names, effects = exact.site_names(), exact.effect.values.ravel()
    assert len(names) == len(left_out)
    atol = 2 * exp.noise_floor["logit_diff"]
    np.testing.assert_allclose(left_out[names], effects, atol=atol)

"""The same patches with other tools, on copies of the same weights.

Each function takes an experiment and sites of one kind, such as ``L3.resid_pre@5`` or ``L3.H1``. It prepares the tool
and returns a function that patches all these sites, each in a run of its own.
"""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable, Collection, Sequence
from typing import Any

import pandas as pd
import torch

import patchwidgets as pw
from patchwidgets.sites import Site

Run = Callable[[], Any]
BATCH = 32
"""How many runs go together, for tools with batches."""


def transformer_lens(experiment: pw.Experiment, sites: Sequence[Site]) -> Run:
    """Do what `get_act_patch_resid_pre` and `get_act_patch_attn_head_out_all_pos` do, for these sites alone."""
    from transformer_lens import patching

    bridge = _bridge(experiment)
    pair = experiment.pairs[0]
    clean, corrupted = (
        torch.tensor([ids], device=experiment.model.device) for ids in (pair.clean, pair.corrupted)
    )
    _, cache = bridge.run_with_cache(clean)
    heads = sites[0].component == "z"
    kind: dict[str, Any] = {
        "patch_setter": patching.layer_head_vector_patch_setter
        if heads
        else patching.layer_pos_patch_setter,
        "activation_name": "z" if heads else "resid_pre",
        "index_df": pd.DataFrame(
            [(site.layer, site.index if heads else site.pos) for site in sites],
            columns=["layer", "head_index" if heads else "pos"],
        ),
    }

    def metric(logits: torch.Tensor) -> torch.Tensor:
        return _logit_diff(experiment, logits[0, -1])

    def run() -> Any:
        with torch.no_grad():
            return patching.generic_activation_patch(bridge, corrupted, cache, metric, **kind)

    return run


def entoscope(experiment: pw.Experiment, sites: Sequence[Site]) -> Run:
    """Use the exact method of entoscope, in batches."""
    from entoscope import Patcher, PatchingConfig, PatchingInput
    from entoscope.model.config import Coordinates, ModelAxis, ModelLayerLocation
    from entoscope.patching import config as configs
    from entoscope.patching.collector import PatchingCollector

    heads = sites[0].component == "z"
    axis = ModelAxis.HEAD if heads else ModelAxis.POSITION
    activation = ModelLayerLocation.ATTENTION_Z if heads else ModelLayerLocation.RESIDUAL_PRE
    coordinates = Coordinates(
        {ModelAxis.LAYER: site.layer, axis: site.index if heads else site.pos} for site in sites
    )
    element = configs.PatchingElementConfig(
        type=configs.PatchingType.REPLACE, activation=activation, coordinates=coordinates
    )
    config = PatchingConfig(
        metric={
            "logit_diff": configs.PatchingMetricConfig(
                type=configs.PatchingMetric.LOGIT_DIFF,
                tokens=["answer", "foil"],
                comparison=configs.MetricComparison.INDIRECT_EFFECT,
            )
        },
        method=configs.PatchingMethodConfig(type="exact"),
        patch=[configs.SinglePatchingConfig(source=element, target=element)],
    )
    pair, task = experiment.pairs[0], experiment.task
    tokens = {"answer": pair.answers[0], "foil": (pair.foils or (0,))[0]}
    patcher = Patcher(_bridge(experiment), collector_class=PatchingCollector, batch_size=BATCH)

    def run() -> Any:
        with torch.no_grad():
            asked = PatchingInput(config, str(task.clean), str(task.corrupted), tokens=tokens)
            return patcher.apply(asked, return_collector=True, verbose=False)

    return run


def nnsight(experiment: pw.Experiment, sites: Sequence[Site]) -> Run:
    """Run one trace per site."""
    from nnsight import LanguageModel

    model, pair = experiment.model, experiment.pairs[0]
    lens = LanguageModel(copy.deepcopy(model.hf_model), tokenizer=model.tokenizer)
    corrupted = torch.tensor([pair.corrupted], device=model.device)
    sources = [experiment.source[site] for site in sites]

    def run() -> Any:
        values = []
        for site, source in zip(sites, sources, strict=True):
            with torch.no_grad(), lens.trace(corrupted):
                block = lens.model.layers[site.layer]
                if site.component == "z":
                    d_head, index = source.shape[-1], site.index or 0
                    head = slice(index * d_head, (index + 1) * d_head)
                    block.self_attn.o_proj.input[:, :, head] = source
                else:
                    block.input[:, site.pos] = source[:, 0]
                logits = lens.lm_head.output[0, -1].save()
            values.append(float(_logit_diff(experiment, logits)))
        return values

    return run


PEERS: dict[str, Callable[[pw.Experiment, Sequence[Site]], Run]] = {
    "TransformerLens": transformer_lens,
    "entoscope": entoscope,
    "nnsight": nnsight,
}


def make_peers(
    experiment: pw.Experiment, sites: Sequence[Site], names: Collection[str] | None = None
) -> dict[str, Run]:
    """Prepare every tool, or those of these names, that is installed and runs; print why another one is left out."""
    found = {}
    for name, make in PEERS.items():
        if names is not None and name not in names:
            continue
        module = "transformer_lens" if name == "TransformerLens" else name
        if importlib.util.find_spec(module) is None:
            print(f"{name}: left out because it is not installed (pip install {module})")
            continue
        try:
            run = make(experiment, sites)
            run()  # warm
        except Exception as error:  # noqa: BLE001 - a tool that fails is reported, not hidden
            print(f"{name}: left out because it failed: {type(error).__name__}: {str(error)[:200]}")
        else:
            found[name] = run
    return found


def _bridge(experiment: pw.Experiment) -> Any:
    from transformer_lens.model_bridge import TransformerBridge

    model = experiment.model
    bridge = TransformerBridge.boot_transformers(
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        hf_model=copy.deepcopy(model.hf_model),  # the bridge changes the model that it is given
        tokenizer=model.tokenizer,
        device=model.device,
    )
    return bridge.eval()


def _logit_diff(experiment: pw.Experiment, logits: torch.Tensor) -> torch.Tensor:
    pair = experiment.pairs[0]
    return logits[pair.answers[0]] - logits[(pair.foils or (0,))[0]]

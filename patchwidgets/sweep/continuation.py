"""Whether a model can be continued from the host's keys and values: found by trying, once per model.

Costs the recording of one prompt and two short passes.
"""

import logging
import weakref

import torch
from torch import nn

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.sites import Patch
from patchwidgets.sweep.batched_edits import batched_edits
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.passes import FinalStates, Recording, descend, record, run_plain
from patchwidgets.sweep.rows import PlacedPatch, Row

_LOG = logging.getLogger(__name__)
_CAN_CONTINUE: "weakref.WeakKeyDictionary[nn.Module, bool]" = weakref.WeakKeyDictionary()
_FAILURES = (
    RuntimeError,
    TypeError,
    ValueError,
    AttributeError,
    LookupError,
    NotImplementedError,
)


def can_continue(experiment: BaseExperiment) -> bool:
    """Whether a handful of patches gives the same in a descent and in whole prompts; said in the log."""
    hf_model = experiment.model.hf_model
    if hf_model not in _CAN_CONTINUE:
        reason = _failure(experiment)
        _CAN_CONTINUE[hf_model] = reason is None
        name = experiment.model.name
        if reason is None:
            _LOG.info("Sweeps of %s go on from recorded keys and values.", name)
        else:
            _LOG.info("Sweeps of %s run whole prompts in batches: %s", name, reason)
    return _CAN_CONTINUE[hf_model]


def _failure(experiment: BaseExperiment) -> str | None:
    try:
        fast, plain = _both(experiment)
    except torch.OutOfMemoryError:
        raise
    except _FAILURES as error:
        return f"{type(error).__name__}: {error}"
    gap = float((fast.hidden - plain.hidden).abs().max())
    size = float(plain.hidden.abs().max())
    dtype = experiment.model.hf_model.dtype
    most = (512 if dtype.itemsize >= 4 else 8) * torch.finfo(dtype).eps * size
    return None if gap <= most else f"continued runs are off by {gap:.2g} of {size:.2g}."


def _both(experiment: BaseExperiment) -> tuple[FinalStates, FinalStates]:
    layout, pair = experiment.model.layout, experiment.pairs[0]
    ids = pair.prompt(experiment.host_name)
    length = len(ids)
    rows = _rows(length, min(length // 2, length - 1), layout.n_layers)
    recording = Recording([0], torch.tensor([ids]))
    layers = {0, *(row.layer for row in rows)}
    record(layout, recording, [("resid_pre", layer) for layer in layers], with_cache=True)
    start = min(row.start for row in rows)
    ends = []
    for run, begin in ((descend, start), (run_plain, 0)):
        group = Group.of(rows, length, begin)
        edits = batched_edits(experiment, group, lambda _run, _key: torch.empty(0))
        ends.append(run(layout, recording, group, edits, n_logits=0))
    return ends[0], ends[1]


def _rows(length: int, middle: int, n_layers: int) -> list[Row]:
    """Patches of different layers and positions, each of which doubles what is there."""
    sites = [
        (f"L0.resid_pre@{middle}", middle),
        (f"L{n_layers // 2}.mlp_out@{length - 1}", length - 1),
        (f"L{n_layers // 2}.attn_out@{middle}:", middle),
        (f"L{n_layers - 1}.resid_pre@{middle}", middle),
    ]
    rows = []
    for i, (site, start) in enumerate(sites):
        patch = Patch(site, source=torch.ones(1), fn=lambda host, _source: 2 * host)
        indices = tuple(range(start, length)) if site.endswith(":") else (start,)
        places = tuple((index, index) for index in indices)
        rows.append(Row(i, 0, start, patch.site.layer or 0, (PlacedPatch(patch, places, None),)))
    return rows

"""Whether a model can continue from the host's keys and values, and begin in the middle: tried once for each model.

Costs the recording of one prompt and two short passes, for either.
"""

import logging
import math
import weakref

import torch
from torch import Tensor, nn

from patchwidgets.errors import ModelError, PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.teacher_forcing import TeacherForced
from patchwidgets.models.view import Form
from patchwidgets.sites import Patch
from patchwidgets.sweep.batched_edits import batched_edits
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.late_pass import run_late, stream_keys
from patchwidgets.sweep.passes import FinalStates, Recording, descend, record, run_plain
from patchwidgets.sweep.rows import PairPatch, Row

_LOG = logging.getLogger(__name__)
_CAN_CONTINUE: "weakref.WeakKeyDictionary[nn.Module, bool]" = weakref.WeakKeyDictionary()
_FORMS: "weakref.WeakKeyDictionary[nn.Module, list[Form]]" = weakref.WeakKeyDictionary()
_KNOWN_FORMS: tuple[Form, ...] = (
    lambda stream: stream,
    lambda stream: (stream,),
    lambda stream: (stream, None),
    lambda stream: (stream, None, None),
)
"""What layers of models return; in the first, most of those of transformers."""
_FAILURES = (
    RuntimeError,
    TypeError,
    ValueError,
    AttributeError,
    LookupError,
    NotImplementedError,
)
"""What a model's own code raises when it gets a cache or hidden states that it does not expect."""


def can_continue(experiment: BaseExperiment) -> bool:
    """Whether a few patches give the same in a descent as in whole prompts; the log says which way sweeps will run."""
    hf_model = experiment.model.layout.hf_model
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
    """Why a descent does not give what whole prompts give, or None if it does."""
    try:
        fast, plain = _both(experiment)
    except torch.OutOfMemoryError:
        raise
    except _FAILURES as error:
        return f"{type(error).__name__}: {error}"
    gap, size = _gap(fast.hidden, plain.hidden)
    if gap <= _allowed(experiment.model.layout.hf_model.dtype) * size:
        return None
    return f"continued runs are off by {gap:.2g} of {size:.2g}."


def late_form(experiment: BaseExperiment) -> Form | None:
    """What layers that a late pass passes over must return, for it to give what whole prompts do; None if it cannot."""
    hf_model = experiment.model.layout.hf_model
    if hf_model not in _FORMS:
        forms = _KNOWN_FORMS if can_continue(experiment) else ()
        _FORMS[hf_model] = [form for form in forms if _reproduces(experiment, form)][:1]
    return next(iter(_FORMS[hf_model]), None)


def _reproduces(experiment: BaseExperiment, form: Form) -> bool:
    """Whether patches of the first pair in later layers give the same in a late pass as in whole prompts."""
    layout, pair = experiment.model.layout, experiment.pairs[0]
    ids = pair.prompt(experiment.host_name)
    length = len(ids)
    rows = [
        row for row in _rows(length, min(length // 2, length - 1), layout.n_layers) if row.layer
    ]
    if not rows:
        return True  # a model of one layer has none to pass over
    recording = Recording([0], TeacherForced([pair], torch.tensor([ids]), length))
    record(layout, recording, stream_keys(layout), with_cache=True)
    group = Group.of(rows, length, min(row.start for row in rows), has_hosts=False)
    whole = Group.of(rows, length, 0, plain=True)
    ends = [(length - 1,)] * len(rows)
    try:
        edits = batched_edits(experiment, group, recording)
        late = run_late(layout, recording, group, edits, (), ends, form)
        edits = batched_edits(experiment, whole, recording)
        plain = run_plain(layout, recording, whole, edits, n_logits=None)
    except torch.OutOfMemoryError:
        raise
    except (*_FAILURES, PatchError, ModelError):
        return False
    gap, size = _gap(late.logits, plain.logits[1:])
    return gap <= _allowed(layout.hf_model.dtype) * size


def _gap(found: Tensor, expected: Tensor) -> tuple[float, float]:
    """The largest difference, and the largest number."""
    if found.shape != expected.shape:
        return math.inf, 1.0
    gap = found - expected.to(found.device)
    return float(gap.abs().max()), float(expected.abs().max())


def _allowed(dtype: torch.dtype) -> float:
    """How far two ways of computing may be apart, as a part of the largest number."""
    return (512 if dtype.itemsize >= 4 else 8) * torch.finfo(dtype).eps


def _both(experiment: BaseExperiment) -> tuple[FinalStates, FinalStates]:
    """The same patches of the first pair, in a descent and in whole prompts."""
    layout, pair = experiment.model.layout, experiment.pairs[0]
    ids = pair.prompt(experiment.host_name)
    length = len(ids)
    rows = _rows(length, min(length // 2, length - 1), layout.n_layers)
    recording = Recording([0], TeacherForced([pair], torch.tensor([ids]), length))
    record(layout, recording, [("resid_pre", 0)], with_cache=True)
    first = min(row.start for row in rows)
    states = []
    for run, start in ((descend, first), (run_plain, 0)):
        group = Group.of(rows, length, start)
        edits = batched_edits(experiment, group, recording)
        states.append(run(layout, recording, group, edits, n_logits=0))
    return states[0], states[1]


def _rows(length: int, middle: int, n_layers: int) -> list[Row]:
    """Patches of different layers and positions, each of which doubles what is there."""
    sites = [
        (f"L0.resid_pre@{middle}", middle),
        (f"L{n_layers // 2}.mlp_out@{length - 1}", length - 1),
        (f"L{n_layers // 2}.attn_out@{middle}:", middle),
        (f"L{n_layers - 1}.resid_pre@{middle}", middle),
    ]
    rows = []
    for cell, (site, start) in enumerate(sites):
        patch = Patch(site, source=torch.ones(1), fn=lambda host, _source: 2 * host)
        positions = tuple(range(start, length)) if site.endswith(":") else (start,)
        places = tuple((pos, pos) for pos in positions)
        rows.append(Row(cell, 0, start, patch.site.layer or 0, (PairPatch(patch, places, None),)))
    return rows

"""What a model would say if a stream were its last one: its own code after the last layer, run on any stream.

Each stream takes the place of the last layer's output in a pass over one token, so the final norm, projections, the
output embedding, soft caps and scales are those of the model, whatever they are. Costs as much as a token for each
stream.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import LensError
from patchwidgets.hooks.hooks import Key, hooked
from patchwidgets.models.forward import if_narrow, logits_to_keep, running
from patchwidgets.models.layout import Layout

ENTRIES_AT_ONCE = 256
"""How many streams are read in one pass: at most this many rows of logits are in memory."""


def last_stream(layout: Layout) -> Key:
    """Return the stream that the final norm reads."""
    return "resid_post", layout.n_layers - 1


def read_as_last(
    layout: Layout, streams: Float[Tensor, "entry d_model"], token: int
) -> Float[Tensor, "entry vocabulary"]:
    """Return the float32 logits that the model computes from each stream in the place of its last one.

    Parameters
    ----------
    streams
        At most `ENTRIES_AT_ONCE` of them.
    token
        Any token of the model. Nothing depends on it.

    Raises
    ------
    LensError
        The logits are not finite.
    """

    def write(passing: Float[Tensor, "entry 1 d_model"]) -> Float[Tensor, "entry 1 d_model"]:
        return streams.to(passing.device, passing.dtype)[:, None]

    edits = {last_stream(layout): write}
    with (
        running(layout) as view,
        hooked(layout.outer_modules, layout.hook_points, edits, on=view.copy_of),
    ):
        ids = torch.full((len(streams), 1), token, device=layout.device)
        options = logits_to_keep(view.model, (0,), 1)
        logits: Tensor = view.model(input_ids=ids, use_cache=False, **options).logits[:, -1].float()
    if not torch.isfinite(logits.amax(-1)).all():
        advice = " Load the model in a wider dtype, as in dtype='float32'."
        raise LensError(
            f"A stream gives logits that are not finite in {layout.hf_model.dtype} where it takes the place of the "
            f"last one.{if_narrow(layout.hf_model, advice)}"
        )
    return logits


def check_readout(
    layout: Layout,
    last: Float[Tensor, "prompt d_model"],
    logits: Float[Tensor, "prompt vocabulary"],
    token: int,
) -> float:
    """Return the largest gap between the model's own logits and those read from its own last streams.

    Raises
    ------
    LensError
        The gap is more than rounding: the model's logits do not come from its last stream alone.
    """
    gap = 0.0
    for part in range(0, len(last), ENTRIES_AT_ONCE):
        chosen = slice(part, part + ENTRIES_AT_ONCE)
        read = read_as_last(layout, last[chosen], token)
        differences = (read - logits[chosen].to(read.device)).nan_to_num(0.0)  # −inf is −inf
        gap = max(gap, float(differences.abs().max()))
    finite = logits[logits.isfinite()]
    allowed = _tolerance(layout.hf_model.dtype) * float(finite.abs().max())
    if gap > allowed:
        raise LensError(
            f"The logits of {layout.name} do not come from its last stream alone: read from it they are off by up to "
            f"{gap:.3g}, where rounding explains {allowed:.1g}. A lens would show what the model does not compute."
        )
    return gap


def _tolerance(dtype: torch.dtype) -> float:
    """Allowed error as a part of the largest logit: a few spacings of the dtype."""
    return (64 if dtype.itemsize >= 4 else 4) * torch.finfo(dtype).eps

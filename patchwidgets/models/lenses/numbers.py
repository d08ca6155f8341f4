"""The numbers of a lens: top tokens, and probability and rank of answers and foils, for every stream it reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.metrics import Readout, answer_logprob, logit_diff, rank
from patchwidgets.models.layout import Layout
from patchwidgets.models.lenses.readout import ENTRIES_AT_ONCE, read_as_last
from patchwidgets.models.lenses.request import LensRequest
from patchwidgets.models.lenses.streams import Streams

Ids = list[list[int]]
"""For each prompt the token ids of the alternatives."""


@dataclass(frozen=True)
class Followed:
    """The tokens that a lens follows through the layers.

    Attributes
    ----------
    answers, foils
        For each prompt; None where there are none.
    reason
        Why none are followed, as a sentence; None where some are.
    """

    answers: Ids | None = None
    foils: Ids | None = None
    reason: str | None = None

    def of(self, rows: Sequence[int]) -> "Followed":
        """Return those of some prompts, by their numbers."""
        answers, foils = (
            None if ids is None else [ids[row] for row in rows]
            for ids in (self.answers, self.foils)
        )
        return Followed(answers, foils, self.reason)


def lens_numbers(
    layout: Layout, request: LensRequest, of_run: Streams, followed: Followed
) -> dict[str, Shaped[np.ndarray, "prompt pos layer *top"]]:
    """Read every stream of a run; `LensResult` documents the numbers."""
    streams = of_run.streams
    if request.jacobian is not None:
        carried = [
            request.jacobian.transport(site, streams[:, :, i])
            for i, site in enumerate(request.sites)
        ]
        streams = torch.stack(carried, dim=2)
    shape, entries = streams.shape[:-1], streams.flatten(0, 2)
    n_each, check = len(entries) // shape[0], cancellation_check()
    parts: list[dict[str, Tensor]] = []
    for start in range(0, len(entries), ENTRIES_AT_ONCE):
        check()
        part = entries[start : start + ENTRIES_AT_ONCE]
        logits = read_as_last(layout, part, of_run.prompts[0][0])
        prompts = [i // n_each for i in range(start, start + len(part))]
        parts.append(_top(logits, request.k) | _scores(logits, prompts, followed))
    return {
        name: torch.cat([part[name] for part in parts]).unflatten(0, shape).numpy()
        for name in parts[0]
    }


def _top(logits: Float[Tensor, "entry vocabulary"], k: int) -> dict[str, Tensor]:
    top = logits.topk(k)
    probs = logits.softmax(-1).gather(-1, top.indices)
    found = {"top_id": top.indices, "top_logit": top.values, "top_prob": probs}
    return {name: each.cpu() for name, each in found.items()}


def _scores(
    logits: Float[Tensor, "entry vocabulary"], prompts: Sequence[int], followed: Followed
) -> dict[str, Float[Tensor, "entry"]]:
    """By the named metrics, so that a lens at the last stream says what they say."""
    found: dict[str, Tensor] = {}
    answers, foils = (
        None if ids is None else [ids[prompt] for prompt in prompts]
        for ids in (followed.answers, followed.foils)
    )
    for name, ids in (("answer", answers), ("foil", foils)):
        if ids is not None:
            readout = Readout(logits, logits[:, :0], ids, None, list(prompts))
            logprob = answer_logprob(readout)
            found |= {
                f"{name}_logprob": logprob,
                f"{name}_prob": logprob.exp(),
                f"{name}_rank": rank(readout),
            }
    if answers is not None and foils is not None:
        readout = Readout(logits, logits[:, :0], answers, foils, list(prompts))
        found["logit_diff"] = logit_diff(readout)
    return {name: each.cpu() for name, each in found.items()}

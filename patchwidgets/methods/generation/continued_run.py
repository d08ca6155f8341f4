"""One run of a batch of prompts, token by token, and how its tokens are chosen.

Every token costs a pass of one position, or of all positions so far in a model that cannot go on from a cache.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import DynamicCache

from patchwidgets.experiment.teacher_forcing import of_prompt
from patchwidgets.hooks.hooks import Edit, Key, hooked
from patchwidgets.models.forward import (
    logits_to_keep,
    refuse_not_finite,
    running,
    select_positions,
)
from patchwidgets.models.layout import Layout

Logits = Float[Tensor, "row vocabulary"]


@dataclass(eq=False)
class ContinuedRun:
    """One of the two runs of a batch, token by token.

    Attributes
    ----------
    ids
        The prompts, and the tokens so far.
    in_prompt, at_each_step
        What is written in the prompt, and at each generated token.
    cache
        The keys and values so far; None where the model runs all positions again at each step.
    generated
        The tokens of each row so far, up to and with its end token.
    """

    layout: Layout
    ids: Int[Tensor, "row pos"]
    end_tokens: frozenset[int]
    in_prompt: Mapping[Key, Edit]
    at_each_step: Mapping[Key, Edit]
    cache: DynamicCache | None
    generated: list[list[int]] = field(init=False)
    n_prompt: int = field(init=False)

    def __post_init__(self) -> None:
        self.generated, self.n_prompt = [[] for _ in self.ids], self.ids.shape[1]

    def ended(self, row: int) -> bool:
        """Whether a row's last token is an end token."""
        return self.generated[row][-1:] != [] and self.generated[row][-1] in self.end_tokens

    @property
    def done(self) -> bool:
        """Whether every row has ended."""
        return all(map(self.ended, range(len(self.ids))))

    def next_logits(self) -> Logits:
        """Run the positions that were not run yet, and return float32 logits at the last one."""
        start = 0 if self.cache is None else self.cache.get_seq_length()
        edits: Mapping[Key, Edit] = self.at_each_step if start else self.in_prompt
        if self.cache is None and self.ids.shape[1] > self.n_prompt:
            edits = _over_all(self.in_prompt, self.at_each_step, self.n_prompt)
        layout, new = self.layout, self.ids[:, start:]
        length = new.shape[1]
        caching = {} if self.cache is None else {"past_key_values": self.cache}
        with (
            running(layout) as view,
            hooked(
                layout.outer_modules,
                layout.hook_points,
                edits,
                continued=True,
                on=view.copy_of,
            ),
        ):
            output = view.model(
                input_ids=new.to(layout.device),
                use_cache=self.cache is not None,
                **caching,
                **logits_to_keep(view.model, [length - 1], length),
            )
            logits = select_positions(output.logits, [length - 1])[:, 0].float().cpu()
        refuse_not_finite(logits[:, None], layout.hf_model, edited=bool(self.in_prompt))
        return logits

    def append(self, tokens: Int[Tensor, "row"]) -> None:
        """Go on with a token in each row; rows that have ended take part, but say nothing more."""
        for row, token in enumerate(tokens.tolist()):
            if not self.ended(row):
                self.generated[row].append(token)
        self.ids = torch.cat([self.ids, tokens[:, None]], dim=1)


@dataclass(frozen=True, eq=False)
class Choice:
    """How tokens are chosen: the largest logit, or by chance with noise that both runs share.

    Attributes
    ----------
    temperature
        0 for the largest logit.
    seed
        Of the noise; each pair and each step has its own.
    """

    temperature: float
    seed: int | None

    def noise(self, pairs: Sequence[int], step: int, n_tokens: int) -> Logits | None:
        """Gumbel noise: logits / temperature plus this noise are largest at a token with its probability."""
        if not self.temperature:
            return None
        rows = [
            np.random.default_rng([self.seed or 0, pair, step]).gumbel(size=n_tokens)
            for pair in pairs
        ]
        return torch.tensor(np.stack(rows), dtype=torch.float32)

    def tokens(self, logits: Logits, noise: Logits | None) -> Int[Tensor, "row"]:
        """The next token of each row."""
        return (logits if noise is None else logits / self.temperature + noise).argmax(-1)


def _over_all(
    in_prompt: Mapping[Key, Edit], at_each_step: Mapping[Key, Edit], n_prompt: int
) -> dict[Key, Edit]:
    """Edits of a whole sequence: those of the prompt, then those of each generated token at its own position."""
    keys = [*in_prompt, *(key for key in at_each_step if key not in in_prompt)]

    def edit_all(key: Key, activation: Tensor) -> Tensor:
        changed = activation.clone()
        if key in in_prompt:
            part = of_prompt(key, changed, n_prompt)
            part.copy_(in_prompt[key](part.clone()))
        for pos in range(n_prompt, activation.shape[1]) if key in at_each_step else ():
            part = of_prompt(key, changed, pos + 1)[:, pos:]
            part.copy_(at_each_step[key](part.clone()))
        return changed

    return {key: partial(edit_all, key) for key in keys}


def end_tokens(layout: Layout) -> frozenset[int]:
    """The tokens after which a model says nothing more: those of its generation config."""
    configs: list[Any] = [getattr(layout.hf_model, "generation_config", None), layout.config]
    found = (getattr(config, "eos_token_id", None) for config in configs)
    ids = next((each for each in found if each is not None), ())
    return frozenset([ids] if isinstance(ids, int) else map(int, ids))

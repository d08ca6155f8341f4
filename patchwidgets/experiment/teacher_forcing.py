"""Answers of several tokens, scored by teacher forcing: prompt and answer in one row give its joint probability.

Rows are filled up on the right, which no earlier position of a causal model can see. Costs one row for each different
continuation by the answers and foils of a pair; patches act on the prompt alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.forward import Output, forward, gather_entries, union_of_positions
from patchwidgets.models.layout import Layout
from patchwidgets.tasks import Pair

RunModel = Callable[
    [Layout, Tensor, Mapping[Key, Edit] | None, Iterable[Key], Sequence[int] | None], Output
]
"""Runs the model as `forward` does."""


@dataclass(frozen=True, eq=False)
class ScoredOutput:
    """What a pass over prompts gave.

    Attributes
    ----------
    logits
        float32, at the last position of each prompt.
    read
        float32, at the positions that were asked for, one pair after the other.
    joint
        Where answers have several tokens: log ΣP of the answers and log ΣP of the foils in nats, with P the joint
        probability of all tokens of an alternative; NaN without a foil. None where all answers are single tokens.
    activations
        What was recorded of the prompts, ``[pair, pos, ...]`` by component and layer.
    """

    logits: Float[Tensor, "pair vocabulary"]
    read: Float[Tensor, "entry vocabulary"]
    joint: Float[Tensor, "pair 2"] | None
    activations: dict[Key, Float[Tensor, "pair pos *unit"]]


def scored_pass(
    layout: Layout,
    pairs: Sequence[Pair],
    prompts: Int[Tensor, "pair pos"],
    edits: Mapping[Key, Edit] | None = None,
    record: Iterable[Key] = (),
    read_positions: Sequence[Sequence[int]] | None = None,
    run: RunModel = forward,
) -> ScoredOutput:
    """One pass over prompts of equal length, each followed by its answers where these have several tokens.

    Parameters
    ----------
    pairs
        The pair of each prompt.
    edits, record
        What to write into the prompts' activations, and what to record of them.
    read_positions
        For each prompt the positions at which logits are wanted; by default the last.
    run
        What runs the model on the rows, with the arguments of `forward`.
    """
    last = prompts.shape[1] - 1
    read_positions = [(last,)] * len(pairs) if read_positions is None else read_positions
    if not pairs[0].long_answers:
        keep = union_of_positions([*read_positions, (last,)])
        output = run(layout, prompts, edits, record, keep)
        read = gather_entries(output.logits, keep, read_positions)
        return ScoredOutput(output.logits[:, -1], read, None, output.activations)
    forced = TeacherForced.of(pairs, prompts)
    keep = union_of_positions([*read_positions, forced.answer_positions])
    output = run(layout, forced.ids, forced.edits(edits or {}), record, keep)
    of_prompts = output.logits[:: forced.n_rows]
    of_answers = output.logits[:, -len(forced.answer_positions) :]
    return ScoredOutput(
        of_prompts[:, keep.index(last)],
        gather_entries(of_prompts, keep, read_positions),
        joint_logprobs(pairs, of_answers.unflatten(0, (len(pairs), forced.n_rows))),
        forced.prompts_only(output.activations),
    )


@dataclass(frozen=True, eq=False)
class TeacherForced:
    """Prompts of equal length, each repeated with every continuation of its pair after it, if there are any.

    Attributes
    ----------
    pairs
        The pair of each prompt.
    ids
        `n_rows` rows for each pair, one after the other.
    n_tokens
        The length of the prompts.
    """

    pairs: Sequence[Pair]
    ids: Int[Tensor, "pair*n_rows pos"]
    n_tokens: int

    @classmethod
    def of(cls, pairs: Sequence[Pair], prompts: Int[Tensor, "pair pos"]) -> "TeacherForced":
        """Append the continuations of the pairs to their prompts; those of one pair are filled up with the first."""
        n_rows, n_appended = forced_shape(pairs)
        rows = [
            prompt + _filled(each[i] if i < len(each) else each[0], n_appended)
            for each, prompt in zip(_continuations(pairs), prompts.tolist(), strict=True)
            for i in range(n_rows)
        ]
        return cls(pairs, torch.tensor(rows), prompts.shape[1])

    @property
    def answer_positions(self) -> range:
        """The positions whose logits predict the answers' tokens: from the last one of the prompt on."""
        return range(self.n_tokens - 1, self.ids.shape[1])

    @property
    def n_rows(self) -> int:
        """Rows of each pair."""
        return len(self.ids) // len(self.pairs)

    def of_pairs(self, chosen: Sequence[int]) -> "TeacherForced":
        """The rows of some of the pairs, given by their indices in `pairs`."""
        rows = [i * self.n_rows + j for i in chosen for j in range(self.n_rows)]
        return TeacherForced([self.pairs[i] for i in chosen], self.ids[rows], self.n_tokens)

    def edits(self, edits: Mapping[Key, Edit]) -> dict[Key, Edit]:
        """Edits of prompts ``[pair, pos, ...]``, repeated in each row of a pair and limited to the prompt."""
        return {key: self._repeated(key, edit) for key, edit in edits.items()}

    def _repeated(self, key: Key, edit: Edit) -> Edit:
        def edit_each(activation: Tensor) -> Tensor:
            changed = activation.clone()
            for i in range(self.n_rows):
                part = of_prompt(key, changed[i :: self.n_rows], self.n_tokens)
                part.copy_(edit(part.clone()))
            return changed

        return edit_each

    def prompts_only(
        self, activations: Mapping[Key, Float[Tensor, "pair*n_rows pos *unit"]]
    ) -> dict[Key, Float[Tensor, "pair pos *unit"]]:
        """Recorded activations, cut to one row for each pair and to the prompt."""
        return {
            key: of_prompt(key, activation[:: self.n_rows], self.n_tokens)
            for key, activation in activations.items()
        }


def forced_shape(pairs: Iterable[Pair]) -> tuple[int, int]:
    """How many rows each of some pairs takes in a pass of `TeacherForced`, and how many tokens follow the prompts."""
    continuations = _continuations(pairs)
    return max(map(len, continuations)), max(len(ids) for each in continuations for ids in each)


def of_prompt(
    key: Key, activation: Float[Tensor, "row pos *unit"], n_tokens: int
) -> Float[Tensor, "row prompt_pos *unit"]:
    """The part of an activation that belongs to the first `n_tokens`; of a pattern, also of its keys. A view."""
    part = activation[:, :n_tokens]
    return part[..., :n_tokens] if key[0] == "pattern" else part


def joint_logprobs(
    pairs: Sequence[Pair], logits: Float[Tensor, "row n_rows pos vocabulary"]
) -> Float[Tensor, "row 2"]:
    """`ScoredOutput.joint` of some runs, from the logits at `TeacherForced.answer_positions`.

    Parameters
    ----------
    pairs
        The pair of each run.
    """
    return torch.stack(
        [
            torch.stack([_joint(of_run, pair, ids) for ids in (pair.long_answers, pair.long_foils)])
            for of_run, pair in zip(logits.log_softmax(-1), pairs, strict=True)
        ]
    )


def _continuations(pairs: Iterable[Pair]) -> list[tuple[tuple[int, ...], ...]]:
    return [pair.continuations or ((),) for pair in pairs]


def _filled(ids: Sequence[int], length: int) -> list[int]:
    return [*ids, *[0] * (length - len(ids))]


def _joint(
    logprobs: Float[Tensor, "n_rows pos vocabulary"], pair: Pair, answers: Sequence[Sequence[int]]
) -> Float[Tensor, ""]:
    """log Σ over the answers of the probability of all their tokens; NaN without answers."""
    if not answers:
        return torch.tensor(float("nan"), device=logprobs.device)
    sums = [
        logprobs[_row_of(pair, ids), torch.arange(len(ids)), torch.tensor(ids)].sum()
        for ids in answers
    ]
    return torch.stack(sums).logsumexp(0)


def _row_of(pair: Pair, answer: Sequence[int]) -> int:
    """The first row of a pair that continues with all tokens of an answer but the last."""
    before = tuple(answer[:-1])
    return next(i for i, ids in enumerate(pair.continuations) if ids[: len(before)] == before)

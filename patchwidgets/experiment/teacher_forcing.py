"""Answers of several tokens: each follows its prompt in a row of its own, so that one pass gives its joint probability.

Rows are filled up on the right, which no earlier position of a causal model can see. Costs as many rows per pair as the
pair has answers and foils, of which only the prompt is patched.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.forward import forward, gather_entries, union_of_positions
from patchwidgets.models.layout import Layout
from patchwidgets.tasks import Pair


@dataclass(frozen=True, eq=False)
class ScoredOutput:
    """What a pass over prompts gave.

    Attributes
    ----------
    logits
        float32 ``[pair, vocabulary]`` at the last prompt position.
    read
        float32 ``[entry, vocabulary]`` at the positions that were asked for, pair after pair.
    joint
        ``[pair, 2]`` as of `Forced.joint` where answers have several tokens, else None.
    activations
        Of the prompts, ``[pair, pos, ...]`` by component and layer.
    """

    logits: Tensor
    read: Tensor
    joint: Tensor | None
    activations: dict[Key, Tensor]


def scored_pass(
    layout: Layout,
    pairs: Sequence[Pair],
    prompts: Tensor,
    edits: Mapping[Key, Edit] | None = None,
    record: Iterable[Key] = (),
    read_positions: Sequence[Sequence[int]] | None = None,
) -> ScoredOutput:
    """One pass over prompts of equal length ``[pair, pos]``; answers of several tokens follow them.

    `read_positions` are the positions at which logits are wanted for each pair, besides the last.
    """
    last = prompts.shape[1] - 1
    read_positions = [(last,)] * len(pairs) if read_positions is None else read_positions
    if not pairs[0].long_answers:
        keep = union_of_positions([*read_positions, (last,)])
        output = forward(layout, prompts, edits, record, keep)
        read = gather_entries(output.logits, keep, read_positions)
        return ScoredOutput(output.logits[:, -1], read, None, output.activations)
    forced = TeacherForced.of(pairs, prompts)
    keep = union_of_positions([*read_positions, forced.behind])
    output = forward(layout, forced.ids, forced.edits(edits or {}), record, keep)
    of_prompts = output.logits[:: forced.n_rows]
    behind = output.logits[:, -len(forced.behind) :]
    return ScoredOutput(
        of_prompts[:, keep.index(last)],
        gather_entries(of_prompts, keep, read_positions),
        forced.joint(behind),
        forced.prompts_only(output.activations),
    )


@dataclass(frozen=True, eq=False)
class TeacherForced:
    """Prompts of equal length, each with all answers and foils of its pair behind it.

    Attributes
    ----------
    pairs
        One for each prompt.
    ids
        ``[pair · answer, pos]``.
    n_tokens
        Of each prompt.
    """

    pairs: Sequence[Pair]
    ids: Tensor
    n_tokens: int

    @classmethod
    def of(cls, pairs: Sequence[Pair], prompts: Tensor) -> "TeacherForced":
        """Prompts ``[pair, pos]`` with what their pairs should say."""
        texts = [pair.long_answers + pair.long_foils for pair in pairs]
        n_rows = max(map(len, texts))
        length = max(len(ids) for each in texts for ids in each) - 1
        rows = [
            prompt + _filled((each[i] if i < len(each) else each[0])[:-1], length)
            for each, prompt in zip(texts, prompts.tolist(), strict=True)
            for i in range(n_rows)
        ]
        return cls(pairs, torch.tensor(rows), prompts.shape[1])

    @property
    def behind(self) -> range:
        """The positions that say the answers' tokens: from the prompt's last one on."""
        return range(self.n_tokens - 1, self.ids.shape[1])

    @property
    def n_rows(self) -> int:
        """Rows per pair."""
        return len(self.ids) // len(self.pairs)

    def edits(self, edits: Mapping[Key, Edit]) -> dict[Key, Edit]:
        """The same edits, made in each answer's row, of the prompt alone."""
        return {key: self._of_prompts(key, edit) for key, edit in edits.items()}

    def _of_prompts(self, key: Key, edit: Edit) -> Edit:
        n = self.n_tokens

        def edit_each(activation: Tensor) -> Tensor:
            changed = activation.clone()
            for i in range(self.n_rows):
                rows = changed[i :: self.n_rows, :n]
                part = rows[..., :n] if key[0] == "pattern" else rows
                part.copy_(edit(part.clone()))
            return changed

        return edit_each

    def prompts_only(self, activations: Mapping[Key, Tensor]) -> dict[Key, Tensor]:
        """Recorded activations ``[pair, pos, ...]`` of the prompts."""
        return {key: held[:: self.n_rows, : self.n_tokens] for key, held in activations.items()}

    def joint(self, logits: Tensor) -> Tensor:
        """Log Σ P of the answers and of the foils in nats, ``[pair, 2]``; NaN without a foil.

        Of logits at the positions `behind`.
        """
        logprobs = logits.log_softmax(-1).unflatten(0, (len(self.pairs), self.n_rows))
        return torch.stack(
            [
                torch.stack(
                    [
                        _joint(each[: len(pair.long_answers)], pair.long_answers),
                        _joint(each[len(pair.long_answers) :], pair.long_foils),
                    ]
                )
                for each, pair in zip(logprobs, self.pairs, strict=True)
            ]
        )


def _filled(ids: Sequence[int], length: int) -> list[int]:
    return [*ids, *[0] * (length - len(ids))]


def _joint(logprobs: Tensor, answers: Sequence[Sequence[int]]) -> Tensor:
    """``logprobs`` [answer, pos, vocabulary]: each answer's tokens one after the other, summed."""
    if not answers:
        return torch.tensor(float("nan"), device=logprobs.device)
    sums = [
        row[torch.arange(len(ids)), torch.tensor(ids)].sum()
        for row, ids in zip(logprobs, answers, strict=False)
    ]
    return torch.stack(sums).logsumexp(0)

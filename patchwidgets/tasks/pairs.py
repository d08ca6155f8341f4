"""A task as token ids, pair by pair, with every way in which it cannot be scored told to the person."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from patchwidgets.errors import AnswerError, SiteError, TaskError
from patchwidgets.sites import Position
from patchwidgets.tasks.task import PositionSpec, Task
from patchwidgets.tokens import Tokenizer, aligned, answer_ids, encode, token_strings


@dataclass(frozen=True)
class Pair:
    """One pair of prompts as a model sees it.

    Attributes
    ----------
    clean, corrupted
        Token ids, equally many, beginning token included.
    answers, foils
        Ids of the alternatives; `foils` is None for a task without a foil. Both are empty where one of them has
        several tokens, so that none is ever scored by its first token alone.
    positions
        Named positions as indices from 0.
    long_answers, long_foils
        Ids of each alternative, where an answer or a foil has several tokens.
    """

    clean: tuple[int, ...]
    corrupted: tuple[int, ...]
    answers: tuple[int, ...]
    foils: tuple[int, ...] | None
    positions: dict[str, int]
    long_answers: tuple[tuple[int, ...], ...] = ()
    long_foils: tuple[tuple[int, ...], ...] = ()

    @property
    def first_tokens(self) -> tuple[int, ...]:
        """The tokens with which the answers begin."""
        return self.answers or tuple(dict.fromkeys(ids[0] for ids in self.long_answers))

    def __len__(self) -> int:
        return len(self.clean)

    @property
    def differs(self) -> tuple[int, ...]:
        """The positions at which the prompts differ."""
        return tuple(
            i for i, (a, b) in enumerate(zip(self.clean, self.corrupted, strict=True)) if a != b
        )

    def indices(self, pos: Position) -> list[int]:
        """A position of a site as indices into this pair's prompt.

        Raises
        ------
        SiteError
            An index out of range, an empty range, or a name that the task does not have.
        """
        n = len(self)
        if pos is None:
            return list(range(n))
        if isinstance(pos, str):
            return [self._named(pos)]
        if isinstance(pos, tuple):
            found = list(range(n))[slice(*pos)]
            if not found:
                raise SiteError(
                    f"The range {pos[0]}:{pos[1]} is empty in a prompt of {n} tokens (0 to {n - 1})."
                )
            return found
        return [index_of(pos, n)]

    def _named(self, name: str) -> int:
        if name not in self.positions:
            known = ", ".join(self.positions) or "none"
            raise SiteError(
                f"The task names no position {name!r}; it names: {known}. Name one with Task(positions={{...}})."
            )
        return self.positions[name]


def index_of(pos: int, n: int) -> int:
    """A position as an index from 0 in a prompt of `n` tokens; negative ones count from the end."""
    if not -n <= pos < n:
        raise SiteError(
            f"Position {pos} is out of range: the prompt has {n} tokens (0 to {n - 1}, or -{n} to -1)."
        )
    return pos % n


def encode_pairs(task: Task, tokenizer: Tokenizer) -> list[Pair]:
    """Every pair of a task as token ids.

    Raises
    ------
    TaskError
        Prompts that are identical or have unequal token counts (both are shown aligned).
    AnswerError
        An answer or foil that has no tokens, or that changes those of its prompt.
    """
    pairs = [_encode_pair(task.pair(i), tokenizer, i, len(task)) for i in range(len(task))]
    return [_lengthened(pair) for pair in pairs] if any(p.long_answers for p in pairs) else pairs


def _lengthened(pair: Pair) -> Pair:
    """The same pair, its answers written as those of a pair with several tokens."""
    if pair.long_answers:
        return pair
    answers, foils = (tuple((i,) for i in ids or ()) for ids in (pair.answers, pair.foils))
    empty = None if pair.foils is None else ()
    return replace(pair, answers=(), foils=empty, long_answers=answers, long_foils=foils)


def _encode_pair(task: Task, tokenizer: Tokenizer, i: int, n: int) -> Pair:
    where = "" if n == 1 else f"Pair {i}: "
    try:
        prompts = (str(task.clean), str(task.corrupted))
        clean, corrupted = (encode(tokenizer, text, task.bos, task.chat) for text in prompts)
        _check_comparable(clean, corrupted, tokenizer)
        answers = _alternatives(task.answer, task, tokenizer)
        foils = () if task.foil is None else _alternatives(task.foil, task, tokenizer)
        positions = {
            name: _position(spec, task, tokenizer, clean) for name, spec in task.positions.items()
        }
    except (TaskError, SiteError) as error:
        raise type(error)(f"{where}{error}") from None
    ids = tuple(clean), tuple(corrupted)
    if any(len(each) > 1 for each in answers + foils):
        return Pair(*ids, (), None if task.foil is None else (), positions, answers, foils)
    first, opposed = (tuple(one[0] for one in each) for each in (answers, foils))
    return Pair(*ids, first, None if task.foil is None else opposed, positions)


def _check_comparable(clean: Sequence[int], corrupted: Sequence[int], tokenizer: Tokenizer) -> None:
    tokens = [token_strings(tokenizer, ids) for ids in (clean, corrupted)]
    if len(clean) != len(corrupted):
        raise TaskError(
            f"{len(clean)} and {len(corrupted)} tokens; patching needs equal counts. "
            f"Replace a word by one of as many tokens:\n{aligned(*tokens)}"
        )
    if list(clean) == list(corrupted):
        raise TaskError(
            "The clean and the corrupted prompt are identical, so no patch can change anything. "
            f"Change a word of one of them:\n{aligned(*tokens)}"
        )


def _alternatives(answer: Any, task: Task, tokenizer: Tokenizer) -> tuple[tuple[int, ...], ...]:
    texts = (answer,) if isinstance(answer, str) else tuple(answer)
    if not texts:
        raise TaskError("An answer or foil is an empty tuple; give at least one alternative.")
    prompt = str(task.clean)
    found = tuple(
        dict.fromkeys(answer_ids(tokenizer, prompt, text, task.bos, task.chat) for text in texts)
    )
    for short in found:
        for long in found:
            if short != long and long[: len(short)] == short:
                raise AnswerError(
                    f"Of the alternatives {texts!r} one begins another, so that its probability would be counted "
                    "twice; leave the longer one out."
                )
    return found


def _position(
    spec: PositionSpec | Sequence[PositionSpec],
    task: Task,
    tokenizer: Tokenizer,
    ids: Sequence[int],
) -> int:
    if isinstance(spec, int):
        return index_of(spec, len(ids))
    prompt = str(task.clean)
    found = prompt.rfind(str(spec))
    if found < 0:
        raise TaskError(f"The position {spec!r} does not occur in the clean prompt {prompt!r}.")
    return _last_token_before(found + len(str(spec)), prompt, task, tokenizer, ids)


def _last_token_before(
    end: int, prompt: str, task: Task, tokenizer: Tokenizer, ids: Sequence[int]
) -> int:
    """The index of the token that holds character ``end - 1`` of the prompt, counted from the end of the prompt.

    Counted from the end, since a beginning token or a chat template may stand before it.
    """
    tail = prompt[end:]
    if task.chat:
        raise TaskError(
            "Positions given as text are not found in chat prompts; give an index instead."
        )
    offsets = tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)[
        "offset_mapping"
    ]
    behind = sum(start >= end for start, _ in offsets) if tail else 0
    return len(ids) - 1 - behind

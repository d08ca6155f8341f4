"""A task as token ids, pair by pair, with every way in which it cannot be scored told to the person."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from patchwidgets.directions import RunName
from patchwidgets.errors import AnswerError, CounterpartError, SiteError, TaskError
from patchwidgets.sites import Position, index_of, indices_of
from patchwidgets.tasks.alignment import Alignment, Columns, checked_columns, identity
from patchwidgets.tasks.task import PositionSpec, Task
from patchwidgets.tokens import Tokenizer, aligned, answer_ids, encode, token_strings


@dataclass(frozen=True)
class Pair:
    """One pair of prompts as a model sees it.

    Attributes
    ----------
    clean, corrupted
        Token ids, beginning token included.
    columns
        Positions of the clean and the corrupted prompt that are counterparts; for equal counts usually all.
    answers, foils
        Ids of the alternatives; `foils` is None for a task without a foil. Both are empty where one of them has
        several tokens, so that none is ever scored by its first token alone.
    positions
        Named positions as indices from 0 into the clean prompt.
    long_answers, long_foils
        Ids of each alternative, where an answer or a foil has several tokens.
    shown
        Both tokenisations with their counterparts, for messages; empty where each position is its own counterpart.
    """

    clean: tuple[int, ...]
    corrupted: tuple[int, ...]
    columns: Columns
    answers: tuple[int, ...]
    foils: tuple[int, ...] | None
    positions: dict[str, int]
    long_answers: tuple[tuple[int, ...], ...] = ()
    long_foils: tuple[tuple[int, ...], ...] = ()
    shown: str = field(default="", repr=False, compare=False)

    @property
    def first_tokens(self) -> tuple[int, ...]:
        """The tokens with which the answers begin."""
        return self.answers or tuple(dict.fromkeys(ids[0] for ids in self.long_answers))

    def __len__(self) -> int:
        """How many tokens the clean prompt has, in which positions count."""
        return len(self.clean)

    def prompt(self, name: RunName) -> tuple[int, ...]:
        """The token ids of one of the prompts."""
        return self.clean if name == "clean" else self.corrupted

    @cached_property
    def counterparts(self) -> dict[int, int]:
        """By position of the clean prompt that of the corrupted one, where it has one."""
        return dict(self.columns)

    @property
    def differs(self) -> tuple[int, ...]:
        """The positions of the clean prompt whose counterpart is another token, or that have none."""
        return self.differing("clean")

    def differing(self, name: RunName) -> tuple[int, ...]:
        """The positions of one of the prompts whose counterpart is another token, or that have none."""
        same = {
            column[name == "corrupted"]
            for column in self.columns
            if self.clean[column[0]] == self.corrupted[column[1]]
        }
        return tuple(i for i in range(len(self.prompt(name))) if i not in same)

    @cached_property
    def prefix(self) -> int:
        """With how many tokens both prompts begin alike: before this a causal model cannot tell them apart."""
        alike = zip(self.clean, self.corrupted, strict=False)
        different = (i for i, (a, b) in enumerate(alike) if a != b)
        return next(different, min(len(self.clean), len(self.corrupted)))

    def columns_at(self, pos: Position) -> Columns:
        """The counterparts at a position of a site: all that there are, or those of every position that it names.

        Raises
        ------
        CounterpartError
            A position that it names has no counterpart.
        SiteError
            As of `indices`.
        """
        if pos is None:
            return self.columns
        found = self.indices(pos)
        if lone := [i for i in found if i not in self.counterparts]:
            named = ", ".join(map(str, lone))
            raise CounterpartError(
                f"Position {named} of the clean prompt has no counterpart in the corrupted prompt, so that nothing can "
                "be patched or compared there. Name a position that has one, or give the task another map with "
                f"Task(align=...):\n{self.shown}"
            )
        return tuple((i, self.counterparts[i]) for i in found)

    def indices(self, pos: Position) -> list[int]:
        """A position of a site as indices into the clean prompt; raises as `indices_of`."""
        return indices_of(pos, len(self), self.positions)


def encode_pairs(task: Task, tokenizer: Tokenizer) -> list[Pair]:
    """Every pair of a task as token ids.

    Raises
    ------
    TaskError
        Prompts that are identical, or have unequal token counts and no map of their counterparts, or one that does not
        fit them (both are shown aligned).
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
        columns, shown = _columns(task, clean, corrupted, tokenizer)
        answers = _alternatives(task.answer, task, tokenizer)
        foils = () if task.foil is None else _alternatives(task.foil, task, tokenizer)
        positions = {
            name: _position(spec, task, tokenizer, clean) for name, spec in task.positions.items()
        }
    except (TaskError, SiteError) as error:
        raise type(error)(f"{where}{error}") from None
    found = tuple(clean), tuple(corrupted), columns
    if any(len(each) > 1 for each in answers + foils):
        empty = None if task.foil is None else ()
        return Pair(*found, (), empty, positions, answers, foils, shown)
    first, opposed = (tuple(one[0] for one in each) for each in (answers, foils))
    foil = None if task.foil is None else opposed
    return Pair(*found, first, foil, positions, shown=shown)


def _columns(
    task: Task, clean: Sequence[int], corrupted: Sequence[int], tokenizer: Tokenizer
) -> tuple[Columns, str]:
    """The counterparts of two prompts, and both shown if not each position is its own."""
    tokens = [tuple(token_strings(tokenizer, ids)) for ids in (clean, corrupted)]
    if list(clean) == list(corrupted):
        raise TaskError(
            "The clean and the corrupted prompt are identical, so no patch can change anything. "
            f"Change a word of one of them:\n{aligned(*tokens)}"
        )
    if task.align is not None:
        columns = checked_columns(task.align, *tokens)  # type: ignore[arg-type]
        return columns, repr(Alignment(tokens[0], tokens[1], columns))
    if len(clean) != len(corrupted):
        raise TaskError(
            f"{len(clean)} and {len(corrupted)} tokens; patching needs equal counts, or a map of the tokens that are "
            "counterparts. Replace a word by one of as many tokens, or use "
            f"task.aligned(pw.propose_alignment(model, task)):\n{aligned(*tokens)}"
        )
    return identity(len(clean)), ""


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

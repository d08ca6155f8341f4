"""A task as token ids, pair by pair. Whatever cannot be compared or scored is an error here.

Costs up to two calls of the tokenizer per prompt, up to four per alternative of an answer or foil, and one per
position given as text.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from patchwidgets.directions import RunName
from patchwidgets.errors import AnswerError, CounterpartError, SiteError, TaskError, listed, shown
from patchwidgets.sites import Position, index_of, indices_of
from patchwidgets.tasks.alignment import Alignment, Columns, checked_columns, identity
from patchwidgets.tasks.fields import PositionSpec
from patchwidgets.tasks.task import Task
from patchwidgets.tasks.text_positions import last_token_of
from patchwidgets.tokens import (
    Tokenizer,
    answer_ids,
    encode,
    sequence_strings,
    side_by_side,
    token_strings,
    unknown_words,
)


@dataclass(frozen=True)
class Pair:
    """One pair of prompts as a model sees it.

    Attributes
    ----------
    clean, corrupted
        Token ids, including a beginning token if there is one.
    columns
        Positions of the clean and the corrupted prompt that are counterparts. Without a map, all positions are.
    answers, foils
        The token id of each alternative. `foils` is None for a task without a foil. Both are empty if an answer or foil
        of the task has several tokens, so that none can be scored by its first token alone.
    positions
        Named positions as indices from 0 into the clean prompt.
    long_answers, long_foils
        The token ids of each alternative, if an answer or foil of the task has several tokens; otherwise empty.
    shown
        Both tokenisations with their counterparts, for messages; empty if each position is its own counterpart.
    unknown
        Words of both prompts that the tokenizer does not know, and reads as its token for unknown words.

    Examples
    --------
    See `encode_pairs`.
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
    unknown: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def first_tokens(self) -> tuple[int, ...]:
        """The tokens with which the answers begin, each once."""
        return self.answers or tuple(dict.fromkeys(ids[0] for ids in self.long_answers))

    @cached_property
    def continuations(self) -> tuple[tuple[int, ...], ...]:
        """What has to follow a prompt so that every token of the long answers and foils is predicted.

        Their last tokens are not needed. A continuation with which another one begins is left out.
        """
        needed = {ids[:-1]: None for ids in self.long_answers + self.long_foils}
        longest_first = sorted(needed, key=len, reverse=True)
        return tuple(
            each
            for i, each in enumerate(longest_first)
            if not any(longer[: len(each)] == each for longer in longest_first[:i])
        )

    def __len__(self) -> int:
        """Return the number of tokens of the clean prompt, in which positions count."""
        return len(self.clean)

    def prompt(self, name: RunName) -> tuple[int, ...]:
        """Return the token ids of one of the prompts."""
        return self.clean if name == "clean" else self.corrupted

    @cached_property
    def counterparts(self) -> dict[int, int]:
        """From positions of the clean prompt to their counterparts in the corrupted prompt."""
        return dict(self.columns)

    def differing(self, name: RunName = "clean") -> tuple[int, ...]:
        """Return the positions of one of the prompts that have another token as counterpart, or none."""
        same = {
            column[name == "corrupted"]
            for column in self.columns
            if self.clean[column[0]] == self.corrupted[column[1]]
        }
        return tuple(i for i in range(len(self.prompt(name))) if i not in same)

    @cached_property
    def prefix(self) -> int:
        """The number of tokens with which both prompts begin. A causal model has the same states there in both."""
        both = zip(self.clean, self.corrupted, strict=False)
        different = (i for i, (a, b) in enumerate(both) if a != b)
        return next(different, min(len(self.clean), len(self.corrupted)))

    def columns_at(self, pos: Position) -> Columns:
        """Return the positions that a site covers, each with its counterpart; for None, all that have one.

        Raises
        ------
        CounterpartError
            A position has no counterpart.
        SiteError
            An index is out of range, a range is empty, or the task does not name the position.
        """
        if pos is None:
            return self.columns
        indices = self.indices(pos)
        if unmatched := [i for i in indices if i not in self.counterparts]:
            raise CounterpartError(
                f"Position {', '.join(map(str, unmatched))} of the clean prompt has no counterpart in the corrupted "
                "prompt, so that nothing can be patched or compared there. Name a position that has one, or give the "
                f"task another map with Task(align=...):\n{self.shown}"
            )
        return tuple((i, self.counterparts[i]) for i in indices)

    def indices(self, pos: Position) -> list[int]:
        """Return the positions that a site covers, as indices into the clean prompt.

        Raises
        ------
        SiteError
            As for `columns_at`.
        """
        return indices_of(pos, len(self), self.positions)


def encode_pairs(task: Task, tokenizer: Tokenizer) -> list[Pair]:
    """Return every pair of a task as token ids.

    Parameters
    ----------
    task
        The prompts.
    tokenizer
        That of the model: ``model.tokenizer``.

    Raises
    ------
    TaskError
        Two prompts are identical as tokens, or have unequal token counts and no map of their counterparts, or the map
        does not fit them. The message shows both, aligned.
    AnswerError
        An answer or foil has no tokens, changes the tokens of its prompt, or is unknown to the tokenizer.
    SiteError
        A named position is out of range.

    Examples
    --------
    >>> (pair,) = pw.tasks.encode_pairs(task, model.tokenizer)
    >>> len(pair.clean), [i for i, (a, b) in enumerate(zip(pair.clean, pair.corrupted)) if a != b]
    (15, [10])
    """
    pairs = [_encode_pair(task.pair(i), tokenizer, i, len(task)) for i in range(len(task))]
    any_long = any(pair.long_answers for pair in pairs)
    return [_with_long_answers(pair) for pair in pairs] if any_long else pairs


def _with_long_answers(pair: Pair) -> Pair:
    """Return the same pair with its answers in the form for several tokens."""
    if pair.long_answers:
        return pair
    answers, foils = (tuple((i,) for i in ids or ()) for ids in (pair.answers, pair.foils))
    empty = None if pair.foils is None else ()
    return replace(pair, answers=(), foils=empty, long_answers=answers, long_foils=foils)


def _encode_pair(task: Task, tokenizer: Tokenizer, i: int, n: int) -> Pair:
    """Encode a task of one pair, which is pair `i` of `n`."""
    where = "" if n == 1 else f"Pair {i}: "
    try:
        prompts = (str(task.clean), str(task.corrupted))
        clean, corrupted = (encode(tokenizer, text, task.bos, task.chat) for text in prompts)
        unknown = _unknown_words(prompts, {*clean, *corrupted}, tokenizer)
        columns, shown = _columns(task, clean, corrupted, tokenizer, unknown)
        answers = _alternatives(task.answer, task, tokenizer)
        foils = () if task.foil is None else _alternatives(task.foil, task, tokenizer)
        positions = {
            name: _position(name, spec, task, tokenizer, clean)
            for name, spec in task.positions.items()
        }
    except (TaskError, SiteError) as error:
        raise type(error)(f"{where}{error}") from None
    encoded = tuple(clean), tuple(corrupted), columns
    if any(len(ids) > 1 for ids in answers + foils):
        no_foils = None if task.foil is None else ()
        return Pair(*encoded, (), no_foils, positions, answers, foils, shown, unknown)
    answer_ids, foil_ids = (tuple(ids[0] for ids in each) for each in (answers, foils))
    one_token_each = answer_ids, None if task.foil is None else foil_ids
    return Pair(*encoded, *one_token_each, positions, shown=shown, unknown=unknown)


def _unknown_words(
    prompts: Sequence[str], ids: Collection[int], tokenizer: Tokenizer
) -> tuple[str, ...]:
    """Return the words of both prompts that the tokenizer does not know, each once."""
    if tokenizer.unk_token_id not in ids:
        return ()
    return tuple(dict.fromkeys(word for text in prompts for word in unknown_words(tokenizer, text)))


def _columns(
    task: Task,
    clean: Sequence[int],
    corrupted: Sequence[int],
    tokenizer: Tokenizer,
    unknown: Sequence[str],
) -> tuple[Columns, str]:
    """Return the counterparts of two prompts, and both as text if the task has a map."""
    if list(clean) == list(corrupted) and task.clean != task.corrupted and unknown:
        apart = [word for word in unknown if (word in task.clean) != (word in task.corrupted)]
        words = listed(list(map(shown, apart or unknown)), by=", ")
        raise TaskError(
            f"The clean and the corrupted prompt differ in words that this tokenizer of {len(tokenizer):,} tokens does "
            f"not know ({words}): it reads both as {tokenizer.unk_token}, so that no patch can change anything. Choose "
            "words that it knows; the generators of pw.tasks leave out all others with model=model."
        )
    if list(clean) == list(corrupted):
        raise TaskError(
            "The clean and the corrupted prompt are identical, so no patch can change anything. "
            f"Change a word of one of them:\n{_side_by_side(clean, corrupted, tokenizer)}"
        )
    if task.align is not None:
        tokens = [tuple(token_strings(tokenizer, ids)) for ids in (clean, corrupted)]
        columns = checked_columns(task.align, *tokens)  # type: ignore[arg-type]
        return columns, repr(Alignment(tokens[0], tokens[1], columns))
    if len(clean) != len(corrupted):
        raise TaskError(
            f"{len(clean)} and {len(corrupted)} tokens; patching needs equal counts, or a map of the tokens that are "
            "counterparts. Replace a word by one of as many tokens, or use "
            f"task.aligned(pw.propose_alignment(model, task)):\n{_side_by_side(clean, corrupted, tokenizer)}"
        )
    return identity(len(clean)), ""


def _side_by_side(clean: Sequence[int], corrupted: Sequence[int], tokenizer: Tokenizer) -> str:
    return side_by_side(sequence_strings(tokenizer, clean), sequence_strings(tokenizer, corrupted))


def _alternatives(answer: Any, task: Task, tokenizer: Tokenizer) -> tuple[tuple[int, ...], ...]:
    """Return the token ids of each alternative of an answer or foil, each once."""
    texts = (answer,) if isinstance(answer, str) else tuple(answer)
    if not texts:
        raise TaskError("An answer or foil is an empty tuple; give at least one alternative.")
    prompt = str(task.clean)
    alternatives = tuple(
        dict.fromkeys(answer_ids(tokenizer, prompt, text, task.bos, task.chat) for text in texts)
    )
    for short in alternatives:
        for long in alternatives:
            if short != long and long[: len(short)] == short:
                raise AnswerError(
                    f"Of the alternatives {shown(texts)} one is the beginning of another, so that its probability "
                    "would be counted twice; leave the longer one out."
                )
    return alternatives


def _position(
    name: str,
    spec: PositionSpec | Sequence[PositionSpec],
    task: Task,
    tokenizer: Tokenizer,
    ids: Sequence[int],
) -> int:
    """Return a named position as an index into the clean prompt, whose token ids are `ids`."""
    if isinstance(spec, int):
        try:
            return index_of(spec, len(ids))
        except SiteError as error:
            raise SiteError(f"positions[{shown(name)}]: {error}") from None
    if task.chat:
        raise TaskError(
            f"positions[{shown(name)}] is the text {shown(spec)}, and texts are not found in chat prompts; give an "
            f"index instead, as in positions={{{name!r}: 9}}."
        )
    prompt = str(task.clean)
    start = prompt.rfind(str(spec))
    if start < 0:
        raise TaskError(
            f"positions[{shown(name)}]: {shown(spec)} does not occur in the clean prompt {shown(prompt)}; give a text "
            "that does, or an index."
        )
    return last_token_of(prompt[: start + len(str(spec))], prompt, tokenizer, len(ids))

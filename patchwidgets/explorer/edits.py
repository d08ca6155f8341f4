"""Prompts that were edited in a page: what an edit is, how it is checked, and the task that it makes. Runs no model.

An edit replaces one pair of a task. Its answer and foil are texts, in which ``|`` separates alternatives. Names of
positions stay with their tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from patchwidgets.errors import AnswerError, ProtocolError, TaskError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.fields import checked_list, checked_pair
from patchwidgets.tasks import Pair, Task, encode_pairs
from patchwidgets.tasks.alignment import Columns, propose_columns
from patchwidgets.tasks.task_data import Alternatives
from patchwidgets.tokens import Tokenizer, encode

MOST_CHARACTERS = 20_000
"""Of a prompt, an answer or a foil."""
SEPARATOR = "|"


@dataclass(frozen=True)
class Edit:
    """One pair of prompts as a person has written it.

    Attributes
    ----------
    pair
        The number of the pair.
    foil
        None for a task without foils.
    align
        Whether prompts of unequal token counts get a proposed map of their counterparts; otherwise they are refused.
    """

    pair: int
    clean: str
    corrupted: str
    answer: str
    foil: str | None
    align: bool


Edits = tuple[Edit, ...]
"""The pairs of a task that are edited, each once, in order."""


def checked_edits(given: Any, experiment: BaseExperiment) -> Edits:
    """Read the edits of a message.

    Raises
    ------
    ProtocolError
        They have another form, or there is no such pair.
    """
    edits = [checked_edit(each, experiment) for each in _listed(given, experiment)]
    pairs = [each.pair for each in edits]
    if len(set(pairs)) < len(pairs):
        raise ProtocolError(f"Expected each pair to be edited once; got {shown(pairs)}.")
    return tuple(sorted(edits, key=lambda each: each.pair))


def checked_edit(given: dict[str, Any], experiment: BaseExperiment) -> Edit:
    """Read one edit; raises as `checked_edits`."""
    pair = checked_pair(given.get("pair"), experiment)
    if pair == "mean":
        raise ProtocolError("Expected the number of a pair to edit; got the mean.")
    foil = given.get("foil")
    if (foil is None) != (experiment.task.foil is None):
        raise ProtocolError("Expected a foil exactly where the task has foils.")
    align = given.get("align", False)
    if not isinstance(align, bool):
        raise ProtocolError(f"Expected align as true or false; got {shown(align)}.")
    clean, corrupted, answer = (
        _text(name, given.get(name)) for name in ("clean", "corrupted", "answer")
    )
    return Edit(
        pair, clean, corrupted, answer, None if foil is None else _text("foil", foil), align
    )


def edit_of(task: Task, pair: int) -> Edit:
    """A pair of a task as it stands, as the edit that changes nothing."""
    one = task.pair(pair)
    answer, foil = (None if each is None else _joined(each) for each in (one.answer, one.foil))
    return Edit(pair, str(one.clean), str(one.corrupted), answer or "", foil, one.align is not None)


def edited_task(task: Task, tokenizer: Tokenizer, edits: Edits) -> Task:
    """The task with some of its pairs replaced.

    Raises
    ------
    TaskError, AnswerError, SiteError
        A pair cannot be compared or scored, as in `encode_pairs`; or a named position of a dataset has no token in the
        new prompt.
    """
    pairs = {edit.pair: _edited_pair(task, tokenizer, edit) for edit in edits}
    if isinstance(task.clean, str):
        return pairs.get(0, task)
    whole: list[Any] = [pairs.get(i) or task.pair(i) for i in range(len(task))]
    return Task(
        [str(each.clean) for each in whole],
        [str(each.corrupted) for each in whole],
        [each.answer for each in whole],
        None if task.foil is None else [each.foil or "" for each in whole],
        {name: [each.positions[name] for each in whole] for name in task.positions},
        task.bos,
        task.chat,
        [each.align for each in whole] if any(each.align for each in whole) else None,
    )


def columns_of(clean: Sequence[int], corrupted: Sequence[int], align: bool) -> Columns | None:
    """The map of counterparts that an edit gets; None where each position is its own."""
    return propose_columns(clean, corrupted) if align and len(clean) != len(corrupted) else None


def _edited_pair(task: Task, tokenizer: Tokenizer, edit: Edit) -> Task:
    before = task.pair(edit.pair)
    clean, corrupted = (
        encode(tokenizer, text, task.bos, task.chat) for text in (edit.clean, edit.corrupted)
    )
    edited = Task(
        edit.clean,
        edit.corrupted,
        _split(edit.answer),
        None if edit.foil is None else _split(edit.foil),
        {},
        task.bos,
        task.chat,
        columns_of(clean, corrupted, edit.align),
    )
    new = encode_pairs(edited, tokenizer)[0]
    old = encode_pairs(before, tokenizer)[0]
    positions = _moved(old, new)
    if isinstance(task.clean, list) and len(positions) < len(old.positions):
        lost = next(name for name in old.positions if name not in positions)
        raise TaskError(
            f"The position {shown(lost)} has no token in the new clean prompt of pair {edit.pair}, and every pair "
            "needs one. Keep the word that it names."
        )
    _check_length(old, new, edit)
    return replace(edited, positions=positions)


def _moved(old: Pair, new: Pair) -> dict[str, int]:
    """Named positions at the counterparts of their tokens in the new clean prompt; a name without a token is gone."""
    counterparts = dict(propose_columns(old.clean, new.clean))
    return {name: counterparts[i] for name, i in old.positions.items() if i in counterparts}


def _check_length(old: Pair, new: Pair, edit: Edit) -> None:
    """Refuse answers of several tokens where the task has none: maps and logit differences need single tokens.

    Raises
    ------
    AnswerError
        There is one.
    """
    if new.long_answers and not old.long_answers:
        raise AnswerError(
            f"{shown(edit.answer)} or {shown(edit.foil)} has several tokens; choose one that is a single token."
        )


def _split(text: str) -> Alternatives:
    alternatives = tuple(text.split(SEPARATOR))
    return alternatives[0] if len(alternatives) == 1 else alternatives


def _joined(alternatives: Any) -> str:
    return alternatives if isinstance(alternatives, str) else SEPARATOR.join(alternatives)


def _listed(given: Any, experiment: BaseExperiment) -> list[dict[str, Any]]:
    form = "{pair, clean, corrupted, answer, foil, align}"
    return checked_list("edits", form, given, len(experiment.pairs))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ProtocolError(f"Expected {name} as a text; got {shown(value)}.")
    if len(value) > MOST_CHARACTERS:
        raise ProtocolError(
            f"Expected a {name} of at most {MOST_CHARACTERS:,} characters; got {len(value):,}."
        )
    return value

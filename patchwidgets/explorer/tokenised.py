"""The question for the tokens of prompts while a person writes them, and what is wrong with them. Runs no model."""

from collections.abc import Sequence
from typing import Any

from patchwidgets.errors import AnswerError, PatchwidgetsError, TaskError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.edits import SEPARATOR, Edit, checked_edit, edited_task
from patchwidgets.explorer.messages import LONGEST_MESSAGE, Buffers, Message, made, shortened
from patchwidgets.explorer.views import Views
from patchwidgets.tasks.alignment import Columns, identity, propose_columns
from patchwidgets.tokens import (
    answer_ids,
    encode,
    isolated,
    sequence_strings,
    token_strings,
    visible,
)

MOST_COMPARED = 250_000
"""Tokens of one prompt times tokens of the other, up to which their alignment is proposed while a person writes."""
FIELDS = ("clean", "corrupted", "answer", "foil")


class Problem(Exception):
    """What is wrong with one of the fields."""

    def __init__(self, field: str | None, error: Exception | str) -> None:
        super().__init__(str(error))
        self.field = field


def check(content: Message, experiment: BaseExperiment) -> Edit:
    """Read the question; raises as `checked_edits`."""
    return checked_edit(content, experiment)


def answer(views: Views, edit: Edit) -> tuple[Message, Buffers]:
    """Both prompts as tokens with their counterparts, answer and foil as tokens, and the first problem."""
    experiment = views.original
    prompts = [_encoded(experiment, text) for text in (edit.clean, edit.corrupted)]
    clean, corrupted = ([] if isinstance(ids, Exception) else ids for ids in prompts)
    columns = _columns(clean, corrupted)
    counterparts = dict(columns)
    tokenizer = experiment.model.tokenizer
    return {
        "kind": "tokens",
        "pair": edit.pair,
        "clean": sequence_strings(tokenizer, clean),
        "corrupted": sequence_strings(tokenizer, corrupted),
        "counterparts": [counterparts.get(i) for i in range(len(clean))],
        "differs": [
            i
            for i, token in enumerate(clean)
            if i not in counterparts or corrupted[counterparts[i]] != token
        ],
        "answer": _alternatives(experiment, edit, edit.answer),
        "foil": [] if edit.foil is None else _alternatives(experiment, edit, edit.foil),
        "problem": _problem(experiment, edit, prompts),
    }, []


def _encoded(experiment: BaseExperiment, text: str) -> list[int] | TaskError:
    task = experiment.task
    try:
        return encode(experiment.model.tokenizer, text, task.bos, task.chat)
    except TaskError as error:
        return error


def _columns(clean: Sequence[int], corrupted: Sequence[int]) -> Columns:
    """The counterparts that are shown, whether or not they are used."""
    if len(clean) == len(corrupted):
        return identity(len(clean))
    if not clean or not corrupted:
        return ()
    if len(clean) * len(corrupted) <= MOST_COMPARED:
        return propose_columns(clean, corrupted)
    same = (i for i, pair in enumerate(zip(clean, corrupted, strict=False)) if pair[0] != pair[1])
    return identity(next(same, min(len(clean), len(corrupted))))


def _alternatives(experiment: BaseExperiment, edit: Edit, text: str) -> list[list[str]]:
    """The tokens of each alternative of an answer or foil; empty where it cannot be told."""
    found = []
    for alternative in text.split(SEPARATOR):
        try:
            found.append(_answer_tokens(experiment, edit.clean, alternative))
        except (AnswerError, TaskError):
            found.append([])
    return found


def _answer_tokens(experiment: BaseExperiment, prompt: str, text: str) -> list[str]:
    tokenizer, task = experiment.model.tokenizer, experiment.task
    return token_strings(tokenizer, answer_ids(tokenizer, prompt, text, task.bos, task.chat))


def _problem(
    experiment: BaseExperiment, edit: Edit, prompts: Sequence[list[int] | TaskError]
) -> Message | None:
    """The first thing that is wrong, and in which field; None if the prompts can be run."""
    try:
        _check_prompts(edit, prompts)
        for name in FIELDS[2:]:
            _check_answers(experiment, edit, name)
        edited_task(experiment.task, experiment.model.tokenizer, (edit,))
    except Problem as problem:
        field, text = problem.field, made(lambda: str(problem))
        return {"field": field, "message": shortened(text, LONGEST_MESSAGE)}
    except PatchwidgetsError as error:
        return {"field": None, "message": shortened(made(error.__str__), LONGEST_MESSAGE)}
    return None


def _check_prompts(edit: Edit, prompts: Sequence[list[int] | TaskError]) -> None:
    for name, ids in zip(FIELDS, prompts, strict=False):
        if isinstance(ids, TaskError):
            raise Problem(name, ids)
    clean, corrupted = prompts
    assert isinstance(clean, list)
    assert isinstance(corrupted, list)
    if clean == corrupted:
        raise Problem(
            "corrupted",
            "Both prompts are identical, so no patch can change anything. Change a word.",
        )
    if len(clean) != len(corrupted) and not edit.align:
        raise Problem(
            "corrupted",
            f"{len(clean)} and {len(corrupted)} tokens; patching needs equal counts.",
        )


def _check_answers(experiment: BaseExperiment, edit: Edit, name: str) -> None:
    text: Any = getattr(edit, name)
    if text is None:
        return
    several = bool(experiment.pairs[edit.pair].long_answers)
    for alternative in text.split(SEPARATOR):
        try:
            tokens = _answer_tokens(experiment, edit.clean, alternative)
        except (AnswerError, TaskError) as error:
            raise Problem(name, error) from None
        if len(tokens) > 1 and not several:
            parts = "·".join(isolated(visible(token)) for token in tokens)
            raise Problem(
                name, f"{shown(alternative)} is {len(tokens)} tokens ({parts}); choose one."
            )

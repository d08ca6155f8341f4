"""Tasks in which one word differs between the prompts, and so does the word that should follow them."""

from collections.abc import Sequence
from itertools import product
from random import Random
from typing import NamedTuple

from patchwidgets.tasks.choice import Choice
from patchwidgets.tasks.lexicon import Fact
from patchwidgets.tasks.split import Split, check_part, part_of
from patchwidgets.tasks.task import Task
from patchwidgets.tasks.vocabulary import one_token_each
from patchwidgets.tokens import HasTokenizer

SUBJECT = "{subject}"


class Contrast(NamedTuple):
    """A pair of prompts: a template with ``{subject}`` to fill in, and what fills it in each."""

    template: str
    clean: Fact
    corrupted: Fact


def choose(
    choice: Choice,
    templates: Sequence[str],
    pairs: Sequence[tuple[Fact, Fact]],
    n: int,
    seed: int,
) -> list[Contrast]:
    """Choose `n` pairs in templates at random, no two alike.

    Raises
    ------
    TaskError
        There are fewer.
    """
    n_pairs = len(templates) * len(pairs)
    choice.check(n, n_pairs)
    chosen = (divmod(i, len(pairs)) for i in Random(seed).sample(range(n_pairs), n))
    return [Contrast(templates[template], *pairs[pair]) for template, pair in chosen]


def facts_task(
    name: str,
    facts: Sequence[Fact],
    templates: Sequence[str],
    n: int,
    seed: int,
    part: Split | None,
    model: HasTokenizer | None,
) -> Task:
    """Make a task of random pairs of facts that have nothing in common, each pair in a random template.

    Raises
    ------
    TaskError
        `part` is unknown, `model` has no tokenizer, or there are fewer than `n` different pairs.
    """
    check_part(part)
    kept, left_out = one_token_each(facts, model)
    pairs = [
        (clean, corrupted)
        for clean, corrupted in product(kept, repeat=2)
        if {*clean}.isdisjoint(corrupted)
        and part in (None, part_of(clean.subject, corrupted.subject))
    ]
    choice = Choice(name, _subjects(kept), _subjects(left_out), part)
    return contrast_task(choose(choice, templates, pairs, n, seed))


def contrast_task(contrasts: Sequence[Contrast]) -> Task:
    """Make a task of pairs of prompts, with the positions `subject` and `end`."""
    return Task(
        clean=[_filled(template, clean) for template, clean, _ in contrasts],
        corrupted=[_filled(template, corrupted) for template, _, corrupted in contrasts],
        answer=[f" {clean.answer}" for _, clean, _ in contrasts],
        foil=[f" {corrupted.answer}" for *_, corrupted in contrasts],
        positions={
            "subject": [_filled(_up_to_subject(each.template), each.clean) for each in contrasts],
            "end": -1,
        },
    )


def _subjects(facts: Sequence[Fact]) -> tuple[str, ...]:
    return tuple(fact.subject for fact in facts)


def _filled(template: str, fact: Fact) -> str:
    return template.replace(SUBJECT, fact.subject)


def _up_to_subject(template: str) -> str:
    """The beginning of a template that ends with the subject. As a position, it stands for its last token."""
    return template[: template.index(SUBJECT) + len(SUBJECT)]

"""What grammar asks of a word: the number of a verb, the gender of a pronoun."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from patchwidgets.tasks import lexicon
from patchwidgets.tasks.choice import Choice
from patchwidgets.tasks.contrast import SUBJECT, Contrast, choose, contrast_task, facts_task
from patchwidgets.tasks.generator import generator
from patchwidgets.tasks.lexicon import Fact
from patchwidgets.tasks.split import Split, check_part, part_of
from patchwidgets.tasks.task import Task
from patchwidgets.tasks.vocabulary import one_token_each
from patchwidgets.tokens import HasTokenizer

NUMBER = "{number}"


@generator
def agreement(
    n: int = 32,
    seed: int = 0,
    attractor: bool = False,
    part: Split | None = None,
    model: HasTokenizer | None = None,
) -> Task:
    """Subject–verb agreement: is or are? The corrupted prompt has the subject in the other number.

    Parameters
    ----------
    n
        The number of pairs, no two alike. There are 960 without an attractor, and 76,800 with one.
    seed
        Of the random nouns and sentences.
    attractor
        Put another noun between subject and verb, in the number of the corrupted prompt's subject. So in the clean
        prompt the noun that is closer to the verb misleads.
    part
        Use only subjects from this part of the words. The test part has three nouns: 48 pairs, and 3,840.
    model
        A `Model`, or another object with a `tokenizer`: nouns that are not one token there, in both numbers, are left
        out. By default all nouns are used; each is one token of SmolLM2.

    Returns
    -------
    Task
        With the positions `subject` (where the prompts differ), `attractor` if there is one, and `end`, where the verb
        is predicted.

    Raises
    ------
    TaskError
        `part` is unknown, `model` has no tokenizer, or there are fewer than `n` pairs.

    Notes
    -----
    The question of Linzen, Dupoux and Goldberg (2016), arXiv 1611.01368. docs/tasks.md says how well SmolLM2 does it.

    Examples
    --------
    >>> pair = pw.tasks.agreement(n=1, attractor=True).pair(0)
    >>> print(pair.clean, pair.answer, sep="|")
    They think that the customer beside the hotels here| is
    >>> print(pair.corrupted, pair.foil, sep="|")
    They think that the customers beside the hotels here| are
    """
    check_part(part)
    nouns, left_out = _singulars(lexicon.NOUNS, model)
    nouns = tuple(noun for noun in nouns if part in (None, part_of(noun, f"{noun}s")))
    attractors, more_left_out = _singulars(lexicon.ATTRACTORS if attractor else (), model)
    choice = Choice("agreement", nouns + attractors, left_out + more_left_out, part)
    templates = _attracting(attractors) if attractor else _plain()
    chosen = choose(choice, templates, list(_numbers(nouns)), n, seed)
    task = contrast_task([_with_number(each) for each in chosen])
    if not attractor:
        return task
    up_to_attractor = [prompt.rpartition(" ")[0] for prompt in task.clean]
    subject, end = task.positions["subject"], task.positions["end"]
    positions = {"subject": subject, "attractor": up_to_attractor, "end": end}
    return replace(task, positions=positions)


def _singulars(
    nouns: Sequence[str], model: HasTokenizer | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Divide nouns into those that are one token in both numbers, as the verbs have to be, and the others."""
    verbs = tuple(lexicon.VERB.values())
    kept, left_out = one_token_each([(noun, f"{noun}s", *verbs) for noun in nouns], model)
    return tuple(noun for noun, *_ in kept), tuple(noun for noun, *_ in left_out)


def _numbers(nouns: Sequence[str]) -> Iterator[tuple[Fact, Fact]]:
    """Each noun with its verb in one number and in the other, both ways round."""
    for noun in nouns:
        singular, plural = (
            Fact(f"{noun}{'s' * number}", lexicon.VERB[number]) for number in (False, True)
        )
        yield singular, plural
        yield plural, singular


def _plain() -> list[str]:
    frames = product(lexicon.AGREEMENT, lexicon.TAILS)
    return [f"{opening} {SUBJECT} {tail}" for opening, tail in frames]


def _attracting(nouns: Sequence[str]) -> list[str]:
    """Sentences with an attractor, whose number is left to fill in."""
    frames = product(lexicon.AGREEMENT, lexicon.PREPOSITIONS, nouns, lexicon.TAILS)
    return [
        f"{opening} {SUBJECT} {preposition} the {noun}{NUMBER} {tail}"
        for opening, preposition, noun, tail in frames
    ]


def _with_number(contrast: Contrast) -> Contrast:
    """Give the attractor, if there is one, the number of the corrupted prompt's subject."""
    ending = "s" if contrast.corrupted.answer == lexicon.VERB[True] else ""
    return contrast._replace(template=contrast.template.replace(NUMBER, ending))


@generator
def pronoun(
    n: int = 32,
    seed: int = 0,
    part: Split | None = None,
    model: HasTokenizer | None = None,
) -> Task:
    """Gendered pronouns: she or he? The corrupted prompt has a first name of the other gender.

    Parameters
    ----------
    n
        The number of pairs, no two alike, up to 6,272.
    seed
        Of the random names and sentences.
    part
        Use only pairs of names from this part of the words.
    model
        As for `agreement`: names that are not one token there are left out.

    Returns
    -------
    Task
        With the positions `subject` (the name, where the prompts differ) and `end`.

    Raises
    ------
    TaskError
        As for `agreement`.

    Notes
    -----
    Names say how a model has seen them used, not what a person is; Vig et al. (2020), arXiv 2004.12265, study such
    associations by interventions on prompts like these. docs/tasks.md says how well SmolLM2 does it.

    Examples
    --------
    >>> pair = pw.tasks.pronoun(n=1).pair(0)
    >>> print(pair.clean, pair.answer, sep="|")
    At home, Mary ate a sandwich because| she
    >>> print(pair.corrupted, pair.foil, sep="|")
    At home, Adam ate a sandwich because| he
    """
    return facts_task("pronoun", lexicon.PRONOUNS, lexicon.PRONOUN, n, seed, part, model)

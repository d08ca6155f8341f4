"""What a model knows about words: capitals, what something is a kind of, colours, opposites."""

from patchwidgets.tasks import lexicon
from patchwidgets.tasks.contrast import facts_task
from patchwidgets.tasks.generator import generator
from patchwidgets.tasks.split import Split
from patchwidgets.tasks.task import Task
from patchwidgets.tokens import HasTokenizer


@generator
def capital(
    n: int = 32, seed: int = 0, part: Split | None = None, model: HasTokenizer | None = None
) -> Task:
    """Capitals: which city is the capital of this country? The corrupted prompt has another country.

    Parameters
    ----------
    n
        The number of pairs, no two alike, up to 2,520.
    seed
        Of the random countries and sentences.
    part
        Use only pairs of countries from this part of the words.
    model
        A `Model`, or another object with a `tokenizer`: countries that are not one token there, or whose capital is
        not, are left out. By default all are used; each is one token of SmolLM2.

    Returns
    -------
    Task
        With the positions `subject` (the country, where the prompts differ) and `end`.

    Raises
    ------
    TaskError
        `part` is unknown, `model` has no tokenizer, or there are fewer than `n` pairs.

    Notes
    -----
    Facts as in Meng et al. (2022), arXiv 2202.05262, where `subject` has its name from. docs/tasks.md says how well
    SmolLM2 does it.

    Examples
    --------
    >>> pair = pw.tasks.capital(n=1).pair(0)
    >>> print(pair.clean, pair.answer, sep="|")
    The capital of Greece is a city called| Athens
    >>> print(pair.corrupted, pair.foil, sep="|")
    The capital of Germany is a city called| Berlin
    """
    return facts_task("capital", lexicon.CAPITALS, lexicon.CAPITAL, n, seed, part, model)


@generator
def hypernym(
    n: int = 32, seed: int = 0, part: Split | None = None, model: HasTokenizer | None = None
) -> Task:
    """Hypernyms: what is this a type of? The corrupted prompt has a word of another kind.

    No word belongs to the kind of another one: there are animals, but no birds beside them.

    Parameters
    ----------
    n
        The number of pairs, no two alike, up to 29,532.
    seed, part, model
        As for `capital`.

    Returns
    -------
    Task
        With the positions `subject` (the word, where the prompts differ) and `end`.

    Raises
    ------
    TaskError
        As for `capital`.

    Notes
    -----
    docs/tasks.md says how well SmolLM2 does it.

    Examples
    --------
    >>> pair = pw.tasks.hypernym(n=1).pair(0)
    >>> print(pair.clean, pair.answer, sep="|")
    In our book the gun is a type of| weapon
    >>> print(pair.corrupted, pair.foil, sep="|")
    In our book the donkey is a type of| animal
    """
    return facts_task("hypernym", lexicon.HYPERNYMS, lexicon.HYPERNYM, n, seed, part, model)


@generator
def colour(
    n: int = 32, seed: int = 0, part: Split | None = None, model: HasTokenizer | None = None
) -> Task:
    """Colours of things: red, green, white, black or blue? The corrupted prompt has a thing of another colour.

    Both prompts begin with two examples in other colours.

    Parameters
    ----------
    n
        The number of pairs, no two alike, up to 1,776.
    seed, part, model
        As for `capital`.

    Returns
    -------
    Task
        With the positions `subject` (the thing, where the prompts differ) and `end`.

    Raises
    ------
    TaskError
        As for `capital`.

    Notes
    -----
    docs/tasks.md says how well SmolLM2 does it, and how much worse without the examples. It knew yellow, brown, orange,
    grey, pink and purple things badly, so there are none.

    Examples
    --------
    >>> pair = pw.tasks.colour(n=1).pair(0)
    >>> print(pair.clean, pair.answer, sep="|")
    As we know, chocolate is brown, gold is yellow, and sea is| blue
    >>> print(pair.corrupted, pair.foil, sep="|")
    As we know, chocolate is brown, gold is yellow, and ivy is| green
    """
    return facts_task("colour", lexicon.COLOURS, lexicon.COLOUR, n, seed, part, model)


@generator
def antonym(
    n: int = 32, seed: int = 0, part: Split | None = None, model: HasTokenizer | None = None
) -> Task:
    """Antonyms: what is the opposite of this word? The corrupted prompt has a word of another pair of opposites.

    Parameters
    ----------
    n
        The number of pairs, no two alike, up to 123,624.
    seed, part, model
        As for `capital`.

    Returns
    -------
    Task
        With the positions `subject` (the word, where the prompts differ) and `end`.

    Raises
    ------
    TaskError
        As for `capital`.

    Notes
    -----
    The opposites of Todd et al. (2024), arXiv 2310.15213, are of this kind. docs/tasks.md says how well SmolLM2 does
    it.

    Examples
    --------
    >>> pair = pw.tasks.antonym(n=1).pair(0)
    >>> print(pair.clean, pair.answer, sep="|")
    We know well that the opposite of dull is| sharp
    >>> print(pair.corrupted, pair.foil, sep="|")
    We know well that the opposite of permanent is| temporary
    """
    return facts_task("antonym", lexicon.ANTONYMS, lexicon.ANTONYM, n, seed, part, model)

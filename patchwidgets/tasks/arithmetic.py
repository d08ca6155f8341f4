"""Sums, differences, products, quotients, and sums modulo a number. The corrupted prompt has other numbers."""

from collections.abc import Iterable

from patchwidgets.errors import TaskError
from patchwidgets.tasks.generator import generator
from patchwidgets.tasks.number_pairs import NUMBERS, Kind, Varies, numbers_task
from patchwidgets.tasks.split import Split
from patchwidgets.tasks.task import Task
from patchwidgets.tasks.templates import Template, checked_template
from patchwidgets.tokens import HasTokenizer

MODULAR_POSITIONS = {"a": -6, "operator": -5, "b": -4, "modulus": -2, "end": -1}


@generator
def addition(
    n: int = 100,
    seed: int = 0,
    varies: Varies = "a",
    part: Split | None = None,
    template: str = "{a}+{b}=",
    numbers: Iterable[int] = NUMBERS,
    model: HasTokenizer | None = None,
) -> Task:
    """Prompts like ``12+34=``, with numbers from 0 to 99; the corrupted prompt has another `a`.

    For models in which every number up to 198 is one token, such as the teaching model; `model` checks it.

    Parameters
    ----------
    n
        The number of pairs.
    seed
        Of the random numbers.
    varies
        Which of the numbers differs in the corrupted prompt: ``"a"``, ``"b"`` or ``"both"``.
    part
        Use only pairs of numbers from this part of the teaching model's data. It never saw ``"test"``.
    template
        A prompt with ``{a}`` and ``{b}``, such as ``"Output ONLY a number. {a}+{b}="``. After a word, as in
        ``"{a} plus {b} is"``, the answer has a space before it.
    numbers
        The numbers to choose from.
    model
        A `Model`, or another object with a `tokenizer`: it is checked that each number is one token there, and results
        that are not are left out.

    Returns
    -------
    Task
        With the positions `a`, `operator` (the sign, or the last word of what stands between the numbers), `b` and
        `end`.

    Raises
    ------
    TaskError
        `varies` or `part` is not one of the values above; a template without its places; numbers that are not single
        tokens of the model, or too few of whose results are.

    Notes
    -----
    The prompts of Kantamneni and Tegmark (2025), arXiv 2502.00873. ``exp.accuracy`` says on how many pairs a model does
    the task, `helix.answer_errors` what it says instead.

    Examples
    --------
    >>> pair = pw.tasks.addition(n=2).pair(0)
    >>> pair.clean, pair.corrupted, pair.answer, pair.foil
    ('49+53=', '97+53=', '102', '150')
    >>> pw.tasks.addition(n=1, template="Output ONLY a number. {a}+{b}=").clean
    ['Output ONLY a number. 49+53=']
    """
    kind = Kind("addition", checked_template(template, ("a", "b")), lambda a, b: a + b)
    return numbers_task(n, seed, kind, varies, part, numbers, model)


@generator
def subtraction(
    n: int = 100,
    seed: int = 0,
    varies: Varies = "a",
    part: Split | None = None,
    template: str = "{a}-{b}=",
    numbers: Iterable[int] = NUMBERS,
    model: HasTokenizer | None = None,
) -> Task:
    """Prompts like ``46-12=`` with results from 0 to 99; the corrupted prompt has another `a`.

    For the same models as `addition`.

    Parameters
    ----------
    n, seed, varies, part, template, numbers, model
        As for `addition`.

    Returns
    -------
    Task
        With the positions `a`, `operator`, `b` and `end`.

    Raises
    ------
    TaskError
        As for `addition`.

    Examples
    --------
    >>> pair = pw.tasks.subtraction(n=2).pair(0)
    >>> pair.clean, pair.corrupted, pair.answer, pair.foil
    ('27-17=', '64-17=', '10', '47')
    """
    kind = Kind("subtraction", checked_template(template, ("a", "b")), _difference)
    return numbers_task(n, seed, kind, varies, part, numbers, model)


@generator
def multiplication(
    n: int = 100,
    seed: int = 0,
    varies: Varies = "a",
    template: str = "{a}*{b}=",
    numbers: Iterable[int] = NUMBERS,
    model: HasTokenizer | None = None,
) -> Task:
    """Prompts like ``12*7=``, with factors from 2 on and results of one token; the corrupted prompt has another `a`.

    For models that can multiply and whose numbers are single tokens, such as GPT-J. The teaching model cannot: its
    tokenizer has no sign for it.

    Parameters
    ----------
    n, seed, varies, template, numbers
        As for `addition`.
    model
        As for `addition`. Without one, results are at most 198.

    Returns
    -------
    Task
        With the positions `a`, `operator`, `b` and `end`.

    Raises
    ------
    TaskError
        As for `addition`.

    Examples
    --------
    >>> pair = pw.tasks.multiplication(n=2).pair(0)
    >>> pair.clean, pair.corrupted, pair.answer, pair.foil
    ('40*4=', '41*4=', '160', '164')
    >>> pw.tasks.multiplication(model=model)
    Traceback (most recent call last):
    ...
    patchwidgets.errors.TaskError: The tokenizer does not know '0*0' of the prompt '0*0=': the model cannot read ...
    """
    kind = Kind("multiplication", checked_template(template, ("a", "b")), _product)
    return numbers_task(n, seed, kind, varies, None, numbers, model)


@generator
def division(
    n: int = 100,
    seed: int = 0,
    varies: Varies = "a",
    template: str = "{a}/{b}=",
    numbers: Iterable[int] = NUMBERS,
    model: HasTokenizer | None = None,
) -> Task:
    """Prompts like ``84/7=``, without a remainder and with divisors from 2 on; the corrupted prompt has another `a`.

    For the same models as `multiplication`.

    Parameters
    ----------
    n, seed, varies, template, numbers, model
        As for `addition`.

    Returns
    -------
    Task
        With the positions `a`, `operator`, `b` and `end`.

    Raises
    ------
    TaskError
        As for `addition`.

    Examples
    --------
    >>> pair = pw.tasks.division(n=2).pair(0)
    >>> pair.clean, pair.corrupted, pair.answer, pair.foil
    ('87/3=', '9/3=', '29', '3')
    """
    kind = Kind("division", checked_template(template, ("a", "b")), _quotient)
    return numbers_task(n, seed, kind, varies, None, numbers, model)


@generator
def modular(
    n: int = 100,
    seed: int = 0,
    modulus: int = 10,
    varies: Varies = "a",
    part: Split | None = None,
    numbers: Iterable[int] = NUMBERS,
    model: HasTokenizer | None = None,
) -> Task:
    """Prompts like ``12+34 mod 10=``; the corrupted prompt has another `a` and another result.

    For the same models as `addition`.

    Parameters
    ----------
    n, seed, varies, part, numbers, model
        As for `addition`.
    modulus
        The teaching model knows 2, 5 and 10.

    Returns
    -------
    Task
        With the positions `a`, `operator`, `b`, `modulus` and `end`.

    Raises
    ------
    TaskError
        The modulus is less than 2, or as for `addition`.

    Examples
    --------
    >>> pair = pw.tasks.modular(n=2, modulus=5).pair(0)
    >>> pair.clean, pair.corrupted, pair.answer, pair.foil
    ('49+53 mod 5=', '97+53 mod 5=', '2', '0')
    """
    if modulus < 2:
        raise TaskError(
            f"A modulus of {modulus} leaves no two different results; expected at least 2, as in modulus=10."
        )
    template = Template(f"{{a}}+{{b}} mod {modulus}=", ("a", "b"))
    # Another model's tokenizer may divide the word and the modulus, so that places are found by their text.
    positions = MODULAR_POSITIONS if model is None else None
    beginnings = {"modulus": f"{{a}}+{{b}} mod {modulus}"}
    kind = Kind("modular", template, lambda a, b: (a + b) % modulus, positions, beginnings)
    return numbers_task(n, seed, kind, varies, part, numbers, model)


def _difference(a: int, b: int) -> int | None:
    return a - b if a >= b else None


def _product(a: int, b: int) -> int | None:
    return a * b if min(a, b) > 1 else None


def _quotient(a: int, b: int) -> int | None:
    return a // b if a and b > 1 and a % b == 0 else None

"""What all generators of tasks have in common. Costs nothing."""

from collections.abc import Callable
from functools import wraps
from numbers import Integral
from typing import Any, TypeVar, cast

from patchwidgets.errors import TaskError, shown
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import GENERATOR_ARGUMENTS

Function = TypeVar("Function", bound=Callable[..., Any])


def generator(function: Function) -> Function:
    """Make a generator check its first argument, the number of pairs, and answer an argument that it does not have.

    Raises
    ------
    TaskError
        By the generator: no number of pairs.
    ArgumentError
        By the generator: an argument that it does not have.
    """
    answering = answers(GENERATOR_ARGUMENTS)(function)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        n: Any = args[0] if args else kwargs.get("n", 1)
        if type(n) is bool or not isinstance(n, Integral) or int(n) < 1:
            raise TaskError(
                f"n is {shown(n)}; expected a number of pairs, at least 1, as in {function.__name__}(n=32)."
            )
        return answering(*args, **kwargs)

    return cast(Function, call)

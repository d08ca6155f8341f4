"""Arguments and attributes that there are not, answered with the right call. Costs nothing until one is asked for.

The words themselves are beside it, in `arguments`, `attributes` and `names`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import wraps
from inspect import Signature, signature
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from patchwidgets.errors import ArgumentError, MissingError

Function = TypeVar("Function", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)
Advice = Mapping[str, str]
"""From a name in small letters to what to write in its place."""


def did_you_mean(name: object, known: Iterable[str], advice: Advice | None = None) -> str:
    """Return the end of a message about a name that there is not: what to write in its place, or nothing.

    Parameters
    ----------
    name
        What was asked for.
    known
        What there is.
    advice
        Of names that people know from elsewhere.

    Examples
    --------
    >>> from patchwidgets.guesses.answering import did_you_mean
    >>> did_you_mean("metrics", ["metric", "direction"]), did_you_mean("pos", [], {"pos": "Write it after the site."})
    (" Did you mean 'metric'?", ' Write it after the site.')
    """
    if not isinstance(name, str):
        return ""
    if advice is not None and name.lower() in advice:
        return f" {advice[name.lower()]}"
    by_small = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_small, 1, cutoff=0.7)
    return f" Did you mean {by_small[close[0]]!r}?" if close else ""


def answers(
    advice: Advice | None = None, *, name: str = "", example: str = ""
) -> Callable[[Function], Function]:
    """Make a function answer an argument that it does not have with the right call.

    Parameters
    ----------
    advice
        Of arguments that people know from elsewhere; of others, the nearest one is named, or all.
    name
        What messages call the function; its own name by default.
    example
        What to write, as in ``"exp.explore(...)"``. With it, a call that lacks an argument, or has one too many, is
        answered too.

    Raises
    ------
    ArgumentError
        By the function: an argument that it does not have, or with `example` the wrong number of them.
    """

    def decorate(function: Function) -> Function:
        takes = signature(function)
        parameters = tuple(takes.parameters)

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            for given in kwargs:
                if given not in parameters:
                    raise ArgumentError(
                        _no_argument(name or function.__name__, given, parameters, advice)
                    )
            if example:
                _check_number(takes, args, kwargs, name or function.__name__, example)
            return function(*args, **kwargs)

        return cast(Function, call)

    return decorate


def _check_number(
    takes: Signature, args: Sequence[Any], kwargs: Mapping[str, Any], function: str, example: str
) -> None:
    try:
        takes.bind(*args, **kwargs)
    except TypeError as error:
        raise ArgumentError(f"{function}(): {error}. Write {example}.") from None


def answers_init(advice: Advice) -> Callable[[Class], Class]:
    """Make a class answer an argument that it does not have, as `answers` does a function."""

    def decorate(of: Class) -> Class:
        of.__init__ = answers(advice, name=f"pw.{of.__name__}")(of.__init__)  # type: ignore[misc]
        return of

    return decorate


def _no_argument(
    function: str, given: str, parameters: tuple[str, ...], advice: Advice | None
) -> str:
    known = [each for each in parameters if each != "self"]
    meant = did_you_mean(given, known, advice) or f" It takes {', '.join(known) or 'none'}."
    return f"{function}() has no argument {given!r}.{meant}"


class Answering:
    """An object that answers an attribute that it does not have with the right call."""

    advice: ClassVar[Advice] = {}

    if not TYPE_CHECKING:  # a type checker has to find a misspelt name

        def __getattr__(self, name: str) -> Any:
            if hasattr(type(self), name):  # a property that raised this itself
                return object.__getattribute__(self, name)
            known = [each for each in dir(self) if not each.startswith("_")]
            raise no_attribute(type(self).__name__, name, known, self.advice)


def module_answering(module: str, known: Iterable[str], advice: Advice) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module that answers a name that it does not have."""

    def missing(name: str) -> Any:
        raise no_attribute(module, name, known, advice)

    return missing


def no_attribute(owner: str, name: str, known: Iterable[str], advice: Advice) -> AttributeError:
    """Return the error about an attribute that there is not."""
    meant = "" if name.startswith("_") else did_you_mean(name, known, advice)
    # With a name in the error, Python would add a guess of its own.
    return MissingError(f"{owner} has no attribute {name!r}.{meant}", name=None, obj=owner)

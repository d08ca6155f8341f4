"""Questions of a quiz page as data. Their answers are computed from an experiment when the page is made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

from patchwidgets.course.answers import UnreadableAnswer, as_component, as_head, as_number
from patchwidgets.course.verdict import TOLERANCE
from patchwidgets.errors import PatchwidgetsError, shown
from patchwidgets.facade.experiment import Experiment

Kind = Literal["head", "component", "position", "number", "choice"]
Computed = Callable[[Experiment], Any]
Key = str | int | float
"""An answer in the one form in which a page compares it."""


class QuizError(PatchwidgetsError, ValueError):
    """A question that no page can be made of."""


@dataclass(frozen=True)
class Question:
    """A question whose answer is found in an explorer.

    Attributes
    ----------
    text
        What is asked. It is shown as it is: no markup.
    kind
        What the answer is: a ``"head"`` (``"L2.H1"``), a ``"component"`` (a head, ``"L3.mlp_out"``,
        ``"L3.attn_out"``), a ``"position"`` (its number, or its name in the task; on the page also its
        token), a ``"number"``, or a ``"choice"``.
    right
        A function of the experiment that returns the right answer, or a list of answers of which each is right.
    praise
        What is said to it: why it is right, with its number; or a function of the experiment that returns that.
    otherwise
        What is said to a wrong answer that is not among those foreseen.
    foreseen
        Likely wrong answers, each with the sentence that leads on from it. The answer is a value, a list of values,
        or a function of the experiment that returns one; the first that fits is answered, after the right one.
    choices
        For the kind ``"choice"``: what can be chosen.
    tolerance
        For numbers: how far an answer may be off. Wrong ones are recognised also as the page rounds them.

    Examples
    --------
    >>> pw.course.Question(
    ...     "Which head brings back most?",
    ...     "head",
    ...     right=lambda exp: exp.sweep("z", progress=False).top_sites(1)[0],
    ...     praise="No other head brings back as much.",
    ...     otherwise="Look for the darkest cell.",
    ...     foreseen=[("L1.H2", "It works later. Which one does it read?")],
    ... ).kind
    'head'
    """

    text: str
    kind: Kind
    right: Computed
    praise: str | Computed
    otherwise: str
    foreseen: Sequence[tuple[Any, str]] = ()
    choices: Sequence[str] = ()
    tolerance: float = TOLERANCE

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            kinds = ", ".join(get_args(Kind))
            raise QuizError(f"Expected one of the kinds {kinds}; got {shown(self.kind)}.")
        if not callable(self.right):
            raise QuizError(
                f"A right answer is computed from the experiment: right=lambda exp: ...; got {shown(self.right)}."
            )
        if (self.kind == "choice") != bool(self.choices):
            raise QuizError(
                "Questions of the kind 'choice' have choices=(...), and no others do; got "
                f"kind {self.kind!r} with {len(self.choices)} choices."
            )

    def answered(self, exp: Experiment) -> dict[str, Any]:
        """The question with all answers, as ``js/src/quiz/question.ts`` reads it; errors say which answer is wrong.

        Raises
        ------
        QuizError
            An answer is not of this kind.
        """
        key = partial(self._key, exp)
        return {
            "kind": self.kind,
            "right": _each(self.right(exp), key),
            "tolerance": self.tolerance,
            "foreseen": [
                {"answers": _each(answer(exp) if callable(answer) else answer, key), "says": says}
                for answer, says in self.foreseen
            ],
            "praise": self.praise(exp) if callable(self.praise) else self.praise,
            "otherwise": self.otherwise,
        }

    def _key(self, exp: Experiment, answer: Any) -> Key:
        try:
            return _READ[self.kind](self, exp, answer)
        except UnreadableAnswer as error:
            raise QuizError(
                f"{shown(self.text)}: an answer is not of the kind {self.kind!r}. {error}"
            ) from error


def _each(answers: Any, key: Callable[[Any], Key]) -> list[Key]:
    return [key(answer) for answer in (answers if isinstance(answers, list) else [answers])]


def _head(_: Question, __: Experiment, answer: Any) -> str:
    layer, head = as_head(answer)
    return f"L{layer}.H{head}"


def _position(_: Question, exp: Experiment, answer: Any) -> int:
    pair = exp.pairs[0]
    if str(answer) in pair.positions:
        return int(pair.positions[str(answer)])
    if not str(answer).lstrip("-").isdigit() or not -len(pair) <= int(answer) < len(pair):
        known = ", ".join(pair.positions) or "no names"
        raise UnreadableAnswer(
            f"Expected a position from 0 to {len(pair) - 1}, or a name of the task ({known}); got {shown(answer)}."
        )
    return int(answer) % len(pair)


def _choice(question: Question, _: Experiment, answer: Any) -> str:
    if answer not in question.choices:
        raise UnreadableAnswer(
            f"The choices are {', '.join(question.choices)}; got {shown(answer)}."
        )
    return str(answer)


_READ: dict[Kind, Callable[[Question, Experiment, Any], Key]] = {
    "head": _head,
    "component": lambda _, __, answer: as_component(answer),
    "position": _position,
    "number": lambda _, __, answer: as_number(answer),
    "choice": _choice,
}

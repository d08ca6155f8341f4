"""Further kinds of requests, each answered by one message that the worker computes. A new kind is an entry here.

Of each kind the newest request wins. Questions come after patches and before maps, the oldest first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer import export, neurons, tokenised
from patchwidgets.explorer.circuit import (
    answer_circuit,
    answer_curve,
    checked_circuit_request,
    checked_curve_request,
)
from patchwidgets.explorer.head import answer_head, checked_head_request
from patchwidgets.explorer.lens import answer_lens, checked_lens_request
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.senders import answer_senders, checked_senders_request
from patchwidgets.explorer.views import Views

Request = TypeVar("Request")


@dataclass(frozen=True)
class Question(Generic[Request]):
    """A kind of request.

    Attributes
    ----------
    check
        Reads the request from a message, or raises what is wrong with it. Whoever brings the message calls it: it must
        be quick.
    answer
        Computes the final message and its buffers, in the worker's thread. Its forward passes are ended
        (`patchwidgets.hooks.cancellation`) when something else comes first; it is then called again later.
    """

    check: Callable[[Message, BaseExperiment], Request]
    answer: Callable[[Views, Request], tuple[Message, Buffers]]


QUESTIONS: dict[str, Question[Any]] = {
    "head": Question(checked_head_request, answer_head),
    "senders": Question(checked_senders_request, answer_senders),
    "neurons": Question(neurons.check, neurons.answer),
    "lens": Question(checked_lens_request, answer_lens),
    "circuit": Question(checked_circuit_request, answer_circuit),
    "curve": Question(checked_curve_request, answer_curve),
    "export": Question(export.check, export.answer),
    "tokens": Question(tokenised.check, tokenised.answer),
}
"""By the kind of the message that asks."""

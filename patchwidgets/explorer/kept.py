"""Answers that stay, so that what was computed once is not computed again. Costs their memory."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.views import Views

KEPT = 64
"""How many answers of each kind stay for an experiment."""

_Answer = TypeVar("_Answer")
_OF: "WeakKeyDictionary[BaseExperiment, dict[str, dict[Hashable, Any]]]" = WeakKeyDictionary()


def kept(views: Views, kind: str, subject: Hashable, compute: Callable[[], _Answer]) -> _Answer:
    """The answer about a subject, computed if it is not known.

    Parameters
    ----------
    views
        Of the experiment. What is known of the prompts that are shown is forgotten with them.
    subject
        All that the answer depends on.
    compute
        Returns the answer, or raises, and then nothing stays.

    Raises
    ------
    WeightsChangedError
        The weights have changed since the runs of the experiment, so that no answer holds any more.
    """
    views.experiment.check_weights()
    known = _OF.setdefault(views.experiment, {}).setdefault(kind, {})
    answer: _Answer = known.pop(subject) if subject in known else compute()
    known[subject] = answer  # the newest is the last
    for oldest in list(known)[:-KEPT]:
        del known[oldest]
    return answer

"""Lecture 5, a real circuit: direct effects, who reads whom, and a head that makes up for another one."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from patchwidgets import sources
from patchwidgets.course.answers import (
    as_component,
    as_head,
    as_number,
    as_receiver,
    as_some_of,
)
from patchwidgets.course.carried import Carried
from patchwidgets.course.verdict import Foreseen, Verdict, judge, near
from patchwidgets.facade.experiment import Experiment
from patchwidgets.intervals import mean_interval
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.sites import Patch
from patchwidgets.sweep.sweep_result import SweepResult

Head = tuple[int, int]
LARGE = 1.0
"""Total effects of so many logits are what the lecture follows."""
BATCH = 16
"""Patched runs at once: a student's machine may be small."""
_EXACTLY = 0.003


class RealCircuit:
    """The checks of lecture 5, on the student's experiment.

    Parameters
    ----------
    exp
        A pair of prompts of the names task.

    Examples
    --------
    >>> check = pw.course.RealCircuit(exp)
    >>> check.reader("L0.mlp_in", of="L0.H1")
    Right. L0.H1->L0.mlp_in carries +5.04, the next one +3.17.
    >>> check.reader("logits", of="L0.H1")
    Not yet. L0.H1->logits carries +1.94; another one has more.
    """

    def __init__(self, exp: Experiment) -> None:
        self._exp = exp.turned("denoise")
        self._known: dict[str, Carried] = {}

    def against(self, answer: Any) -> Verdict:
        """Exercise 1: the head with a large total effect that itself writes most against it."""
        total = self._heads.effect.values
        direct = self._exp.direct_effects("z", batch=BATCH, progress=False).effect.values
        large: list[Head] = [(int(i), int(h)) for i, h in np.argwhere(abs(total) >= LARGE)]
        right = min(large, key=lambda head: direct[head] * np.sign(total[head]))

        return judge(
            answer,
            as_head,
            lambda given: given == right,
            praise=f"{_name(right)}: {total[right]:+.2f} in total, {direct[right]:+.2f} directly. What it does for the "
            "answer, it does through others.",
            foreseen=[
                self._no_such_head(),
                (
                    lambda given: bool(abs(total[given]) < LARGE),
                    f"Its total effect is below {LARGE:g}. Look far from the middle of the figure.",
                ),
                (
                    lambda given: bool(abs(direct[given]) < 0.01),
                    "Its direct effect is 0.00: what it writes hardly changes at the last token, where the logits "
                    "could read it.",
                ),
                (
                    lambda given: bool(total[given] * direct[given] > 0),
                    "Both of its effects have one sign. Which dot lies on the other side of the horizontal line?",
                ),
            ],
            otherwise="Its signs do differ, but another head's direct effect is larger.",
        )

    def reader(self, answer: Any, of: str) -> Verdict:
        """Exercise 2: the receiver through which a head does most.

        Parameters
        ----------
        of
            The head that writes, such as ``"L20.H0"``.
        """
        carried = self._edges(senders=of)
        return judge(
            answer,
            as_receiver,
            lambda given: given == carried.best,
            praise=carried.praise,
            foreseen=[
                (
                    lambda given: given != "logits" and _layer(given) < _layer(of),
                    f"It comes before {of}, and cannot read what {of} writes.",
                ),
                (
                    lambda given: given.count(".") == 1 and "mlp" not in given,
                    "A head reads through three inputs, q, k and v. Which of them? Write it as in L9.H6.q.",
                ),
                (
                    lambda given: given not in carried.effects and given[-1] in "kv",
                    "Heads share their keys and values in this model, which are written L9.KV1.k and L9.KV1.v.",
                ),
                *carried.foreseen(),
            ],
            otherwise=f"No edge from {of} leads there. Print the largest ones, exp.sweep_paths(senders={of!r}).",
        )

    def feeder(self, answer: Any, into: str) -> Verdict:
        """Exercise 3: the component whose output a receiver uses most.

        Parameters
        ----------
        into
            The receiver, such as ``"L20.KV0.v"``.
        """
        carried = self._edges(receivers=into)
        return judge(
            answer,
            as_component,
            lambda given: given == carried.best,
            praise=carried.praise,
            foreseen=[
                (
                    lambda given: given != "embed" and _layer(given) >= _layer(into),
                    f"What {into} reads was written before layer {_layer(into)}. This comes too late.",
                ),
                (
                    lambda given: given.endswith("attn_out"),
                    "That is all heads of a layer together. Which one of them?",
                ),
                *carried.foreseen(),
            ],
            otherwise="This model has no such component. The layer comes first, as in L9.H6.",
        )

    def backup(self, answer: Any, gone: str) -> Verdict:
        """Exercise 4: the head that makes up for the loss of another one.

        Parameters
        ----------
        gone
            The head that is ablated by zeros in the clean run.
        """
        layer, shape = _layer(gone), self._heads.effect.shape
        heads = [(i, h) for i in range(layer + 1, shape[0]) for h in range(shape[1])]
        clean, ablated = self._exp.turned("noise"), Patch(gone, sources.zero())
        swept = clean.sweep(
            sites=[[ablated, Patch(_name(head), "host")] for head in heads],
            batch=BATCH,
            progress=False,
        )
        costs = dict(zip(heads, swept.effect.values.tolist(), strict=True))
        loss, right = clean.patch(ablated).effect, min(costs, key=lambda head: costs[head])
        return judge(
            answer,
            as_head,
            lambda given: given == right,
            praise=f"Without {gone} the logit difference changes by {loss:+.2f}; with {_name(right)} frozen as well, "
            f"by {costs[right]:+.2f}.",
            foreseen=[
                (
                    lambda given: _name(given) == gone,
                    "This is the head that is gone. Which one makes up for it?",
                ),
                self._no_such_head(),
                (
                    lambda given: given[0] < layer,
                    f"You froze its source, or another head before it. They are the same without {gone}: freezing "
                    "them does exactly nothing. Look at what comes after.",
                ),
                (
                    lambda given: given[0] == layer,
                    "Heads of one layer do not see each other: freezing this one does exactly nothing. Look later.",
                ),
                *(
                    (
                        lambda given, head=head: given == head,
                        f"With it frozen, the loss costs {cost:+.2f}, with nothing frozen {loss:+.2f}. One costs more.",
                    )
                    for head, cost in costs.items()
                ),
            ],
            otherwise="Freeze one later head at a time.",
        )

    def hidden(self, answer: Any, head: str, by: str) -> Verdict:
        """Exercise 5: which part of a head's effect another one hides.

        Parameters
        ----------
        head, by
            The head that is patched, and the later one that is frozen.
        """
        seen = self._exp.patch(head).effect
        all_of_it = self._exp.patch(head, Patch(by, "host")).effect
        part = 1 - seen / all_of_it
        return judge(
            answer,
            as_number,
            near(part),
            praise=f"With {by} frozen {head} does {all_of_it:+.2f}; {seen:+.2f} is seen, and {part:.0%} is hidden.",
            foreseen=[
                (near(-part), "How much is hidden is a part of what is there: it is positive."),
                (near(1 - part, _EXACTLY), "This part is still seen. How much is hidden?"),
                (
                    near(all_of_it / seen - 1),
                    f"You divided by what is seen. Divide by all of it, the effect with {by} frozen.",
                ),
                (near(all_of_it / seen), "It is so many times larger. Which part is hidden?"),
                (
                    near(all_of_it - seen),
                    "This is how much is hidden in logits. Which part of all is it?",
                ),
                (
                    lambda given: any(near(number)(given) for number in (seen, all_of_it)),
                    "This is an effect in logits. Compare it with the other one.",
                ),
                (
                    near(0.0, _EXACTLY),
                    f"You froze something that {head} does not change. Freeze {by}, which comes after it.",
                ),
            ],
            otherwise=f"Two effects of {head} are needed: with {by} frozen, and with nothing frozen.",
        )

    def unclear(self, answer: Any, edges: Sequence[PathResult]) -> Verdict:
        """Exercise 6: the edges whose interval over pairs contains 0.

        Parameters
        ----------
        edges
            From ``many.path(...)``, over five pairs or more.
        """
        names = [str(edge.path) for edge in edges]
        low, high = mean_interval(np.array([edge.per_pair.effect for edge in edges]))
        right = {name for name, a, b in zip(names, low, high, strict=True) if a <= 0 <= b}
        negative = {name for name, b in zip(names, high, strict=True) if b < 0}
        return judge(
            answer,
            as_some_of(*names),
            lambda given: given == right,
            praise="Their intervals contain 0. All the others lie on one side of it.",
            foreseen=[
                (
                    lambda given: given == right | negative,
                    "A negative effect is an effect: an interval that lies below 0 does not contain 0.",
                ),
                (
                    lambda given: given == set(names) - right,
                    "These are the ones that hold. Which do not?",
                ),
                (
                    lambda given: given < right,
                    f"These are right, and there are more: {len(right)} of {len(names)}.",
                ),
                (
                    lambda given: given > right,
                    "Small is not the same as unclear. Look for 0 between the two ends of each interval.",
                ),
            ],
            otherwise="An interval contains 0 if its lower end is negative and its upper end positive.",
        )

    def _no_such_head(self) -> Foreseen[Head]:
        layers, heads = self._heads.effect.shape
        return (
            lambda given: not (given[0] < layers and given[1] < heads),
            f"This model has the layers 0 to {layers - 1}, with the heads 0 to {heads - 1} in each. The layer comes "
            "first.",
        )

    @cached_property
    def _heads(self) -> SweepResult:
        return self._exp.sweep("z", batch=BATCH, progress=False)

    def _edges(self, receivers: str | None = None, senders: str | None = None) -> Carried:
        """The edges into one receiver, or from one sender; swept once."""
        key = f"{senders}->{receivers}"
        if key not in self._known:
            self._known[key] = Carried(self._exp, receivers=receivers, senders=senders, batch=BATCH)
        return self._known[key]


def _name(head: Head) -> str:
    return f"L{head[0]}.H{head[1]}"


def _layer(component: str) -> int:
    return int(component[1:].split(".")[0])

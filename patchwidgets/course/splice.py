"""Lecture 1, splice: which head, at which word, and how far back it brings the answer."""

from functools import cached_property
from typing import Any

from patchwidgets.course.answers import UnreadableAnswer, as_head, as_number
from patchwidgets.course.verdict import Verdict, judge, near
from patchwidgets.facade.experiment import Experiment
from patchwidgets.sweep.sweep_result import SweepResult


class Splice:
    """The checks of lecture 1, on the student's experiment.

    Parameters
    ----------
    exp
        Two prompts of the names task, with the position ``S2``.

    Examples
    --------
    >>> check = pw.course.Splice(exp)
    >>> check.head("L0.H1")
    Right. No other head alone brings back as much: recovery 0.99.
    >>> check.head(...)
    Not yet. There is no answer yet: write yours in place of the three dots.
    >>> check.head("L1.mlp_out")
    Not yet. Write a head as "L9.H6" or (9, 6): first the layer, then the head; got 'L1.mlp_out'.
    """

    def __init__(self, exp: Experiment) -> None:
        self._exp = exp

    @cached_property
    def _heads(self) -> SweepResult:
        return self._exp.sweep("z", direction="denoise", progress=False)

    def head(self, answer: Any) -> Verdict:
        """Exercise 1: the head that alone brings the logit difference nearest to that of the clean run."""
        effect = self._heads.effect.values
        n_layers, n_heads = len(effect), len(effect[0])
        gap = self._exp.clean.value - self._exp.corrupted.value
        towards_clean = effect if gap > 0 else -effect
        ranked = [divmod(int(cell), n_heads) for cell in (-towards_clean).ravel().argsort()]
        best, worst = ranked[0], ranked[-1]
        recovery = float(self._heads.recovery.values[best])

        def has(given: tuple[int, int]) -> bool:
            return given[0] < n_layers and given[1] < n_heads

        return judge(
            answer,
            as_head,
            lambda given: given == best,
            praise=f"No other head alone brings back as much: recovery {recovery:.2f}.",
            foreseen=[
                (
                    lambda given: not has(given) and has(given[::-1]) and given[::-1] == best,
                    "You have found it, but a head is written with its layer first.",
                ),
                (
                    lambda given: not has(given),
                    f"This model has the layers 0 to {n_layers - 1}, with the heads 0 to {n_heads - 1} in each.",
                ),
                (
                    lambda given: given == worst,
                    "It moves the metric a lot, but which way? Look at the sign of its effect.",
                ),
                (
                    lambda given: given in ranked[1:5],
                    "It is one of the five strongest. Sort all heads by their effect, and read the first line.",
                ),
                (
                    lambda given: bool(towards_clean[given] < 0),
                    "This one moves the model away from the clean run. Blue cells of the map are those that move it "
                    "towards the clean run.",
                ),
            ],
            otherwise='Its effect is small. Patch every head once, exp.sweep("z"), and look for the darkest blue cell.',
        )

    def word(self, answer: Any) -> Verdict:
        """Exercise 2: the position at which the embeddings carry the difference between the two prompts."""
        pair = self._exp.pairs[0]
        differing = sorted(pair.differing("clean"))
        last = len(pair.prompt("clean")) - 1
        names = pair.positions

        def read(given: Any) -> int:
            text = str(given).strip().strip("'\"")
            if text in names:
                return names[text]
            if text.lstrip("-").isdigit():
                index = int(text)
                return index + last + 1 if index < 0 else index
            known = ", ".join(names) or "no names"
            raise UnreadableAnswer(
                f"Write a position as its number, from 0 to {last}, or as a name of the task ({known}); got {given!r}."
            )

        return judge(
            answer,
            read,
            lambda given: given in differing,
            praise="It is the only place where the two prompts differ, so nothing else can carry the difference in.",
            foreseen=[
                (
                    lambda given: given == last,
                    "That is where the answer is read. The two prompts have the same word there, so that their "
                    "embeddings are equal: patching them changes exactly nothing.",
                ),
                (
                    lambda given: 0 <= given < differing[0],
                    "The tokens are equal there, and nothing before it differs, so the effect is exactly 0. Which word "
                    "did we change?",
                ),
                (
                    lambda given: differing[-1] < given < last,
                    "The tokens are equal there. What differs at this place was brought by attention from an earlier "
                    "one, after the embeddings.",
                ),
                (
                    lambda given: not 0 <= given <= last,
                    f"The prompts have the positions 0 to {last}.",
                ),
            ],
            otherwise="Compare the two prompts word by word.",
        )

    def share_in_noise(self, answer: Any) -> Verdict:
        """Exercise 3: how far the strongest head goes in noise, from the clean run to the corrupted one."""
        head = self._heads.top_sites(1)[0]
        noise, denoise = (
            self._exp.turned("noise").patch(head),
            self._exp.turned("denoise").patch(head),
        )

        return judge(
            answer,
            as_number,
            near(noise.share),
            praise=f"In noise it goes {noise.share:.2f} of the way, in denoise {denoise.share:.2f}: enough and needed "
            "are two questions.",
            foreseen=[
                (
                    near(noise.recovery),
                    "You read the recovery, which is 1 at the clean run, where noise starts. The share counts from the "
                    "host.",
                ),
                (
                    near(denoise.share),
                    "This is the other direction: clean into corrupted. Turn the experiment round with exp.flip().",
                ),
                (
                    near(-noise.share),
                    "The effect is negative here, and so is the whole way from clean to corrupted: a ratio of both is "
                    "positive.",
                ),
                (
                    near(noise.effect),
                    "This is the effect, in logits. Divide it by the whole way from the host to the source.",
                ),
                (
                    near(noise.value),
                    "This is the metric of the patched run itself. How far has it come?",
                ),
            ],
            otherwise="Patch the strongest head in exp.flip() and read .share of the result.",
        )

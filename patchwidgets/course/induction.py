"""Lecture 4, induction: what repeats, which head looks back, through which input, and how many heads it takes."""

from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from patchwidgets.course.answers import UnreadableAnswer, as_head, as_heads, as_number
from patchwidgets.course.strongest import Found, frozen
from patchwidgets.course.verdict import Foreseen, Verdict, judge, near
from patchwidgets.facade.experiment import Experiment

ENOUGH = 0.9
"""The recovery that a set of heads has to reach in exercise 5."""
_EXACTLY = 0.005
"""How near a number has to be to be recognised as another one that was printed."""
_NAMES = {"q": "queries", "k": "keys", "v": "values"}
_WORDS = {"q": "query", "k": "key", "v": "value"}
_OUTPUTS = ("pattern", "attention", "z", "output")


class Induction:
    """The checks of lecture 4, on the student's experiment.

    Parameters
    ----------
    exp
        Repeated words, as of `tasks.induction`, on a model with heads that look one word back and, in a later layer,
        heads that use it.

    Examples
    --------
    >>> induction = pw.Experiment(model, pw.tasks.induction(16))
    >>> check = pw.course.Induction(induction)
    >>> check.head("L0.H3")
    Right. It alone brings back 0.994. At the word after the cue, 0.90 of its attention is on the word before.
    >>> check.input("q")
    Not yet. The path L0.H3 → L1.H0.q alone brings back 0.000. Try the other two inputs.
    """

    def __init__(self, exp: Experiment) -> None:
        self._exp = exp

    @cached_property
    def _found(self) -> "Found":
        return Found.of(self._exp)

    def repeats(self, answer: Any, text: str) -> Verdict:
        """Exercise 1: how many words of the second half of a repeated text the model says beforehand.

        Raises
        ------
        ValueError
            The text does not consist of some words and the same words again.
        """
        run = self._exp.model.run(text)
        ids = run.prompts[0]
        words = text.split()
        half = len(words) // 2
        if half == 0 or words[:half] != words[half:]:
            raise ValueError(f"Expected some words and then the same again; got {text!r}.")
        said = run.logits_at([(0, i) for i in range(len(ids) - 1)]).argmax(-1).tolist()
        hits = [best == word for best, word in zip(said, ids[1:], strict=True)]
        before, again = hits[: len(hits) - half], hits[len(hits) - half :]

        return judge(
            answer,
            as_number,
            lambda given: given == sum(again),
            praise=f"{sum(again)} of {half} in the second half, {sum(before)} in the first.",
            foreseen=[
                (
                    lambda given: given == half,
                    "When the second half begins, all words so far were new. What could tell the model which comes "
                    "next?",
                ),
                (
                    lambda given: given in (2 * half, 2 * half - 1, 2 * half - 2),
                    "In the first half every word is drawn at random. Count in the second half alone.",
                ),
                (
                    lambda given: given == 0,
                    "No word of the first half can be known beforehand. But the second half is the same again.",
                ),
                (
                    lambda given: not 0 <= given <= half or given % 1 != 0,
                    f"The second half has {half} words: write a whole number from 0 to {half}.",
                ),
            ],
            otherwise="Count the lines of the second half in which both words are the same.",
        )

    def head(self, answer: Any) -> Verdict:
        """Exercise 2: the head that alone brings nearly everything back."""
        found = self._found
        n_layers, n_heads = found.recovery.shape
        best = found.best

        def has(given: tuple[int, int]) -> bool:
            return bool(given[0] < n_layers and given[1] < n_heads)

        return judge(
            answer,
            as_head,
            lambda given: given == best,
            praise=f"It alone brings back {found.recovery[best]:.3f}. At the word after the cue, "
            f"{self._looks_back():.2f} of its attention is on the word before.",
            foreseen=[
                (
                    lambda given: bool(given[::-1] == best),
                    "You have found it, but a head is written with its layer first.",
                ),
                (
                    lambda given: not has(given),
                    f"This model has the layers 0 to {n_layers - 1}, with the heads 0 to {n_heads - 1} in each.",
                ),
                (
                    lambda given: given[0] == found.later,
                    "It brings a part back, and so do its neighbours. One head of another layer brings back nearly "
                    "everything on its own.",
                ),
                (
                    lambda given: given[0] == best[0],
                    "It is in the right layer. Read the numbers of this layer again.",
                ),
            ],
            otherwise="In this cell the map has next to nothing. Look for the darkest one.",
        )

    def input(self, answer: Any, of: Experiment | None = None) -> Verdict:
        """Exercises 3 and 6: through which input of the later heads the strongest head acts.

        Parameters
        ----------
        of
            An experiment with other prompts; by default the one of the lecture.
        """
        found = self._found if of is None else Found.of(of)
        head, all_of_it = found.head, found.recovery[found.best]
        right = min(found.left, key=lambda part: found.left[part])

        if of is None:  # what freezing says is the next exercise
            reader = f"L{found.later}.H{int(found.recovery[found.later].argmax())}"
            alone = {part: self._exp.path(head, f"{reader}.{part}").recovery for part in "qkv"}
            praise = f"The path {head} → {reader}.{right} alone brings back {alone[right]:.3f}."
            says = {
                part: f"The path {head} → {reader}.{part} alone brings back {alone[part]:z.3f}. "
                "Try the other two inputs."
                for part in "qkv"
            }
        else:
            praise = (
                f"With the {_NAMES[right]} of layer {found.later} frozen, only {found.left[right]:.3f} is left of "
                f"the {all_of_it:.3f} that {head} brings back."
            )
            says = {
                part: f"With the {_NAMES[part]} of layer {found.later} frozen, {found.left[part]:.3f} is left of "
                f"{all_of_it:.3f}. So does {head} need them?"
                for part in "qkv"
            }

        def not_needed(part: str) -> Foreseen[str]:
            return lambda given: given == part, says[part]

        return judge(
            answer,
            _as_input,
            lambda given: given == right,
            praise=praise,
            foreseen=[
                *(not_needed(part) for part in "qkv"),
                (
                    lambda given: given in ("pattern", "attention"),
                    "The pattern is made of two inputs, queries and keys. Freeze one at a time.",
                ),
            ],
            otherwise="That is what a head puts out. Which of its three inputs has changed?",
        )

    def left(self, answer: Any) -> Verdict:
        """Exercise 4: the recovery of the strongest head with the keys of the later layer frozen."""
        exp, found = self._exp, self._found
        alone = [exp.patch(found.head, frozen(found.later, h, "k")) for h in range(found.n_heads)]
        closed = exp.patch(found.head, *(frozen(found.later, h, "k") for h in range(found.n_heads)))
        keys = closed.recovery

        return judge(
            answer,
            as_number,
            near(keys, 2 * _EXACTLY),
            praise=f"Of {found.recovery[found.best]:.3f}, {keys:.3f} is left: nearly all of it goes through the keys.",
            foreseen=[
                (
                    near(1 - keys, _EXACTLY),
                    "Is this what the keys carry? Asked is what is left without them.",
                ),
                (
                    near(found.left["q"], _EXACTLY),
                    "So much comes back with nothing frozen, and also with frozen queries. Freeze the keys.",
                ),
                (
                    near(found.left["v"], _EXACTLY),
                    "So much is left with frozen values, and so much comes back if the keys alone are patched. Patch "
                    f"{found.head}, and freeze the keys.",
                ),
                (
                    lambda given: any(near(r.recovery, _EXACTLY)(given) for r in alone),
                    f"You froze the keys of one head. The other heads of layer {found.later} still see the change.",
                ),
                (
                    near(closed.effect, _EXACTLY),
                    "This is the effect, in logits. Read the recovery.",
                ),
                (
                    near(closed.value, 0.05),
                    "This is the logit difference of the patched run. How far has it come? Read the recovery.",
                ),
            ],
            otherwise=f"Patch {found.head} jointly with four patches whose source is 'host', and read .recovery.",
        )

    def heads(self, answer: Any) -> Verdict:
        """Exercise 5: the fewest heads of the later layer that together bring back nine tenths."""
        found, sets = self._found, self._joint
        fewest = min(len(heads) for heads, recovery in sets.items() if recovery >= ENOUGH)

        def is_here(given: tuple[tuple[int, int], ...]) -> bool:
            return given in sets

        return judge(
            answer,
            as_heads,
            lambda given: is_here(given) and sets[given] >= ENOUGH and len(given) == fewest,
            praise=f"No smaller set of heads reaches {ENOUGH}.",
            foreseen=[
                (
                    lambda given: not is_here(given),
                    f"Choose among the heads of layer {found.later}, L{found.later}.H0 to "
                    f"L{found.later}.H{found.n_heads - 1}.",
                ),
                (
                    lambda given: sets[given] >= ENOUGH,
                    "They bring back enough, but fewer can do it.",
                ),
                (
                    lambda given: len(given) == 1,
                    f"No single head brings back more than {found.recovery[found.later].max():.2f}. Patch several "
                    "jointly.",
                ),
                (
                    lambda given: len(given) < fewest,
                    f"Two single recoveries may look large, but what do these bring back jointly? Less than {ENOUGH}.",
                ),
            ],
            otherwise="As many heads can do it, but not these. What does the head that you left out bring back alone?",
        )

    def _looks_back(self) -> float:
        """The attention of the best head from the word after the cue to the word before it, as a mean over pairs."""
        exp, (layer, head) = self._exp, self._found.best
        shares = []
        for i, pair in enumerate(exp.pairs):
            query = pair.positions["next"]
            pattern = exp.clean.pattern(f"L{layer}.H{head}", pair=i)
            shares.append(float(pattern.values[query, query - 1]))
        return float(np.mean(shares))

    @cached_property
    def _joint(self) -> dict[tuple[tuple[int, int], ...], float]:
        """What each set of heads of the later layer brings back jointly."""
        layer, n = self._found.later, self._found.n_heads
        sets = [chosen for size in range(1, n + 1) for chosen in combinations(range(n), size)]
        return {
            tuple((layer, h) for h in chosen): self._exp.patch(
                *(f"L{layer}.H{h}" for h in chosen)
            ).recovery
            for chosen in sets
        }


def _as_input(answer: Any) -> str:
    """Read q, k or v, also as words or as the site of one."""
    text = str(answer).strip().strip("'\"`").lower().rsplit(".", 1)[-1]
    for part, name in _NAMES.items():
        if text in (part, name, _WORDS[part]):
            return part
    if text in _OUTPUTS:
        return text
    raise UnreadableAnswer(f"Answer with 'q', 'k' or 'v'; got {answer!r}.")

"""Lecture 7, your own: a table that loads, the pairs that the model gets right, a circuit, and a session in a file."""

import math
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from patchwidgets.course.answers import UnreadableAnswer, as_number
from patchwidgets.course.verdict import Verdict, judge, near
from patchwidgets.errors import PatchwidgetsError
from patchwidgets.explorer.saved_explorer import SavedExplorer
from patchwidgets.explorer.widget import PatchExplorer
from patchwidgets.facade.experiment import Experiment
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task

_FIRST_ROW = 2
"""Of the pairs in a spreadsheet, where the header is row 1."""


class YourOwn:
    r"""The checks of lecture 7, with the student's own model, table and experiment.

    Parameters
    ----------
    model
        Any model.

    Examples
    --------
    >>> check = pw.course.YourOwn(model)
    >>> table = "clean,corrupted,answer,foil\n12+34=,15+34=,46,49\n"
    >>> check.table(table.replace("corrupted", "corupted"), table)
    Not yet. The header of 'pairs.csv' lacks corrupted; it has 'clean', 'corupted', 'answer', 'foil'.
    >>> check.table(table, table)
    Right. It loads, with all of its 1 pair.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    def table(self, answer: Any, given: str) -> Verdict:
        """Exercise 1: the table, repaired so that it loads; what is wrong first is said by the error itself.

        Parameters
        ----------
        given
            The table with its mistakes: the repaired one has as many pairs.
        """
        rows = len([line for line in given.splitlines() if line.strip()]) - 1
        pairs = f"{rows} pair{'s' if rows > 1 else ''}"

        return judge(
            answer,
            self._pairs_in,
            lambda found: found == rows,
            praise=f"It loads, with all of its {pairs}.",
            foreseen=[
                (
                    lambda found: found < rows,
                    f"It loads, but the table that you were given had {pairs}. Repair rows, do not take them away.",
                ),
            ],
            otherwise=f"It loads, but it has more than the {pairs} that you were given.",
        )

    def wrong_pairs(self, answer: Any, exp: Experiment) -> Verdict:
        """Exercise 2: the numbers of the pairs that the model does not get right."""
        correct = exp.correct().tolist()
        wrong = {i for i, is_right in enumerate(correct) if not is_right}
        right = set(range(len(correct))) - wrong

        return judge(
            answer,
            _as_numbers,
            lambda given: given == wrong,
            praise=f"On {len(right)} of {len(correct)} pairs the model says what the table says.",
            foreseen=[
                (lambda given: not given, f"The accuracy is {exp.accuracy:.3f}, so there is one."),
                (
                    lambda given: given == right,
                    "These are the pairs that it gets right: True means right.",
                ),
                (
                    lambda given: given == {i + _FIRST_ROW for i in wrong},
                    "That is the row in a spreadsheet. Pairs count from 0, and the header is none.",
                ),
                (lambda given: given == {i + 1 for i in wrong}, "Pairs count from 0."),
                (
                    lambda given: bool(given & wrong),
                    "Part of it is right. Read exp.correct() once more.",
                ),
            ],
            otherwise="exp.correct() has True or False for each pair, in the order of the table.",
        )

    def faithfulness(self, answer: Any, exp: Experiment) -> Verdict:
        """Exercise 3: the faithfulness of the circuit that is the strongest head alone."""
        head = exp.sweep("z", direction="denoise", progress=False).top_sites(1)[0]
        kept = exp.evaluate(Circuit([head]))
        patched = exp.turned("denoise").patch(head)

        return judge(
            answer,
            as_number,
            near(kept.faithfulness),
            praise=f"{head} alone brings back {patched.recovery:.2f}, but as a circuit it is faithful to "
            f"{kept.faithfulness:.2f}: a patch lets everything else respond, a circuit does not.",
            foreseen=[
                (
                    near(patched.recovery),
                    f"This is the recovery of the patch, in which everything after {head} responds. In a circuit, all "
                    "others have what they have in the corrupted run.",
                ),
                (
                    near(kept.completeness),
                    "This is the completeness: what the rest does without the circuit. Read the faithfulness.",
                ),
                (
                    near(1 - kept.faithfulness),
                    "Is this what is lost? Asked is what stays.",
                ),
                (near(kept.value, 0.05), "This is the metric of the circuit. Read .faithfulness."),
                (near(1), "That is the whole model. Keep only the one head."),
            ],
            otherwise="Evaluate pw.Circuit([...]) with the strongest head alone, and read .faithfulness.",
        )

    def opened(self, answer: Any, w: PatchExplorer) -> Verdict:
        """Exercise 4: the explorer that `pw.open` makes of the file of another one."""

        def is_same(given: Any) -> bool:
            if not isinstance(given, PatchExplorer) or given.result is None or w.result is None:
                return False
            return given.selection == w.selection and math.isclose(
                given.result.effect, w.result.effect, abs_tol=1e-4
            )

        return judge(
            answer,
            lambda given: given,
            lambda given: given is not w and is_same(given),
            praise="The same patch, from the file.",
            foreseen=[
                (
                    lambda given: given is w,
                    "This is the explorer that you saved. Open the file with pw.open.",
                ),
                (
                    lambda given: isinstance(given, str | Path),
                    "This names the file. Give what pw.open makes of it.",
                ),
                (
                    lambda given: isinstance(given, SavedExplorer),
                    "This one can be read, but nobody answers its clicks. pw.open takes a model too.",
                ),
                (
                    lambda given: isinstance(given, PatchExplorer),
                    "This explorer shows something else. Did you save before you selected the head?",
                ),
            ],
            otherwise="Save with w.save(path), then give what pw.open(path, model) returns.",
        )

    def _pairs_in(self, text: Any) -> int:
        """Count the pairs of a table that loads and can be run."""
        with TemporaryDirectory() as folder:
            path = Path(folder, "pairs.csv")
            path.write_text(str(text), encoding="utf-8")
            try:
                return len(Experiment(self._model, Task.from_csv(path)).pairs)
            except PatchwidgetsError as error:
                raise UnreadableAnswer(str(error)) from None


def _as_numbers(answer: Any) -> set[int]:
    """Read the number of one pair, or several in a list or in a text."""
    if isinstance(answer, str):
        parts: Iterable[Any] = answer.strip("[](){} ").replace(",", " ").split()
    elif isinstance(answer, Iterable):
        parts = answer
    else:
        parts = [answer]
    numbers = {as_number(part) for part in parts}
    if any(number % 1 for number in numbers):
        raise UnreadableAnswer(f"Write the numbers of pairs as a list, [0, 3]; got {answer!r}.")
    return {int(number) for number in numbers}

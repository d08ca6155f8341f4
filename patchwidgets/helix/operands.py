"""The operands `a` and `b` of additions: read from the prompts of a task, or drawn at random."""

from collections.abc import Sequence
from random import Random

import numpy as np
from jaxtyping import Int

from patchwidgets.directions import RunName
from patchwidgets.errors import TaskError
from patchwidgets.helix.expressions import read_operands
from patchwidgets.tasks import Task


def operands(task: Task, run: RunName = "clean") -> Int[np.ndarray, "pair 2"]:
    """Read the two numbers of the last expression of each prompt of a task.

    A prompt without a sign between two numbers, such as ``the sum of 12 and 34 is``, is read if it has just two.

    Parameters
    ----------
    task
        Its prompts contain numbers in digits, as in ``12+34=``, ``-5+3=``, ``12+34 mod 10=`` or ``1+1=2 12+34=``.
    run
        Which prompts: ``"clean"`` or ``"corrupted"``.

    Returns
    -------
    array
        ``[pair, 2]``.

    Raises
    ------
    TaskError
        A prompt has no two such numbers, or can be read in several ways: ``1+2+3=``, ``12+34=46``, ``1.5+2=``.

    Examples
    --------
    >>> task = pw.Task(clean="1+1=2 12+34=", corrupted="1+1=2 13+34=", answer="46", foil="47")
    >>> pw.helix.operands(task, "corrupted").tolist()
    [[13, 34]]
    """
    prompts = [str(getattr(task.pair(i), run)) for i in range(len(task))]
    return np.array([read_operands(prompt) for prompt in prompts], dtype=np.int64)


def random_operands(
    n: int = 1000, seed: int = 0, exclude: Sequence[Sequence[int]] = ()
) -> list[tuple[int, int]]:
    """Draw `n` different ordered pairs of numbers from 0 to 99, in random order, without those in `exclude`.

    Raises
    ------
    TaskError
        There are fewer than `n` such pairs.
    """
    excluded = {(int(a), int(b)) for a, b in exclude}
    pairs = [(a, b) for a in range(100) for b in range(100) if (a, b) not in excluded]
    if n > len(pairs):
        raise TaskError(
            f"Expected at most {len(pairs):,} pairs of numbers, as many as the task leaves of 100 × 100; got {n:,}. "
            "Lower n_fit= or n_test=."
        )
    return Random(seed).sample(pairs, n)

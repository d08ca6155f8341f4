"""Python functions with half a docstring: the order in the definition says which argument comes next."""

from itertools import permutations
from random import Random
from typing import NamedTuple

from patchwidgets.tasks import lexicon
from patchwidgets.tasks.choice import Choice
from patchwidgets.tasks.generator import generator
from patchwidgets.tasks.split import Split, check_part, part_of
from patchwidgets.tasks.task import Task
from patchwidgets.tasks.vocabulary import one_token_each
from patchwidgets.tokens import HasTokenizer

N_WORDS = 7
"""How many words describe the function and the two arguments that come first."""


@generator
def docstring(
    n: int = 32, seed: int = 0, part: Split | None = None, model: HasTokenizer | None = None
) -> Task:
    r"""Docstrings: which argument comes next? In the corrupted prompt's definition, two have changed places.

    A function has the arguments A, B, C and D, and its docstring says something about A and B and begins with another
    one. In the corrupted prompt, D comes before C. Both prompts consist of the same words, so it is not enough to copy
    an argument that the docstring has not named yet.

    Parameters
    ----------
    n
        The number of pairs, no two alike.
    seed
        Of the random words.
    part
        Use only pairs of C and D from this part of the words.
    model
        A `Model`, or another object with a `tokenizer`: arguments that are not one token there are left out. By default
        all are used; each is one token of SmolLM2.

    Returns
    -------
    Task
        With the positions `A_def`, `B_def`, `C_def`, `D_def` (in the definition; the prompts differ at C and D),
        `A_doc`, `B_doc` (in the docstring) and `end`. Patch C and D jointly: one of them alone makes a definition in
        which an argument occurs twice, which is like neither prompt.

    Raises
    ------
    TaskError
        `part` is unknown, `model` has no tokenizer, or there are fewer than `n` pairs.

    Notes
    -----
    The prompts and names of positions are those of Heimersheim and Janiak (2023), "A circuit for Python docstrings in
    a 4-layer attention-only transformer". docs/tasks.md says how well SmolLM2 does it.

    Examples
    --------
    >>> pair = pw.tasks.docstring(n=1).pair(0)
    >>> first, *_, line_of_a, line_of_b, end = pair.clean.splitlines()
    >>> print(first, line_of_a, line_of_b, end + pair.answer, sep="\n")
    def read(self, level, tree, total, root):
        :param level: animal music
        :param tree: river night
        :param total
    >>> print(pair.corrupted.splitlines()[0], pair.foil, sep="|")
    def read(self, level, tree, root, total):| root
    """
    check_part(part)
    arguments, left_out = one_token_each(lexicon.ARGUMENTS, model)
    last = [each for each in permutations(arguments, 2) if part in (None, part_of(*each))]
    n_first = (len(arguments) - 2) * (len(arguments) - 3)
    Choice("docstring", arguments, left_out, part).check(n, len(last) * n_first)
    rng = Random(seed)
    drawn: dict[_Function, None] = {}
    while len(drawn) < n:
        drawn[_draw(rng, arguments, *rng.choice(last))] = None
    return Task(
        clean=[each.up_to("end") for each in drawn],
        corrupted=[each.swapped().up_to("end") for each in drawn],
        answer=[f" {each.c}" for each in drawn],
        foil=[f" {each.d}" for each in drawn],
        positions={
            name: [each.up_to(name) for each in drawn]
            for name in ("A_def", "B_def", "C_def", "D_def", "A_doc", "B_doc")
        }
        | {"end": -1},
    )


class _Function(NamedTuple):
    """A function with four arguments, and the words of its docstring."""

    name: str
    a: str
    b: str
    c: str
    d: str
    words: tuple[str, ...]

    def swapped(self) -> "_Function":
        """The function with the last two arguments the other way round."""
        return self._replace(c=self.d, d=self.c)

    def up_to(self, position: str) -> str:
        """The prompt up to a named position."""
        about, of_a, of_b = (" ".join(self.words[i:j]) for i, j in ((0, 3), (3, 5), (5, 7)))
        pieces = {
            "A_def": f"def {self.name}(self, {self.a}",
            "B_def": f", {self.b}",
            "C_def": f", {self.c}",
            "D_def": f", {self.d}",
            "A_doc": f'):\n    """{about}\n\n    :param {self.a}',
            "B_doc": f": {of_a}\n    :param {self.b}",
            "end": f": {of_b}\n    :param",
        }
        names = list(pieces)
        return "".join(pieces[name] for name in names[: names.index(position) + 1])


def _draw(rng: Random, arguments: tuple[str, ...], c: str, d: str) -> _Function:
    """Draw a function with these last two arguments."""
    a, b = rng.sample([each for each in arguments if each not in (c, d)], 2)
    words = tuple(rng.sample(lexicon.DESCRIPTIONS, N_WORDS))
    return _Function(rng.choice(lexicon.FUNCTIONS), a, b, c, d, words)

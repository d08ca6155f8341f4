"""How well SmolLM2 does each task that is made as text, written as docs/tasks.md.

    python -m benchmarks.tasks docs/tasks.md

Without a file, prints the tables alone. Two passes over 200 pairs of each task: some three minutes on two cores.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import patchwidgets as pw
from patchwidgets import tasks
from patchwidgets.tasks import lexicon
from patchwidgets.tasks.contrast import facts_task

PAIRS = 200
TASKS: dict[str, Callable[..., pw.Task]] = {
    "agreement": tasks.agreement,
    "agreement, attractor=True": partial(tasks.agreement, attractor=True),
    "pronoun": tasks.pronoun,
    "capital": tasks.capital,
    "hypernym": tasks.hypernym,
    "colour": tasks.colour,
    "antonym": tasks.antonym,
    "docstring": tasks.docstring,
    "ioi": tasks.ioi,
    "greater_than, digits=1": partial(tasks.greater_than, digits=1),
    "induction": tasks.induction,
}
"""By the name and the arguments of the generator."""
OTHER_PROMPTS = {
    "pronoun": " {subject} sat down because",
    "capital": "The government of {subject} is in",
    "colour": "The color of {subject} is",
    "antonym": "Hot is opposite to cold, {subject} to",
}
"""Some of those that were not kept."""
DONE, HARDLY_DONE = 0.9, 0.5
"""A task is done from this accuracy on, and not done below the other."""

_INTRO = f"""# Tasks for real models

`python -m benchmarks.tasks docs/tasks.md` writes this page. Each task of `pw.tasks` below is made as text from lists of
words that are part of the package. `pw.tasks.capital(n=200, seed=0)` gives the same {PAIRS} pairs on every machine;
in all but `ioi`, `greater_than` and `induction`, no two pairs are alike. With `model=`, words that are not one token of
that model's tokenizer are left out, and if too few remain, the error says how many and which. The tasks of numbers
(`greater_than`, and `addition`, `subtraction` and `modular`, which this page does not have) take no `model=`. In
SmolLM2's tokens, all prompts of a task from `agreement` to `docstring` are equally long, and its named positions are at
the same places in every pair, so that a sweep over positions has a mean.

- **accuracy**: the share of pairs where the clean run prefers the answer to the foil *and* the corrupted run the foil
  to the answer (`exp.accuracy`). A model that does not see what differs has 0. With two digits per token, the default
  of `greater_than`, the corrupted run has no reason to prefer the foil: after 1701, every later year is right. So the
  clean run alone counts there; the task says `foil_expected=False`.
- **clean**, **corrupted**: the mean logit difference of both runs (of alternatives, the log-sum-exp of their logits).
- **top**: the share of clean prompts after which the answer is the model's first choice of all tokens.
- **does it**: yes from an accuracy of {DONE} on; no below {HARDLY_DONE}.

For each task from `agreement` to `docstring`, SmolLM2 was tried on about ten prompts, and the best ones were kept:
others of the kind give it lower figures, as the second table shows. Another model has other figures:
`pw.Experiment(model, task).accuracy` says them. An experiment below {HARDLY_DONE} logs a warning when it is made. The
explorer shows `exp.warnings`, which counts the pairs that go wrong.

"""


class Measured(NamedTuple):
    """What a model makes of a task; see the table of columns above."""

    accuracy: float
    clean: float
    corrupted: float
    top: float


def row(task: str, about: str, measured: Measured) -> str:
    """Return a row of a table."""
    accuracy, clean, corrupted, top = measured
    does_it = "yes" if accuracy >= DONE else "no" if accuracy < HARDLY_DONE else "partly"
    figures = f"{accuracy:.3f} | {clean:+.2f} | {corrupted:+.2f} | {top:.3f}"
    return f"| {task} | {about} | {figures} | {does_it} |"


def positions_of(task: pw.Task) -> str:
    return ", ".join(f"`{position}`" for position in task.positions)


def measure(model: pw.Model, task: pw.Task) -> Measured:
    """Run both prompts of every pair."""
    exp = pw.Experiment(model, task, ["logit_diff", "rank"])
    top = exp.evaluation.values["clean"]["rank"] == 1
    return Measured(exp.accuracy, exp.clean.value, exp.corrupted.value, float(top.mean()))


def example(name: str) -> str:
    """Return the first pair of a task as Markdown."""
    pair = TASKS[name](n=1).pair(0)
    lines = [
        f"{run}: {prompt}[{_first(answer)}]"
        for run, prompt, answer in (
            ("clean", pair.clean, pair.answer),
            ("corrupted", pair.corrupted, pair.foil),
        )
    ]
    return f"`{name}`\n\n```\n" + "\n".join(lines) + "\n```\n"


def _first(answer: object) -> object:
    """The answer, or the first of several alternatives and a sign that there are more."""
    return f"{answer[0]}, …" if isinstance(answer, tuple) else answer


def other_prompt(name: str) -> pw.Task:
    """A task with the prompt that was not kept."""
    facts = {
        "capital": lexicon.CAPITALS,
        "pronoun": lexicon.PRONOUNS,
        "colour": lexicon.COLOURS,
        "antonym": lexicon.ANTONYMS,
    }
    return facts_task(name, facts[name], [OTHER_PROMPTS[name]], PAIRS, 0, None, None)


def table() -> Iterator[str]:
    """Yield the lines of both tables as they are measured."""
    model = pw.load("smollm2")
    yield "| task | positions | accuracy | clean | corrupted | top | does it |"
    yield "|---|---|--:|--:|--:|--:|---|"
    for name, make in TASKS.items():
        task = make(n=PAIRS)
        yield row(f"`{name}`", positions_of(task), measure(model, task))
    yield from ("", "| task | another prompt | accuracy | clean | corrupted | top | does it |")
    yield "|---|---|--:|--:|--:|--:|---|"
    for name, prompt in OTHER_PROMPTS.items():
        yield row(f"`{name}`", f"`{prompt}`", measure(model, other_prompt(name)))


def main() -> None:
    lines = []
    for line in table():
        print(line, flush=True)
        lines.append(line)
    if len(sys.argv) > 1:
        examples = "\n".join(map(example, TASKS))
        page = _INTRO + "\n".join(lines) + f"\n\n## The first pair of each\n\n{examples}"
        Path(sys.argv[1]).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()

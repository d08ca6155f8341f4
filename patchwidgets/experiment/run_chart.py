"""The three runs as a flowchart: each from its prompt over components to its output, into comparison and effect.

Costs nothing beside the runs, which are there.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from patchwidgets.directions import RunName, host_name
from patchwidgets.errors import TaskError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.reading import Reading
from patchwidgets.experiment.readings import Readings
from patchwidgets.mermaid import Flowchart, Kind, Line, bold, text
from patchwidgets.models.top_tokens import TopToken
from patchwidgets.tokens import sequence_strings, visible

Lane = Literal["clean", "patched", "corrupted"]
LANES: tuple[Lane, ...] = ("corrupted", "patched", "clean")
"""In the order in which they are declared: Mermaid draws the last one on top."""
N_TOKENS = 2
"""Next tokens of each run."""
MOST_STEPS = 6
"""Components of a run, each with a node of its own."""
BEFORE, AFTER = 4, 24
"""Of a long prompt: tokens before the first difference, and tokens at its end."""


@dataclass(frozen=True)
class Step:
    """A component through which the three runs go.

    Attributes
    ----------
    name
        Its site, or what else it is called.
    note
        What it has in the patched run.
    kind
        How it looks there.
    """

    name: str
    note: str
    kind: Kind = "patched"


@dataclass(frozen=True)
class Arrow:
    """What is carried from a step of an unpatched run into one of the patched run; both as numbers."""

    run: RunName
    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Passage:
    """What happens in the patched run.

    Attributes
    ----------
    title
        What the chart is of.
    steps, arrows
        The components and what is written there.
    written
        The numbers of those steps whose output goes to the next one, and to nothing else.
    """

    title: str
    steps: Sequence[Step]
    arrows: Sequence[Arrow]
    written: frozenset[int] = frozenset()


def run_chart(
    result: Readings,
    passage: Passage,
    patched_tokens: Sequence[TopToken],
    pair: int | None = None,
) -> str:
    """Draw the three runs of a result as Mermaid text.

    Parameters
    ----------
    patched_tokens
        The next tokens of the patched run; none where they are not known.
    pair
        Whose prompt and numbers are shown; None: numbers over all pairs, and the prompt of the first one.

    Raises
    ------
    TaskError
        There is no such pair.
    """
    experiment = result.experiment
    if pair is not None and not 0 <= pair < len(experiment.pairs):
        raise TaskError(f"There is no pair {pair}; there are {len(experiment.pairs)}, from 0.")
    first = next(iter(result.readings.values()))
    reading = first if pair is None else first.of_pair(pair)
    tokens: dict[Lane, Sequence[TopToken]] = {
        "clean": experiment.clean.top_tokens(N_TOKENS, pair),
        "patched": patched_tokens,
        "corrupted": experiment.corrupted.top_tokens(N_TOKENS, pair),
    }
    numbers = _Measured(reading)
    chart = Flowchart(passage.title, f"{passage.title}: {numbers.sentence}")
    for lane in LANES:
        _draw_lane(chart, experiment, lane, passage, _output(numbers, lane, tokens), pair)
    for arrow in passage.arrows:
        ends = f"{arrow.run}_{arrow.start}", f"patched_{arrow.end}"
        chart.edge(*ends, "thick", text(arrow.label))
    _draw_effect(chart, numbers, len(experiment.pairs) if pair is None else 1)
    return str(chart)


class Numbers:
    """One metric of some runs, with as many decimals as its largest number needs."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = values
        largest = max(map(abs, values.values()))
        size = math.floor(math.log10(largest)) if 0 < largest < math.inf else 0
        self._decimals = min(max(2 - min(size, 0), 2), 8)

    def value(self, run: str) -> str:
        """The metric of a run, with a plus where another run has a minus."""
        number = self.signed(self._values[run])
        return number if min(self._values.values()) < 0 else number.removeprefix("+")

    def subtracted(self, run: str) -> str:
        """The metric of a run as it stands after a minus."""
        number = self.signed(self._values[run])
        return f"({number})" if number.startswith("−") else number.removeprefix("+")

    def signed(self, number: float) -> str:
        """A number with its sign."""
        rounded = round(number, self._decimals) + 0.0  # no minus before zero
        return f"{rounded:+.{self._decimals}f}".replace("-", "−")


def fraction_in_words(fraction: float) -> str:
    """A recovery, a share or a faithfulness."""
    if np.isnan(fraction):
        return "undefined"
    return f"{round(fraction, 3) + 0.0:.3f}".replace("-", "−")


class _Measured(Numbers):
    """One metric of the three runs, and what a patch did to it."""

    def __init__(self, reading: Reading) -> None:
        mean = reading.metric.mean
        runs = {"clean": mean(reading.clean), "corrupted": mean(reading.corrupted)}
        super().__init__({**runs, "patched": reading.value})
        self.reading, self.host = reading, host_name(reading.direction)

    @property
    def difference(self) -> str:
        """How the effect is made."""
        effect = self.signed(self.reading.effect)
        return f"{self.value('patched')} − {self.subtracted(self.host)} = {effect}"

    @property
    def recovery(self) -> str:
        """Where the patched run lies between the corrupted run and the clean one, or why it lies nowhere."""
        if self.reading.reason is not None:
            return self.reading.reason
        return f"recovery {fraction_in_words(self.reading.recovery)} (0 corrupted, 1 clean)"

    @property
    def sentence(self) -> str:
        """From which value to which."""
        label = self.reading.metric.label
        return f"{label} goes from {self.value(self.host)} to {self.value('patched')}"


def _output(numbers: _Measured, lane: Lane, tokens: Mapping[Lane, Sequence[TopToken]]) -> list[str]:
    """The next tokens and the metric of a run, as lines."""
    label = numbers.reading.metric.label
    rows = [f"{text(visible(each.token))} {text(f'{each.prob:.1%}')}" for each in tokens[lane]]
    return [*rows, bold(f"{label} {numbers.value(lane)}")]


def _draw_lane(
    chart: Flowchart,
    experiment: BaseExperiment,
    lane: Lane,
    passage: Passage,
    output: Sequence[str],
    pair: int | None,
) -> None:
    """Draw one run, from left to right. Its arrows are dotted: between two components much more goes on."""
    dotted: Line = "dotted"
    run: RunName = experiment.host_name if lane == "patched" else lane
    title = f"Patched run ({run} prompt)" if lane == "patched" else f"{lane.capitalize()} run"
    with chart.lane(lane, title, lane):
        chart.node(f"{lane}_in", prompt_lines(experiment, run, pair), run, "round")
        before, line = f"{lane}_in", dotted
        for i, step in enumerate(passage.steps):
            lines = [text(step.name), text(step.note)] if lane == "patched" else [text(step.name)]
            chart.node(f"{lane}_{i}", lines, step.kind if lane == "patched" else lane)
            chart.edge(before, f"{lane}_{i}", line)
            before = f"{lane}_{i}"
            line = "solid" if lane == "patched" and i in passage.written else "dotted"
        chart.node(f"{lane}_out", output, lane)
        chart.edge(before, f"{lane}_out", line)


def prompt_lines(experiment: BaseExperiment, run: RunName, pair: int | None = None) -> list[str]:
    """A prompt with the tokens in bold that differ; of a long one the part from the first difference, and the end."""
    shown = experiment.pairs[pair or 0]
    tokens = sequence_strings(experiment.model.tokenizer, shown.prompt(run))
    differs = shown.differing(run)
    start = max(0, min(differs, default=0) - BEFORE) if len(tokens) > BEFORE + AFTER else 0
    end = max(start, len(tokens) - AFTER)
    kept = [*range(start, min(end, start + 2 * BEFORE)), *range(end, len(tokens))]
    parts, last = list[str](), -1
    for i in kept:
        if i > last + 1:
            parts.append(text(f" ⋯ {i - last - 1} tokens ⋯ ", within=True))
        parts.append((bold if i in differs else text)(tokens[i], within=True))
        last = i
    n = len(experiment.pairs)
    which = f"the first of {n} pairs" if pair is None else f"pair {pair + 1} of {n}"
    return ["".join(parts), *([text(which)] if n > 1 else [])]


def _draw_effect(chart: Flowchart, numbers: _Measured, n_pairs: int) -> None:
    reading = numbers.reading
    over = (
        ""
        if n_pairs == 1
        else f", {'median' if reading.metric.median else 'mean'} of {n_pairs} pairs"
    )
    chart.node(
        "compare",
        [bold("Comparison"), text(f"patched − {numbers.host}"), text(reading.metric.label)],
        "patched",
        "rhombus",
    )
    chart.node(
        "effect",
        [bold("Causal effect"), text(numbers.difference + over), text(numbers.recovery)],
        "patched",
    )
    for lane in reversed(LANES):
        is_subtracted = lane in ("patched", numbers.host)
        chart.edge(f"{lane}_out", "compare", "solid" if is_subtracted else "dotted")
    chart.edge("compare", "effect")

"""An evaluated circuit as a flowchart: the whole model, the circuit alone and nothing, into its faithfulness."""

import itertools
from collections.abc import Mapping, Sequence

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.run_chart import MOST_STEPS, Numbers, prompt_lines
from patchwidgets.mermaid import Flowchart, Kind, bold, text

WORDS = {
    "nothing": "Nothing kept",
    "circuit": "Circuit alone",
    "model": "Whole model",
}
"""In the order in which the lanes are declared: Mermaid draws the last one on top."""


_ABLATED: dict[str, Kind] = {"clean": "clean", "corrupted": "corrupted"}


def kept_chart(
    side: BaseExperiment,
    members: Sequence[str],
    rest: str,
    values: Mapping[str, float],
    label: str,
    outcome: Sequence[str],
) -> str:
    """Draw what one metric is of the whole model, of the circuit alone and of nothing.

    Parameters
    ----------
    side
        The experiment whose host runs in all three.
    members
        Of the circuit, in order.
    rest
        What everything else gets, in words.
    values
        The metric of ``model``, ``circuit`` and ``nothing``.
    label
        Of the metric.
    outcome
        Faithfulness and completeness as lines.
    """
    numbers = Numbers(values)
    chart = Flowchart(
        f"A circuit of {len(members)} in {side.model.name}",
        f"{label} of the whole model, of the circuit alone and of nothing",
    )
    names = list(members[:MOST_STEPS])
    if (more := len(members) - MOST_STEPS) > 0:
        names.append(f"and {more} more")
    kinds: dict[str, Kind] = {
        "nothing": _ABLATED.get(rest, "other"),
        "circuit": "patched",
        "model": side.host_name,
    }
    for run, words in WORDS.items():
        title = f"{words}, the rest {rest}" if run == "circuit" else words
        with chart.lane(run, title, kinds[run]):
            chart.node(f"{run}_in", prompt_lines(side, side.host_name), side.host_name, "round")
            inside = names if run != "nothing" else [f"everything {rest}"]
            for i, name in enumerate(inside):
                chart.node(f"{run}_{i}", [text(name)], kinds[run])
            output = bold(f"{label} {numbers.value(run)}")
            chart.node(f"{run}_out", [output], kinds[run])
            ways = [f"{run}_in", *(f"{run}_{i}" for i in range(len(inside))), f"{run}_out"]
            for start, end in itertools.pairwise(ways):
                chart.edge(start, end, "dotted")
    circuit, model = (
        f"{numbers.value(run)} − {numbers.subtracted('nothing')}" for run in ("circuit", "model")
    )
    fraction = [text("circuit − nothing over model − nothing"), text(f"({circuit}) / ({model})")]
    chart.node("compare", [bold("Comparison"), *fraction], "patched", "rhombus")
    chart.node("effect", list(map(text, outcome)), "patched")
    for run in ("model", "circuit", "nothing"):
        chart.edge(f"{run}_out", "compare")
    chart.edge("compare", "effect")
    return str(chart)

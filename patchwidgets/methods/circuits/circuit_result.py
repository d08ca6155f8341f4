"""How far a circuit does what the model does: faithfulness, completeness and minimality, over pairs and for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from patchwidgets.arrays import NDArray
from patchwidgets.errors import NoModelError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.readings import ByMetric
from patchwidgets.experiment.run_chart import fraction_in_words
from patchwidgets.files.envelope import Opened, read_as, write
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.html import Shown
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.methods.circuits.kept_chart import kept_chart
from patchwidgets.methods.circuits.members import Member, parse_member
from patchwidgets.metrics import Metric
from patchwidgets.models.stamp import stamp_of
from patchwidgets.recovery import recovery
from patchwidgets.sites import Source
from patchwidgets.sources.source import SourceData

if TYPE_CHECKING:
    import pandas as pd

PairValues = Float[NDArray[np.float64], "pair"]
_NEEDS_MODEL = (
    "{} needs the model, and this result was read from a file. Evaluate its circuit: "
    "pw.Experiment(model, task).evaluate(result.circuit)."
)


@dataclass(frozen=True, eq=False)
class PerPair:
    """The numbers of single pairs; faithfulness and completeness are NaN where they are undefined."""

    value: PairValues
    faithfulness: PairValues
    completeness: PairValues


@dataclass(frozen=True, eq=False)
class CircuitReading:
    """One metric of a circuit, beside the whole model and nothing: ``result["kl"]``.

    Attributes
    ----------
    metric
        Its name, label and unit, and whether its value over pairs is their mean or their median.
    model, nothing
        The metric of the whole model, and where everything is ablated that may be.
    circuit, complement
        The metric where everything is ablated but the circuit, and where the circuit alone is.
    noise_floor
        In the unit of the metric.

    Examples
    --------
    >>> circuit = pw.Circuit(["L0.H1", "L0.mlp_out", "L1.H1", "L1.mlp_out"])
    >>> reading = exp.measuring(["logit_diff", "answer_prob"]).evaluate(circuit)["answer_prob"]
    >>> reading.metric.unit, bool(reading.faithfulness > 0.5)
    ('probability', True)
    """

    metric: Metric
    model: PairValues
    nothing: PairValues
    circuit: PairValues
    complement: PairValues
    noise_floor: float

    @property
    def value(self) -> float:
        """The metric of the circuit: the mean over pairs (for a rank, the median)."""
        return self.metric.mean(self.circuit)

    @property
    def faithfulness(self) -> float:
        """(m(circuit) − m(nothing)) / (m(model) − m(nothing)), a ratio of means; NaN where undefined."""
        return self.fraction(self.circuit)

    @property
    def completeness(self) -> float:
        """The same of the complement: near 0 if nothing that matters was left out; NaN where undefined."""
        return self.fraction(self.complement)

    def fraction(self, values: PairValues) -> float:
        """Where values of some run lie between nothing, 0, and the whole model, 1."""
        ends = (self.metric.mean(self.model), self.metric.mean(self.nothing))
        return float(recovery(self.metric.mean(values), *ends, self.noise_floor))

    @property
    def reason(self) -> str | None:
        """Why faithfulness is undefined, or None where it is defined."""
        return reason(self.metric, self.model, self.nothing, self.noise_floor)

    @property
    def per_pair(self) -> PerPair:
        """The same numbers for single pairs."""
        ends = (self.model, self.nothing, self.noise_floor)
        return PerPair(
            self.circuit, recovery(self.circuit, *ends), recovery(self.complement, *ends)
        )


def rest_in_words(ablation: Source) -> str:
    """What everything outside a circuit got: "corrupted", "= zero()", or only that it was ablated."""
    if isinstance(ablation, str):
        return ablation
    return f"= {ablation}" if isinstance(ablation, SourceData) else "ablated"


def reason(
    metric: Metric, model: PairValues, nothing: PairValues, noise_floor: float
) -> str | None:
    """Why the way from nothing to the whole model has no length, or None where it has one."""
    whole, empty = metric.mean(model), metric.mean(nothing)
    if abs(whole - empty) > noise_floor:
        return None
    return (
        f"No faithfulness: the model gives {whole:+.4g} and, with everything ablated, {empty:+.4g} {metric.label}, "
        f"equal to within the noise floor of {noise_floor:.1g}. Change the ablation, a prompt or the metric."
    )


Measure = Callable[[Sequence[Member]], dict[str, Float[np.ndarray, "member pair"]]]
"""From members to every metric of the circuit without each of them."""


class CircuitResult(ByMetric[CircuitReading], Shown):
    """What a circuit does while the rest of the model is ablated, from `Experiment.evaluate`.

    Attributes
    ----------
    circuit, ablation
        What was evaluated, and what the rest got.
    readings
        Every metric as a `CircuitReading`, by name, in the experiment's order.

    Examples
    --------
    >>> result = exp.evaluate(pw.Circuit(["L0.H1", "L0.mlp_out", "L1.H1", "L1.mlp_out"]))
    >>> result
    CircuitResult(4 nodes, the rest corrupted: logit diff ..., faithfulness ..., completeness ...)
    >>> result.minimality().index[0]
    'L0.H1'
    """

    def __init__(
        self,
        circuit: Circuit,
        ablation: Source,
        readings: dict[str, CircuitReading],
        ablated: Sequence[Member],
        measure_without: Measure | None,
        side: BaseExperiment | None,
    ) -> None:
        super().__init__(readings)
        self.circuit, self.ablation, self._side = circuit, ablation, side
        self._ablated, self._measure_without = ablated, measure_without

    @property
    def value(self) -> float:
        """The first metric of the circuit, over pairs."""
        return self._first.value

    @property
    def faithfulness(self) -> float:
        """(m(circuit) − m(nothing)) / (m(model) − m(nothing)) of the first metric; NaN where undefined."""
        return self._first.faithfulness

    @property
    def completeness(self) -> float:
        """The same of the complement: near 0 if nothing that matters was left out; NaN where undefined."""
        return self._first.completeness

    @property
    def reason(self) -> str | None:
        """Why faithfulness is undefined, or None where it is defined."""
        return self._first.reason

    @property
    def per_pair(self) -> PerPair:
        """value, faithfulness and completeness of the first metric for single pairs."""
        return self._first.per_pair

    def minimality(self, metric: str | None = None) -> "pd.DataFrame":
        """How much of the faithfulness goes when one member is left out, for each member.

        A member whose change is near 0 could go; in a minimal circuit there is none. Costs an evaluation for each
        member.

        Parameters
        ----------
        metric
            The first one by default.

        Returns
        -------
        DataFrame
            One row for each member that may be ablated (so not for ``embed``, unless `among` has it), the largest
            change first: ``value`` and ``faithfulness`` of the circuit without it; ``change`` = faithfulness − that.

        Raises
        ------
        MetricError
            The experiment does not measure it.
        WeightsChangedError
            The weights have changed since the runs of the experiment.
        NoModelError
            The result was read from a file.

        Examples
        --------
        >>> result = exp.evaluate(pw.Circuit(["L0.H1", "L0.mlp_out", "L1.H1", "L1.mlp_out"]))
        >>> list(result.minimality().columns)
        ['value', 'faithfulness', 'change']
        """
        reading = self._first if metric is None else self[metric]
        if self._measure_without is None:
            raise NoModelError(_NEEDS_MODEL.format("minimality()"))
        with Uninterrupted():
            import pandas as pd

        members = self._ablated
        values = self._measure_without(members)[reading.metric.name] if members else ()
        rows = [(reading.metric.mean(each), reading.fraction(each)) for each in values]
        names = pd.Index([str(member) for member in members], name="member")
        frame = pd.DataFrame(rows, columns=["value", "faithfulness"], index=names, dtype=float)
        frame["change"] = reading.faithfulness - frame["faithfulness"]
        return frame.sort_values("change", ascending=False, key=lambda column: column.abs())

    def to_mermaid(self) -> str:
        r"""The whole model, the circuit alone and nothing as a flowchart in Mermaid's language, with the first metric.

        Examples
        --------
        >>> result = exp.evaluate(pw.Circuit(["L0.H1", "L0.mlp_out", "L1.H1", "L1.mlp_out"]))
        >>> print(*(line for line in result.to_mermaid().splitlines() if " effect[" in line), sep="\n")
          effect["faithfulness 0.743<br/>completeness 0.001"]:::patched
        """
        if self._side is None:
            raise NoModelError(_NEEDS_MODEL.format("to_mermaid()"))
        reading = self._first
        mean = reading.metric.mean
        values = {
            "model": mean(reading.model),
            "circuit": reading.value,
            "nothing": mean(reading.nothing),
        }
        outcome = [
            f"faithfulness {fraction_in_words(reading.faithfulness)}",
            f"completeness {fraction_in_words(reading.completeness)}",
            *([reading.reason] if reading.reason else []),
        ]
        names = [str(member).replace("->", " → ") for member in self.circuit]
        rest = rest_in_words(self.ablation)
        return kept_chart(self._side, names, rest, values, reading.metric.label, outcome)

    def save(self, path: str | Path) -> None:
        """Write the numbers and the circuit to a JSON file; whole or not at all.

        Raises
        ------
        FileError
            The disk is full, or the place cannot be written.
        NoModelError
            The result was read from a file: copy the file.
        WeightsChangedError
            The weights have changed since the runs, so that nothing says which they were.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> result = exp.evaluate(pw.Circuit(["L0.H1", "L1.H1"]))
        >>> with TemporaryDirectory() as folder:
        ...     result.save(f"{folder}/result.json")
        ...     pw.open(f"{folder}/result.json").to_frame().equals(result.to_frame())
        True
        """
        if self._side is None:
            raise NoModelError(_NEEDS_MODEL.format("save()"))
        with Uninterrupted():
            from patchwidgets.methods.circuits.saved import members_data, result_data

        self._side.check_weights(())
        circuit = members_data(self.circuit, self.circuit.scores)
        data = result_data(circuit, self.ablation, self._ablated, self.readings.values())
        write(path, "circuit result", data, stamp_of(self._side.model))

    @classmethod
    def load(cls, path: str | Path, max_bytes: int | None = None) -> "CircuitResult":
        """Read a result that `save` wrote; what needs the model raises `NoModelError`.

        Parameters
        ----------
        max_bytes
            The size up to which a file is read; 64 MiB by default.

        Raises
        ------
        FileError
            The file cannot be read, is too large, is damaged, holds something else, or is of a later version.
        """
        return read_as(path, "circuit result", cls.of_file, max_bytes)

    @classmethod
    def of_file(cls, opened: Opened) -> "CircuitResult":
        """Return what was read from a file, as `load`."""
        with Uninterrupted():
            from patchwidgets.methods.circuits.saved import ResultSchema, ablation_of

        with opened.decoding():
            data = ResultSchema.model_validate(opened.content)
            circuit = Circuit(*data.circuit.parsed())
            ablated = [parse_member(name) for name in data.ablated]
            readings = {
                name: CircuitReading(metric, **runs, noise_floor=noise_floor)
                for name, (metric, runs, noise_floor) in data.of_metrics.items()
            }
            return cls(circuit, ablation_of(data.ablation), readings, ablated, None, None)

    def to_frame(self) -> "pd.DataFrame":
        """A table with one row for each metric: value, faithfulness, completeness, model, nothing.

        Examples
        --------
        >>> list(exp.evaluate(pw.Circuit(["L0.H1"])).to_frame().columns)
        ['value', 'faithfulness', 'completeness', 'model', 'nothing']
        """
        with Uninterrupted():
            import pandas as pd

        rows = {
            name: {
                "value": reading.value,
                "faithfulness": reading.faithfulness,
                "completeness": reading.completeness,
                "model": reading.metric.mean(reading.model),
                "nothing": reading.metric.mean(reading.nothing),
            }
            for name, reading in self.readings.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("metric")

    def __repr__(self) -> str:
        first, kind = self._first, self.circuit.kind or "members"
        numbers = ", ".join(
            f"{name} {'undefined' if np.isnan(number) else f'{number:.3f}'}"
            for name, number in (
                ("faithfulness", first.faithfulness),
                ("completeness", first.completeness),
            )
        )
        rest = rest_in_words(self.ablation)
        return (
            f"CircuitResult({len(self.circuit)} {kind}, the rest {rest}: {first.metric.label} {first.value:+.3f}, "
            f"{numbers})"
        )

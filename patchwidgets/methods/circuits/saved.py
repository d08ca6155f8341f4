"""Circuits and their numbers as data for files, and back. What is wrong with a file is a ValueError here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from patchwidgets.errors import PatchError
from patchwidgets.files.schema import Count, Floor, Name, Strict, Table, Values, table_of, values_of
from patchwidgets.methods.circuits.members import Member, parse_member
from patchwidgets.metrics import Metric
from patchwidgets.metrics.described import MetricSchema, described
from patchwidgets.sites import Source
from patchwidgets.sources.files import from_data, to_data

RUNS = ("model", "nothing", "circuit", "complement")
"""The values that a `CircuitReading` has of each pair."""


class MembersSchema(Strict):
    """Nodes or edges by name, and the scores of those that have one; null for NaN."""

    members: list[Name]
    scores: dict[Name, float | None]

    def parsed(self) -> tuple[list[Member], dict[Member, float]]:
        """Return the members, and the scores of those that have one.

        Raises
        ------
        ValueError
            One is there twice, or is nothing that circuits are made of.
        """
        by_name = {name: parse_member(name) for name in self.members}
        if len(by_name) < len(self.members):
            raise ValueError("it has a member twice")
        scores = {
            by_name.get(name) or parse_member(name): float("nan") if score is None else score
            for name, score in self.scores.items()
        }
        return list(by_name.values()), scores


class _ReadingSchema(Strict):
    metric: MetricSchema
    model: Values
    nothing: Values
    circuit: Values
    complement: Values
    noise_floor: Floor

    @property
    def runs(self) -> dict[str, Float[np.ndarray, "pair"]]:
        return {run: values_of(getattr(self, run), len(self.model)) for run in RUNS}


class ResultSchema(Strict):
    """What a circuit does, as a `CircuitResult` has it."""

    circuit: MembersSchema
    ablation: Any
    ablated: list[Name]
    readings: Annotated[list[_ReadingSchema], Field(min_length=1)]

    @property
    def of_metrics(self) -> dict[str, tuple[Metric, dict[str, Float[np.ndarray, "pair"]], float]]:
        """By name, each metric with the values of `RUNS` and the noise floor."""
        _check_metrics(self.readings)
        return {
            each.metric.name: (each.metric.metric(), each.runs, each.noise_floor)
            for each in self.readings
        }


class _CurveReadingSchema(Strict):
    metric: MetricSchema
    model: Values
    nothing: Values
    circuits: Table
    random: Table
    noise_floor: Floor

    def arrays(self, n_fractions: int, n_random: int) -> dict[str, Float[np.ndarray, "..."]]:
        n_pairs = len(self.model)
        return {
            "model": values_of(self.model, n_pairs),
            "nothing": values_of(self.nothing, n_pairs),
            "circuits": self.circuits.array(n_fractions, n_pairs),
            "random": self.random.array(n_fractions, n_random, n_pairs),
        }


class CurveSchema(Strict):
    """A `FaithfulnessCurve`. Each of its circuits is a list of places in `members`."""

    members: MembersSchema
    circuits: list[list[Count]]
    fractions: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=2)]
    n_kept: list[Count]
    n_scored: Annotated[Count, Field(ge=1)]
    n_random: Count
    ablation: Any
    by: Literal["size", "positive", "negative"]
    readings: Annotated[list[_CurveReadingSchema], Field(min_length=1)]

    def check(self) -> None:
        """Check that all parts go together.

        Raises
        ------
        ValueError
            They do not.
        """
        _check_metrics(self.readings)
        n, members = len(self.fractions), self.members.members
        if (np.diff(self.fractions) <= 0).any():
            raise ValueError("its fractions do not grow")
        if len(self.n_kept) != n or max(self.n_kept) > self.n_scored or len(self.circuits) != n:
            raise ValueError(f"{n} fractions, {len(self.circuits)} circuits, n_kept {self.n_kept}")
        if any(place >= len(members) for circuit in self.circuits for place in circuit):
            raise ValueError(f"a circuit has a member that is none of the {len(members)}")

    @property
    def of_metrics(self) -> dict[str, tuple[Metric, dict[str, Float[np.ndarray, "..."]], float]]:
        """By name, each metric with the arrays of a `CurveReading`, and the noise floor."""
        n = len(self.fractions), self.n_random
        return {
            each.metric.name: (each.metric.metric(), each.arrays(*n), each.noise_floor)
            for each in self.readings
        }

    @property
    def parts(self) -> list[tuple[list[Member], dict[Member, float]]]:
        """The members of each circuit, with their scores."""
        members, scores = self.members.parsed()
        chosen = [[members[place] for place in circuit] for circuit in self.circuits]
        return [(each, {m: scores[m] for m in each if m in scores}) for each in chosen]


def members_data(members: Iterable[Member], scores: Mapping[Member, float]) -> dict[str, Any]:
    """Return members as `MembersSchema` reads them."""
    numbers = {str(m): None if np.isnan(score) else score for m, score in scores.items()}
    return {"members": [str(member) for member in members], "scores": numbers}


def result_data(
    circuit: dict[str, Any],
    ablation: Source,
    ablated: Sequence[Member],
    readings: Iterable[Any],
) -> dict[str, Any]:
    """Return a result as `ResultSchema` reads it."""
    of_metrics = [
        {"metric": described(each.metric), "noise_floor": each.noise_floor}
        | {run: getattr(each, run).tolist() for run in RUNS}
        for each in readings
    ]
    names = [str(member) for member in ablated]
    rest = ablation_data(ablation)
    return {"circuit": circuit, "ablation": rest, "ablated": names, "readings": of_metrics}


def curve_data(
    circuits: Sequence[Any], ablation: Source, readings: Iterable[Any], **rest: Any
) -> dict[str, Any]:
    """Return a curve as `CurveSchema` reads it; `rest` is what it has as plain numbers."""
    scores = {m: score for circuit in circuits for m, score in circuit.scores.items()}
    members = list(dict.fromkeys(member for circuit in circuits for member in circuit))
    place = {member: i for i, member in enumerate(members)}
    of_metrics = [
        {
            "metric": described(each.metric),
            "model": each.model.tolist(),
            "nothing": each.nothing.tolist(),
            "circuits": table_of(each.circuits),
            "random": table_of(each.random),
            "noise_floor": each.noise_floor,
        }
        for each in readings
    ]
    return {
        "members": members_data(members, scores),
        "circuits": [[place[member] for member in circuit] for circuit in circuits],
        "ablation": ablation_data(ablation),
        "readings": of_metrics,
        **rest,
    }


def ablation_data(ablation: Source) -> Any:
    """Return what the rest got as data; None for a `Run` or a tensor, which are none."""
    try:
        return to_data(ablation)
    except PatchError:
        return None


def ablation_of(data: Any) -> Source:
    """Return the source that `ablation_data` described, or None."""
    return None if data is None else from_data(data)


def _check_metrics(readings: Sequence[_ReadingSchema] | Sequence[_CurveReadingSchema]) -> None:
    names = [each.metric.name for each in readings]
    if len(set(names)) < len(names):
        raise ValueError("it has a metric twice")
    if len({len(each.model) for each in readings}) > 1:
        raise ValueError("its metrics have different numbers of pairs")

"""From paths to rows: on which pairs a path changes anything, and where. All known before the model runs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from patchwidgets.edges import Path, Receiver
from patchwidgets.errors import CounterpartError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.places import host_positions
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.methods.paths.steps import Step, joining_layer, step_of
from patchwidgets.sites import Patch, Site
from patchwidgets.sweep.rows import PairPatch, Row, Rows, on_pair
from patchwidgets.tasks import Pair

Positions = tuple[int, ...]
"""Positions of a host prompt, ascending."""


@dataclass(eq=False)
class PathRows:
    """All combinations of a path and a pair, and of a step and a pair.

    Attributes
    ----------
    rows
        Of the paths: what has to be computed, is certainly 0, or has no counterpart.
    senders
        What each sender writes on each pair where it changes something.
    changed
        Of each step and pair, the positions at which it writes something else into the stream.
    """

    rows: Rows = field(default_factory=Rows)
    senders: dict[tuple[Site, int], PairPatch] = field(default_factory=dict)
    changed: dict[tuple[Step, int], Positions] = field(default_factory=dict)


class _Unpatchable(Exception):
    """A sender's position has no counterpart in the other prompt."""


def make_path_rows(experiment: BaseExperiment, paths: Sequence[Path]) -> PathRows:
    """Find where paths act on each pair.

    Raises
    ------
    CounterpartError
        No path has a counterpart on any pair.
    """
    made, layout = PathRows(), experiment.model.layout
    stop_if_cancelled = cancellation_check()
    finder = _Finder(experiment, made)
    for i, pair in enumerate(experiment.pairs):
        read = experiment.evaluation.read_positions.in_prompt(experiment.host_name, i)
        reading: dict[Receiver, frozenset[int] | None] = {}
        for cell, path in enumerate(paths):
            if cell % 1000 == 0:
                stop_if_cancelled()
            receiver = path.receiver
            if receiver not in reading:
                reading[receiver] = _read_by(experiment, receiver, pair, read)
            try:
                changed = finder.changed(step_of(path), i)
            except _Unpatchable:
                made.rows.unpatchable.append((cell, i))
                continue
            start = _first(changed, reading[receiver])
            if start is None or start > read[-1]:
                made.rows.zero.append((cell, i))
            else:
                made.rows.rows.append(Row(cell, i, start, joining_layer(layout, receiver), ()))
    if finder.error is not None and len(made.rows.unpatchable) == len(paths) * len(
        experiment.pairs
    ):
        raise finder.error
    return made


def read_positions(experiment: BaseExperiment, receiver: Receiver, pair: Pair) -> Positions | None:
    """The positions of the host prompt at which a receiver reads the change; None for all."""
    if receiver.pos is None:
        return None
    return tuple(sorted(host_positions(receiver.pos, pair, experiment.host_name)))


@dataclass(eq=False)
class _Finder:
    """Finds where steps write something else, each once."""

    experiment: BaseExperiment
    made: PathRows
    error: CounterpartError | None = None
    _unpatchable: set[tuple[Site, int]] = field(default_factory=set)

    def changed(self, step: Step, pair: int) -> Positions:
        key = (step, pair)
        if (step.sender, pair) in self._unpatchable:
            raise _Unpatchable
        if key not in self.made.changed:
            self.made.changed[key] = tuple(self._find(step, pair))
        return self.made.changed[key]

    def _find(self, step: Step, pair: int) -> Iterable[int]:
        if not step.receivers:
            return self._written(step.sender, pair)
        receiver = step.receivers[-1]
        before = self.changed(step.before, pair)
        asked = read_positions(self.experiment, receiver, self.experiment.pairs[pair])
        seen = [pos for pos in before if asked is None or pos in asked]
        if receiver.component in ("k", "v") and seen:
            # Attention carries them to every later position.
            length = len(self.experiment.pairs[pair].prompt(self.experiment.host_name))
            return range(seen[0], length)
        return seen

    def _written(self, sender: Site, pair: int) -> Positions:
        try:
            patches = on_pair(self.experiment, (Patch(sender),), pair)
        except CounterpartError as error:
            self._unpatchable.add((sender, pair))
            self.error = error
            raise _Unpatchable from error
        for patch in patches:
            self.made.senders[(sender, pair)] = patch
            return patch.host_positions
        return ()


def _read_by(
    experiment: BaseExperiment, receiver: Receiver, pair: Pair, read: Positions
) -> frozenset[int] | None:
    """Where a last receiver has to see a change for a metric to notice it; None for anywhere."""
    asked = read_positions(experiment, receiver, pair)
    if receiver.component != "logits":
        return None if asked is None else frozenset(asked)
    return frozenset(read if asked is None else set(asked) & set(read))


def _first(changed: Positions, seen: frozenset[int] | None) -> int | None:
    """The first position that changes and is seen."""
    return next(_seen(changed, seen), None)


def _seen(changed: Positions, seen: frozenset[int] | None) -> Iterator[int]:
    return (pos for pos in changed if seen is None or pos in seen)

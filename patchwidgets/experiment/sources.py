"""Where a patch acts on a pair of prompts, and what its source holds there. Costs nothing beyond a lookup."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from patchwidgets.directions import RunName
from patchwidgets.errors import CounterpartError, PatchError
from patchwidgets.experiment.measured_run import MeasuredRun
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.edits import joint_edits, patch_step, source_value
from patchwidgets.models.run import Batch, Run
from patchwidgets.sites import HEAD_COMPONENTS, Patch, Site
from patchwidgets.tasks.alignment import Columns, identity
from patchwidgets.tasks.pairs import Pair


@dataclass(frozen=True, eq=False)
class Sources:
    """The two runs of an experiment, one of which is patched with what the other one holds.

    Attributes
    ----------
    host_name
        Which of them is patched.
    pairs
        The pairs of prompts that they are runs of.
    """

    clean: Run
    corrupted: Run
    host_name: RunName
    pairs: Sequence[Pair]

    @property
    def host(self) -> Run:
        """The run that is patched."""
        return self.clean if self.host_name == "clean" else self.corrupted

    @property
    def source(self) -> Run:
        """The other one."""
        return self.corrupted if self.host_name == "clean" else self.clean

    def twin(self, batch: Batch) -> Batch:
        """The batch of the source run that holds the same pairs as a batch of the host run."""
        return next(each for each in self.source.batches if each.rows == batch.rows)

    def run_of(self, source: Any) -> Any:
        """The run that the source of a patch names, as one of these two where it is; anything else as it is."""
        if isinstance(source, MeasuredRun):
            return source.run
        if not isinstance(source, str):
            return source
        runs = {"host": self.host, "source": self.source}
        return (runs | {"clean": self.clean, "corrupted": self.corrupted})[source]

    def edits(self, patches: Sequence[Patch], rows: Sequence[int]) -> dict[Key, Edit]:
        """What joint patches write into a batch of the host run, whose pairs are `rows`."""
        steps = []
        for patch in patches:
            places = [self.places(patch, self.pairs[row]) for row in rows]
            written, read = ([[place[k] for place in each] for each in places] for k in (0, 1))
            value = self.values(patch, list(rows), read)
            steps.append((patch.site, patch_step(patch, written, value)))
        return joint_edits(steps)

    def starts(self, patches: Sequence[Patch], rows: Sequence[int]) -> list[int]:
        """For each pair the first position of the host prompt that is patched."""
        return [
            min((self.places(patch, self.pairs[row])[0][0] for patch in patches), default=0)
            for row in rows
        ]

    def places(self, patch: Patch, pair: Pair) -> Columns:
        """Positions of the host prompt that a patch changes, each with the one it is read from; see `places_of`."""
        return places_of(patch, pair, self.host_name, self._crosses(patch))

    def values(self, patch: Patch, rows: list[int], indices: list[list[int]]) -> Tensor:
        """What the source of a patch holds for some pairs of equal length at positions to read; see `value_of`."""
        run = self.source if self._crosses(patch) else self.host
        name = "clean prompt" if run is self.clean else "corrupted prompt"
        return value_of(patch, self.run_of(patch.source), rows, indices, run.prompts, name)

    def _crosses(self, patch: Patch) -> bool:
        """Whether a patch reads another run than the host, whose positions are counterparts of the host's."""
        source = patch.source
        return not isinstance(source, Tensor) and self.run_of(source) is not self.host


def places_of(patch: Patch, pair: Pair, host: RunName, crosses: bool) -> Columns:
    """Positions of the host prompt that a patch changes, each with the position of the source prompt it comes from.

    Parameters
    ----------
    host
        Which prompt is patched.
    crosses
        The patch reads a run of other tokens than the host's, so that it acts on counterparts alone; one that brings
        its own value, or freezes the host's, acts on every position of the host.

    Raises
    ------
    CounterpartError
        A position without a counterpart, or of a component that cannot be written at another position.
    SiteError
        An index out of range, an empty range, or a name that the task does not have.
    """
    pos = patch.site.pos
    if crosses:
        columns = pair.columns_at(pos)
        _check_portable(patch.site, pair, columns)
        return columns if host == "clean" else tuple((j, i) for i, j in columns)
    if pos is None:
        return identity(len(pair.prompt(host)))
    found = pair.indices(pos) if host == "clean" else [j for _, j in pair.columns_at(pos)]
    return tuple((i, i) for i in found)


def _check_portable(site: Site, pair: Pair, columns: Columns) -> None:
    """Queries, keys and patterns belong to their position."""
    moved = [(i, j) for i, j in columns if i != j]
    if site.component in ("q", "k") and moved:
        i, j = moved[0]
        raise CounterpartError(
            f"{site}: q and k carry the position at which they were made, and position {i} of the clean prompt has "
            f"its counterpart at {j} in the corrupted prompt. Patch v, z or the residual stream there:\n{pair.shown}"
        )
    whole = len(pair.columns) == len(pair.clean) == len(pair.corrupted)
    if site.component == "pattern" and not whole:
        raise CounterpartError(
            f"{site}: a row of a pattern has one number for each key, and these prompts have other keys: "
            f"{len(pair.clean)} and {len(pair.corrupted)} tokens with {len(pair.columns)} counterparts. "
            f"Patch z instead:\n{pair.shown}"
        )


def value_of(
    patch: Patch,
    source: Any,
    rows: list[int],
    indices: list[list[int]],
    prompts: Sequence[Sequence[int]],
    name: str = "prompt",
) -> Tensor:
    """What a source holds for some pairs, to be broadcast to ``[row, pos, ...]`` of the site.

    Parameters
    ----------
    source
        A `Run`, which is read in the place of the source prompts, or a tensor. A tensor with as many axes as the site
        has, and one entry per pair, is cut by pairs; any other serves every pair.
    rows, indices
        Which pairs, of equal length, and the positions to read of each.
    prompts
        The source prompts of all pairs; `name` says which they are.

    Raises
    ------
    PatchError
        Something else, or a run that does not fit.
    """
    if isinstance(source, Tensor):
        by_pair = source.ndim == n_axes(patch.site) and len(source) == len(prompts) > 1
        return source[rows] if by_pair else source
    if not isinstance(source, Run):
        raise PatchError(
            f"{patch.site}: the source is a {type(source).__name__}; expected a name, a Run or a tensor."
        )
    if len(source.prompts) not in (1, len(prompts)):
        raise PatchError(
            f"{patch.site}: the source run has {len(source.prompts)} prompts for {len(prompts)} pairs."
        )
    return source_value(patch, source, rows, indices, len(prompts[rows[0]]), name)


def n_axes(site: Site) -> int:
    """How many axes an activation at a site has: pair, pos and d, and one more where all heads are meant."""
    return 4 if site.component in HEAD_COMPONENTS and site.index is None else 3

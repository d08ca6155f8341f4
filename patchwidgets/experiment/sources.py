"""Where a patch acts on a pair of prompts, and which values it writes there.

Costs nothing, except that a source whose activations are not recorded yet costs a forward pass over its prompts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from patchwidgets.directions import RunName
from patchwidgets.errors import CounterpartError, PatchError
from patchwidgets.experiment.measured_run import MeasuredRun
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.batches import Batch
from patchwidgets.models.edits import joint_edits, patch_step, source_value
from patchwidgets.models.run import Run
from patchwidgets.sites import HEAD_COMPONENTS, Patch, Position, Site
from patchwidgets.tasks.alignment import Columns
from patchwidgets.tasks.pairs import Pair

Places = tuple[tuple[int, int], ...]
"""Positions of the host prompt that a patch writes, each with the position of the source prompt that it reads."""


@dataclass(frozen=True, eq=False)
class Sources:
    """The clean and the corrupted run in one direction: one is the host, the other the source.

    Attributes
    ----------
    clean, corrupted
        The two unpatched runs.
    host_name
        Which of them is patched.
    pairs
        The pairs of the task.
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
        """The run whose activations are spliced in."""
        return self.corrupted if self.host_name == "clean" else self.clean

    def source_batch(self, host_batch: Batch) -> Batch:
        """The batch of the source run with the same pairs as a batch of the host run."""
        return next(batch for batch in self.source.batches if batch.rows == host_batch.rows)

    def run_of(self, source: object) -> object:
        """The `Run` that the source of a patch means, or the source itself where it is no run.

        The runs of this experiment come back as `host` and `source` themselves, so that ``is`` recognises them.
        """
        if isinstance(source, MeasuredRun):
            return source.run
        if not isinstance(source, str):
            return source
        runs = {"host": self.host, "source": self.source}
        return (runs | {"clean": self.clean, "corrupted": self.corrupted})[source]

    def edits(self, patches: Sequence[Patch], pairs: Sequence[int]) -> dict[Key, Edit]:
        """What joint patches write into a batch of the host run that holds these pairs."""
        steps = []
        for patch, written, read in self._placed(patches, pairs):
            value = self.values(patch, list(pairs), read)
            steps.append((patch.site, patch_step(patch, written, value)))
        return joint_edits(steps)

    def starts(self, patches: Sequence[Patch], pairs: Sequence[int]) -> list[int]:
        """For each pair the first position of the host prompt that is patched; 0 without patches."""
        unlike = {id(written): written for _, written, _ in self._placed(patches, pairs)}.values()
        return [min((written[i][0] for written in unlike), default=0) for i in range(len(pairs))]

    def _placed(
        self, patches: Sequence[Patch], pairs: Sequence[int]
    ) -> Iterator[tuple[Patch, list[list[int]], list[list[int]]]]:
        """Each patch with the positions that it writes and reads on each pair, which similar patches share."""
        check = cancellation_check()
        known: dict[object, tuple[list[list[int]], list[list[int]]]] = {}
        for patch in patches:
            check()
            key = patch.site.component, patch.site.pos, self._reads_other_run(patch)
            if key not in known:
                places = [self.places(patch, self.pairs[i]) for i in pairs]
                written, read = ([[place[k] for place in each] for each in places] for k in (0, 1))
                known[key] = written, read
            yield patch, *known[key]

    def places(self, patch: Patch, pair: Pair) -> Places:
        """Where a patch writes and reads on a pair; see `places_of`."""
        return places_of(patch, pair, self.host_name, self._reads_other_run(patch))

    def values(
        self, patch: Patch, pairs: list[int], positions: list[list[int]]
    ) -> Float[Tensor, "..."]:
        """What the source of a patch holds for some pairs of equal length at positions to read; see `value_of`."""
        run = self.source if self._reads_other_run(patch) else self.host
        name = "clean prompt" if run is self.clean else "corrupted prompt"
        return value_of(patch, self.run_of(patch.source), pairs, positions, run.prompts, name)

    def _reads_other_run(self, patch: Patch) -> bool:
        """Whether a patch reads another run than the host, at the counterparts of the host's positions."""
        source = patch.source
        return not isinstance(source, Tensor) and self.run_of(source) is not self.host


def places_of(patch: Patch, pair: Pair, host: RunName, reads_other_run: bool) -> Places:
    """Where a patch writes and reads on a pair.

    Parameters
    ----------
    host
        Which prompt is patched.
    reads_other_run
        The patch reads a run of other tokens than the host's, so it acts only where positions have counterparts. A
        patch that writes a tensor, or the host's own values, acts on every position of the host.

    Raises
    ------
    CounterpartError
        A position without a counterpart, or a component that cannot be moved to another position.
    SiteError
        An index out of range, an empty range, or a name that the task does not have.
    """
    pos = patch.site.pos
    if reads_other_run:
        columns = pair.columns_at(pos)
        _check_portable(patch.site, pair, columns)
        return columns if host == "clean" else tuple((j, i) for i, j in columns)
    return tuple((i, i) for i in host_positions(pos, pair, host))


def host_positions(pos: Position, pair: Pair, host: RunName) -> Sequence[int]:
    """The positions of the host prompt that a position stands for; all of them without one.

    Raises
    ------
    CounterpartError, SiteError
        As in `places_of`.
    """
    if pos is None:
        return range(len(pair.prompt(host)))
    return pair.indices(pos) if host == "clean" else [j for _, j in pair.columns_at(pos)]


def _check_portable(site: Site, pair: Pair, columns: Columns) -> None:
    """Refuse to move queries, keys and patterns: they hold for their own position alone."""
    moved = [(i, j) for i, j in columns if i != j]
    if site.component in ("q", "k") and moved:
        i, j = moved[0]
        raise CounterpartError(
            f"{site}: q and k carry the position at which they were computed, and position {i} of the clean prompt has "
            f"its counterpart at {j} in the corrupted prompt. Patch v, z or the residual stream there:\n{pair.shown}"
        )
    same_keys = len(pair.columns) == len(pair.clean) == len(pair.corrupted)
    if site.component == "pattern" and not same_keys:
        raise CounterpartError(
            f"{site}: a row of a pattern has one number for each key, and these prompts have other keys: "
            f"{len(pair.clean)} and {len(pair.corrupted)} tokens with {len(pair.columns)} counterparts. "
            f"Patch z instead:\n{pair.shown}"
        )


def value_of(
    patch: Patch,
    source: object,
    pairs: list[int],
    positions: list[list[int]],
    prompts: Sequence[Sequence[int]],
    name: str,
) -> Float[Tensor, "..."]:
    """What a source holds for some pairs; it broadcasts to ``[pair, pos, ...]`` of the site.

    Parameters
    ----------
    source
        A `Run`, which is read in the place of the source prompts, or a tensor. A tensor with as many axes as the site,
        and one item for each pair of the task, is cut to the pairs that are asked for; any other serves every pair.
    pairs, positions
        Numbers of pairs of equal length, and the positions to read of each.
    prompts
        The source prompts of all pairs of the task.
    name
        What to call these prompts in an error.

    Raises
    ------
    PatchError
        The source is neither a tensor nor a run, or a run that does not fit.
    """
    if isinstance(source, Tensor):
        by_pair = source.ndim == _n_axes(patch.site) and len(source) == len(prompts) > 1
        return source[pairs] if by_pair else source
    if not isinstance(source, Run):
        raise PatchError(
            f"{patch.site}: the source is a {type(source).__name__}; expected a name, a Run or a tensor."
        )
    if len(source.prompts) not in (1, len(prompts)):
        raise PatchError(
            f"{patch.site}: the source run has {len(source.prompts)} prompts for {len(prompts)} pairs; "
            "expected one prompt, or one for each pair."
        )
    return source_value(patch, source, pairs, positions, len(prompts[pairs[0]]), name)


def _n_axes(site: Site) -> int:
    """How many axes an activation at a site has: pair, pos and d, and one more where the site means all heads."""
    return 4 if site.component in HEAD_COMPONENTS and site.index is None else 3

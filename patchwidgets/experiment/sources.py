"""Where a patch acts on a pair of prompts, and which values it writes there.

Costs nothing, except that a source whose activations are not recorded yet costs a forward pass over its prompts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from patchwidgets.directions import RunName
from patchwidgets.errors import PatchError
from patchwidgets.experiment.measured_run import MeasuredRun
from patchwidgets.experiment.places import Places, host_positions, places_of
from patchwidgets.experiment.references import Reference, References
from patchwidgets.experiment.source_values import (
    mean_values,
    noise_values,
    resampled_values,
    values_at,
)
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.batches import Batch
from patchwidgets.models.edits import (
    constant_of,
    cut_mask,
    joint_edits,
    not_a_source,
    patch_step,
    source_value,
)
from patchwidgets.models.indexing import key_of
from patchwidgets.models.run import Run
from patchwidgets.sites import HEAD_COMPONENTS, Patch, Site
from patchwidgets.sources.ablations import Mean, Noise, Resample
from patchwidgets.sources.attention import Cut
from patchwidgets.sources.moved import At, SteerDifference
from patchwidgets.sources.source import SourceData
from patchwidgets.tasks import Pair, Task


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
    references
        The runs of other prompts that ablations read.
    """

    clean: Run
    corrupted: Run
    host_name: RunName
    pairs: Sequence[Pair]
    references: References = field(default_factory=References)

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
        source = patch.source
        if isinstance(source, At) and source.site.pos is None:
            patch, source = Patch(source.site.at(patch.site.pos), source.run), source.run
        if isinstance(source, SourceData):
            return self._data_values(patch.site, source, pairs, positions)
        run = self.source if self._reads_other_run(patch) else self.host
        name = "clean prompt" if run is self.clean else "corrupted prompt"
        return value_of(patch, self.run_of(source), pairs, positions, run.prompts, name)

    def _data_values(
        self, site: Site, source: SourceData, pairs: list[int], positions: list[list[int]]
    ) -> Float[Tensor, "..."]:
        source.check(site)
        if isinstance(source, Noise):
            spread = self.references.embedding_spread((self.clean, self.corrupted))
            return noise_values(source, spread, self.host, pairs, positions)
        if isinstance(source, Cut):
            keys = [self._cut_keys(source, pair) for pair in pairs]
            return cut_mask(site, positions, keys, len(self.host.prompts[pairs[0]]))
        if isinstance(source, SteerDifference):
            return self._difference(site, pairs, positions)
        if isinstance(source, Mean | Resample | At):
            reference = self._reference(site, source)
            if isinstance(source, At):
                return values_at(site, source, reference, pairs, positions)
            run = reference.run if source.of is None else self.host
            n_tokens = len(run.prompts[pairs[0]])
            if isinstance(source, Mean):
                return mean_values(site, source, reference, positions, n_tokens)
            return resampled_values(site, source, reference, pairs, positions, n_tokens)
        constant = constant_of(source)
        assert constant is not None
        return value_of(Patch(site, constant), constant, pairs, positions, self.host.prompts, "")

    def _difference(
        self, site: Site, pairs: list[int], positions: list[list[int]]
    ) -> Float[Tensor, "..."]:
        """Clean − corrupted at positions of the source prompts and at their counterparts in the host prompts."""
        in_host = []
        for pair, of_pair in zip(pairs, positions, strict=True):
            columns = self.pairs[pair].columns
            of_source = {j: i for i, j in columns} if self.host_name == "clean" else dict(columns)
            in_host.append([of_source[position] for position in of_pair])
        patch = Patch(site)
        host, source = (
            value_of(patch, run, pairs, read, run.prompts, "prompt")
            for run, read in ((self.host, in_host), (self.source, positions))
        )
        return host - source if self.host_name == "clean" else source - host

    def _cut_keys(self, source: Cut, pair: int) -> list[int]:
        of_pair = self.pairs[pair]
        return [i for key in source.keys for i in host_positions(key, of_pair, self.host_name)]

    def _reference(self, site: Site, source: Mean | Resample | At) -> Reference:
        """The prompts that a source reads: of a run, of another task, or the experiment's own."""
        given = source.reads
        run = self.run_of(given if isinstance(given, Run) else source.run)
        if run is not self.clean and run is not self.corrupted:
            assert isinstance(run, Run)
            if isinstance(source, At):
                _check_prompts(site, run, len(self.pairs))
            return Reference(run)
        name: RunName = "clean" if run is self.clean else "corrupted"
        own = Reference(run, name, self.pairs, own=True)
        return self.references.of_task(given, name, own) if isinstance(given, Task) else own

    def record(self, patches: Iterable[Patch]) -> None:
        """Record all that ablations read of each run in one pass, and not component by component."""
        keys: dict[Run, set[Key]] = {}
        for patch in patches:
            source = patch.source
            if isinstance(source, SteerDifference):
                for run in (self.clean, self.corrupted):
                    keys.setdefault(run, set()).add(key_of(patch.site))
            if isinstance(source, Mean | Resample | At):
                site = source.site if isinstance(source, At) else patch.site
                run = self._reference(patch.site, source).run
                keys.setdefault(run, set()).add(key_of(site))
        for run, of_run in keys.items():
            for batch in run.batches:
                run.record(batch, of_run)

    def _reads_other_run(self, patch: Patch) -> bool:
        """Whether a patch reads another run than the host, at the counterparts of the host's positions."""
        source = patch.source
        if isinstance(source, SourceData):
            source = source.read_in_place
        if isinstance(source, Tensor):
            return False
        run = self.run_of(source)
        # A run of the very prompts that are patched, such as that of another patch, has their positions.
        return run is not self.host and getattr(run, "prompts", None) != self.host.prompts


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
        raise PatchError(f"{patch.site}: {not_a_source(source)}")
    _check_prompts(patch.site, source, len(prompts))
    return source_value(patch, source, pairs, positions, len(prompts[pairs[0]]), name)


def _check_prompts(site: Site, run: Run, n_pairs: int) -> None:
    if len(run.prompts) not in (1, n_pairs):
        raise PatchError(
            f"{site}: the source run has {len(run.prompts)} prompts for {n_pairs} pairs; expected one prompt, or one "
            "for each pair."
        )


def _n_axes(site: Site) -> int:
    """How many axes an activation at a site has: pair, pos and d, and one more where the site means all heads."""
    return 4 if site.component in HEAD_COMPONENTS and site.index is None else 3

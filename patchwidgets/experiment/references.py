"""Prompts that ablations take their values from: those of the experiment itself, of another task, or of a run.

Costs a forward pass over prompts of another task, once, and one for each component and layer that is not recorded yet.
Means are kept.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from patchwidgets.directions import RunName
from patchwidgets.errors import PatchError, SiteError
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.hooks.hook_points import Activation
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.batches import Batch
from patchwidgets.models.indexing import SiteActivation, key_of, read_site
from patchwidgets.models.run import Run, run_prompts
from patchwidgets.sites import Position, Site, indices_of
from patchwidgets.tasks import Pair, Task, encode_pairs

Add = Callable[[Tensor, Batch], tuple[Tensor, int]]
"""From a component of one batch, in float64, to a sum over its rows, perhaps also positions, and how many these are."""

_MEANS: "WeakKeyDictionary[Run, dict[object, Activation]]" = WeakKeyDictionary()
"""By run: the means of its activations, by component, layer and what they are taken over."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Prompts that have been run.

    Attributes
    ----------
    run
        The run of them.
    name
        Which prompts of the pairs they are.
    pairs
        Their pairs, which know names and counterparts; None for a run of the user's own.
    own
        Whether they are the prompts of the experiment itself.
    """

    run: Run
    name: RunName = "clean"
    pairs: Sequence[Pair] | None = None
    own: bool = False

    @property
    def lengths(self) -> list[int]:
        """How many tokens each prompt has."""
        return [len(prompt) for prompt in self.run.prompts]

    def positions(self, row: int, pos: Position) -> list[int]:
        """Return where a position of a site is in one of the prompts; it counts in the clean prompt of its pair.

        Raises
        ------
        SiteError
            The prompt does not have the position, or nobody has named it.
        """
        if self.pairs is not None:
            pair = self.pairs[row]
            if self.name == "clean":
                return pair.indices(pos)
            return [corrupted for _, corrupted in pair.columns_at(pos)]
        if isinstance(pos, str):
            raise SiteError(
                f"A run has no named positions; write an index instead of {pos!r}, or give the task of its prompts."
            )
        return indices_of(pos, len(self.run.prompts[row]), {})

    def read(self, row: int, site: Site, positions: Sequence[int]) -> SiteActivation:
        """Return the activation at a site of one prompt, at these positions."""
        return read_site(self.run.activation_of([row], key_of(site)), site, [list(positions)])

    def mean_at_positions(self, site: Site, n_tokens: int) -> Activation:
        """Return the mean of a whole component over prompts, at each position, ``[1, pos, *unit]``.

        Raises
        ------
        PatchError
            The prompts do not all have `n_tokens` tokens.
        """
        shortest, longest = min(self.lengths), max(self.lengths)
        if not shortest == longest == n_tokens:
            have = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
            raise PatchError(
                f"{site}: the prompts of the mean have {have} tokens and the patched prompt {n_tokens}, so that their "
                "positions do not correspond. Take mean(per='pos_name') at a site with one position, as in "
                f"'{site.name}@S2' or '{site.name}@-1', or mean(per=None) over all positions."
            )

        def add(activation: Tensor, _batch: Batch) -> tuple[Tensor, int]:
            return activation.sum(0, keepdim=True), len(activation)

        return self._mean(key_of(site), "pos", add)

    def mean_over_positions(self, site: Site) -> Activation:
        """Return the mean of a whole component over prompts and positions, ``[1, 1, *unit]``."""

        def add(activation: Tensor, _batch: Batch) -> tuple[Tensor, int]:
            return activation.sum((0, 1), keepdim=True), len(activation) * activation.shape[1]

        return self._mean(key_of(site), None, add)

    def mean_at_named(self, site: Site) -> Activation:
        """Return the mean of a whole component over prompts, at the one position of a site, ``[1, 1, *unit]``."""

        def add(activation: Tensor, batch: Batch) -> tuple[Tensor, int]:
            positions = [self.positions(row, site.pos)[0] for row in batch.rows]
            return activation[range(len(positions)), positions].sum(0)[None, None], len(positions)

        return self._mean(key_of(site), ("pos_name", self.name, site.pos, self.pairs is None), add)

    def _mean(self, key: Key, over: object, add: Add) -> Activation:
        means = _MEANS.setdefault(self.run, {})
        if (key, over) not in means:
            sums = [
                add(self.run.activation(batch, key).cpu().double(), batch)
                for batch in self.run.batches
            ]
            total = torch.stack([of_batch for of_batch, _ in sums]).sum(0)
            means[(key, over)] = total / sum(n for _, n in sums)
        return means[(key, over)]


@dataclass(frozen=True, eq=False)
class References:
    """Runs of other tasks' prompts, each made once, and the spread of the embedding."""

    _of_tasks: dict[tuple[str, RunName], Reference] = field(default_factory=dict)
    _spread: list[float] = field(default_factory=list)

    def of_task(self, task: Task, name: RunName, own: Reference) -> Reference:
        """Return the clean or the corrupted prompts of a task, which may be the experiment's own.

        Parameters
        ----------
        own
            These prompts of the experiment itself.
        """
        key = task.json_text(), name
        if key not in self._of_tasks:
            layout, tokenizer = own.run.layout, own.run.tokenizer
            pairs = encode_pairs(task, tokenizer)
            if pairs == own.pairs:
                self._of_tasks[key] = own
            else:
                run = run_prompts(layout, tokenizer, [pair.prompt(name) for pair in pairs])
                self._of_tasks[key] = Reference(run, name, pairs)
        return self._of_tasks[key]

    def embedding_spread(self, runs: Iterable[Run]) -> float:
        """Return the standard deviation of the input embedding, over all numbers of all tokens of some runs."""
        if not self._spread:
            check = cancellation_check()
            numbers = []
            for run in runs:
                for batch in run.batches:
                    check()
                    numbers.append(run.activation(batch, ("embed", None)).cpu().double().flatten())
            self._spread.append(float(torch.cat(numbers).std()))
        return self._spread[0]

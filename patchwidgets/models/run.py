"""A run of the model: its tokens and last logits; other logits and activations on demand.

`run_prompts` costs one forward pass per batch. Activations, or logits at another position, that are not recorded yet
cost another one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import SiteError
from patchwidgets.hooks.hook_points import Activation
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.attached import check_dictionaries
from patchwidgets.models.batches import Batch, in_batches, in_order
from patchwidgets.models.forward import forward, gather_entries, union_of_positions
from patchwidgets.models.indexing import SiteActivation, key_of, read_site
from patchwidgets.models.layout import Layout
from patchwidgets.models.lenses.lensed import Lensed
from patchwidgets.models.patterns import labelled, pattern_of, pattern_site, rows_of_one_length
from patchwidgets.models.resolve import resolve
from patchwidgets.models.run_attribution import AttributedRun
from patchwidgets.models.top_tokens import TopToken, select_pair, top_tokens
from patchwidgets.models.weights_mark import WeightsMark
from patchwidgets.sites import Entry, Site
from patchwidgets.tokens import Tokenizer, sequence_strings

if TYPE_CHECKING:
    import xarray as xr


class Run(AttributedRun, Lensed):
    """One or several prompts, run through the model without patches; `Model.run` returns it.

    ``run[site]`` is a clone of the activation at a site. If `Model.run` did not record it, the model runs once more.

    Attributes
    ----------
    prompts
        Token ids of each prompt.
    tokens
        The same as text.
    logits
        float32 ``[prompt, vocabulary]`` at the last position.
    batches
        The prompts in the groups in which they run.
    weights
        What the weights were before it ran. Once they have changed, nothing can be read but `logits`.

    Examples
    --------
    >>> run = model.run("12+34=", record=["L1.H2"])
    >>> run.tokens[-2:], run.top_tokens(1)[0].token, tuple(run["L1.H2"].shape)
    ([' 34', ' ='], ' 46', (1, 5, 32))
    """

    def __init__(
        self,
        layout: Layout,
        tokenizer: Tokenizer,
        prompts: Sequence[tuple[int, ...]],
        batches: Sequence[Batch],
        logits: Float[Tensor, "prompt vocabulary"],
        weights: WeightsMark,
    ) -> None:
        super().__init__(layout, tokenizer, list(prompts), list(batches), logits, weights)
        self._other_logits: dict[Entry, Tensor] = {}

    def __repr__(self) -> str:
        shown = "".join(sequence_strings(self.tokenizer, self.prompts[0]))
        return f"Run({shown!r}{'' if len(self.prompts) == 1 else f' and {len(self.prompts) - 1} more'})"

    @property
    def tokens(self) -> list[str] | list[list[str]]:
        """The tokens of the prompt; for several prompts a list of lists."""
        tokens = [sequence_strings(self.tokenizer, prompt) for prompt in self.prompts]
        return tokens[0] if len(tokens) == 1 else tokens

    @property
    def value(self) -> float:
        """The first metric of the experiment that this run belongs to.

        Raises
        ------
        SiteError
            It belongs to none, as every run that `Model.run` returns.
        """
        raise SiteError("This run belongs to no experiment, so it has no metric; read its logits.")

    def top_tokens(self, k: int = 5, pair: int | None = None) -> list[TopToken]:
        """Return the `k` most probable next tokens, of one prompt or by mean probability over all prompts.

        Parameters
        ----------
        k
            How many.
        pair
            The index of a prompt; None for all.

        Examples
        --------
        >>> [top.token for top in exp.clean.top_tokens(2)]
        [' Mary', ' John']
        """
        return top_tokens(self.tokenizer, select_pair(self.logits, pair), k)

    def logits_at(self, entries: Sequence[Entry]) -> Float[Tensor, "entry vocabulary"]:
        """Return float32 logits at chosen positions, each given with its prompt; both count from 0.

        They are stored, so reading them again costs nothing.

        Examples
        --------
        >>> exp.clean.logits_at([(0, 3), (0, 9)]).shape
        torch.Size([2, 448])
        """
        last = [(row, len(prompt) - 1) for row, prompt in enumerate(self.prompts)]
        if list(entries) == last:
            return self.logits
        missing = set(entries) - self._other_logits.keys() - set(last)
        for batch in self.batches:
            positions = [sorted(pos for i, pos in missing if i == row) for row in batch.rows]
            self._record_logits(batch, positions)
        logits = self._other_logits | dict(zip(last, self.logits, strict=True))
        return torch.stack([logits[entry] for entry in entries])

    def __getitem__(self, site: str | Site) -> SiteActivation:
        """Return a clone of the activation at a site.

        A position is an index into this run's own prompts; in the runs of an experiment it may also be a name of the
        task.

        Returns
        -------
        Tensor
            ``[prompt, pos, d]``, ``[prompt, pos, 1]`` for one neuron, or ``[prompt, pos, head, d_head]`` for all heads.
            A pattern is ``[prompt, query, key]``, or ``[prompt, head, query, key]`` for all heads.

        Raises
        ------
        SiteError
            The site is unknown or out of range, or it is a pattern or covers all positions of prompts with different
            lengths.
        WeightsChangedError
            The weights have changed since the run.

        Examples
        --------
        >>> exp.clean["L1.H2@3:7"].shape
        torch.Size([1, 4, 32])
        """
        site = resolve(self.layout, site)
        places = self.places(site.pos)
        self.weights.check()
        check_dictionaries(self.layout.dictionaries, [key_of(site)])
        parts = []
        for batch in self.batches:
            indices = [list(places[row]) for row in batch.rows]
            parts.append(
                (batch.rows, read_site(self.activation(batch, key_of(site)), site, indices))
            )
        if len({part.shape[1:] for _, part in parts}) > 1:
            if site.component == "pattern":
                raise SiteError(
                    "The prompts differ in length, so their patterns have other keys; run them one by one."
                )
            raise SiteError(
                f"The prompts differ in length; name one position, as in '{site.name}@-1', or run them one by one."
            )
        return in_order(parts)

    def pattern(self, site: str | Site, pair: int | None = None) -> "xr.DataArray":
        """Return the attention pattern of a head, or of all heads of a layer, with its tokens.

        Parameters
        ----------
        site
            A head such as ``"L9.H6"``, or ``"L9.pattern"`` for all heads of a layer.
        pair
            The index of a prompt; None for all, which must then have one length.

        Returns
        -------
        DataArray
            Probabilities over query and key, with ``query_token`` and ``key_token``; ``head`` before them for all
            heads, and ``pair`` first for several prompts.

        Raises
        ------
        SiteError, RefusedError
            No head, a position, patterns that the model does not show, or prompts of several lengths.
        TaskError
            There is no such prompt.

        Examples
        --------
        >>> at_end = exp.clean.pattern("L1.H2").isel(query=-1)
        >>> key = int(at_end.idxmax())
        >>> at_end["key_token"].values[key], round(float(at_end[key]), 2)
        (' Mary', 0.99)
        """
        self.weights.check()
        site = pattern_site(self.layout, site)
        rows = rows_of_one_length(pair, [[len(prompt) for prompt in self.prompts]])
        patterns = pattern_of(self.activation_of(rows, key_of(site)), site)
        tokens = [sequence_strings(self.tokenizer, self.prompts[row]) for row in rows]
        return labelled(patterns, tokens, rows)

    def activation(self, batch: Batch, key: Key) -> Activation:
        """Return a whole component of one layer for a batch; it is not a clone, so do not change it."""
        self.record(batch, [key])
        return batch.activations[key]

    def activation_of(self, rows: list[int], key: Key) -> Activation:
        """Return a whole component for some prompts of equal length; it may not be a clone, so do not change it."""
        parts = []
        for batch in self.batches:
            of_batch = [row for row in rows if row in batch.rows]
            if of_batch == batch.rows:
                parts.append((of_batch, self.activation(batch, key)))
            elif of_batch:
                within = [batch.rows.index(row) for row in of_batch]
                parts.append((of_batch, self.activation(batch, key)[within]))
        if len({part.shape[1:] for _, part in parts}) > 1:
            raise SiteError(
                "The prompts of the source run differ in length where those of the host run do not; "
                "run source prompts of equal length, or a single one."
            )
        return in_order(parts)

    def record(self, batch: Batch, keys: Iterable[Key]) -> None:
        """Record, in one forward pass, those activations that are not recorded yet."""
        missing = [key for key in keys if key not in batch.activations]
        if missing:
            activations = forward(
                self.layout, batch.ids, self.edits(batch.rows), missing
            ).activations
            self.weights.check()
            batch.activations |= activations

    def recorded(
        self, keys: Iterable[Key], rows: Sequence[int] | None = None
    ) -> Iterator[tuple[list[int], Mapping[Key, Activation]]]:
        """Yield the prompts of each batch, and its activations with at least these; do not change them.

        With `rows` only the batches that hold one of these prompts.
        """
        keys = list(keys)
        for batch in self.batches:
            if rows is not None and not set(batch.rows) & set(rows):
                continue
            self.record(batch, keys)
            yield batch.rows, batch.activations

    def _record_logits(self, batch: Batch, read_positions: Sequence[Sequence[int]]) -> None:
        """Record the logits at some positions of each row."""
        if keep := union_of_positions(read_positions):
            logits = forward(self.layout, batch.ids, self.edits(batch.rows), keep=keep).logits
            self.weights.check()
            entries = [
                (row, pos)
                for row, read in zip(batch.rows, read_positions, strict=True)
                for pos in read
            ]
            self._other_logits |= zip(
                entries, gather_entries(logits, keep, read_positions), strict=True
            )


def run_prompts(
    layout: Layout,
    tokenizer: Tokenizer,
    prompts: Sequence[Sequence[int]],
    record: Iterable[Site] = (),
    batch_keys: Sequence[tuple[int, ...]] | None = None,
) -> Run:
    """Run prompts that are given as token ids.

    Parameters
    ----------
    record
        Sites to record in the same pass.
    batch_keys
        For each prompt the numbers in which the prompts of a batch must agree: its length, and perhaps more, such as
        the length of the other prompt of its pair. The largest of them counts as the prompt's tokens when a batch is
        filled. By default only the length counts.
    """
    ids = [tuple(prompt) for prompt in prompts]
    batches = in_batches(ids, batch_keys or [(len(prompt),) for prompt in ids])
    keys, weights = [key_of(site) for site in record], WeightsMark(layout.hf_model)
    logits = [(batch.rows, _run(layout, batch, keys)) for batch in batches]
    return Run(layout, tokenizer, ids, batches, in_order(logits), weights)


def _run(layout: Layout, batch: Batch, keys: Iterable[Key]) -> Float[Tensor, "row vocabulary"]:
    """Record some activations of a batch, and return its logits at the last position."""
    output = forward(layout, batch.ids, record=keys)
    batch.activations |= output.activations
    return output.logits[:, 0]

"""A run of the model: its tokens, its last logits; its other logits and its activations when they are asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from patchwidgets.errors import SiteError
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.forward import forward, gather_entries, union_of_positions
from patchwidgets.models.layout import Layout
from patchwidgets.models.resolve import resolve
from patchwidgets.sites import Entry, Site, indices_of
from patchwidgets.tokens import Tokenizer, token_strings

MAX_TOKENS = 4096
"""In one batch: a dataset of any size is run in pieces that fit."""


@dataclass(eq=False)
class Batch:
    """Prompts of equal length, run together; never padded.

    Attributes
    ----------
    rows
        Which prompts of the run these are.
    ids
        ``[row, pos]``.
    activations
        What has been recorded so far, ``[row, pos, ...]`` by component and layer.
    """

    rows: list[int]
    ids: Tensor
    activations: dict[Key, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class TopToken:
    """A token with its logit and its probability, of one prompt or means over the prompts of a run."""

    token: str
    id: int
    logit: float
    prob: float


class Run:
    """One or several prompts run through the model, unpatched; made by `Model.run`.

    Activations are recorded when they are first asked for, which runs the model once more; `Model.run` can record some
    beforehand. What is handed out is a clone: changing it changes nothing here.

    Attributes
    ----------
    prompts
        Token ids of each prompt.
    logits
        float32 ``[prompt, vocabulary]`` at the last position.
    batches
        The prompts as they are run together.
    """

    def __init__(
        self,
        layout: Layout,
        tokenizer: Tokenizer,
        prompts: Sequence[tuple[int, ...]],
        batches: Sequence[Batch],
        logits: Tensor,
    ) -> None:
        self.layout = layout
        self.tokenizer = tokenizer
        self.prompts = list(prompts)
        self.batches = list(batches)
        self.logits = logits
        self._logits_elsewhere: dict[Entry, Tensor] = {}

    def __repr__(self) -> str:
        shown = "".join(token_strings(self.tokenizer, self.prompts[0]))
        return f"Run({shown!r}{'' if len(self.prompts) == 1 else f' and {len(self.prompts) - 1} more'})"

    @property
    def tokens(self) -> list[str] | list[list[str]]:
        """The tokens of the prompt; of several prompts a list each."""
        found = [token_strings(self.tokenizer, prompt) for prompt in self.prompts]
        return found[0] if len(found) == 1 else found

    def top_tokens(self, k: int = 5, pair: int | None = None) -> list[TopToken]:
        """The `k` most probable next tokens of one prompt, or by mean probability over all of them."""
        return top_tokens(self.tokenizer, chosen(self.logits, pair), k)

    def logits_at(self, entries: Sequence[Entry]) -> Tensor:
        """Logits at prompts and positions (from 0), float32 ``[entry, vocabulary]``; computed once and kept."""
        ends = [(row, len(prompt) - 1) for row, prompt in enumerate(self.prompts)]
        if list(entries) == ends:
            return self.logits
        missing = set(entries) - self._logits_elsewhere.keys() - set(ends)
        for batch in self.batches:
            self._read(batch, [sorted(pos for i, pos in missing if i == row) for row in batch.rows])
        held = self._logits_elsewhere | dict(zip(ends, self.logits, strict=True))
        return torch.stack([held[entry] for entry in entries])

    def __getitem__(self, site: str | Site) -> Tensor:
        """The activation at a site, ``[prompt, pos, d]`` (all heads: ``[prompt, pos, head, d_head]``).

        A pattern is ``[prompt, query, key]``, of all heads ``[prompt, head, query, key]``.

        Raises
        ------
        SiteError
            Unknown or out of range, or all positions of prompts whose lengths differ.
        """
        site = resolve(self.layout, site)
        if isinstance(site.pos, str):
            raise SiteError(
                f"A run has no named positions; give {site.name} with an index instead of {site.pos!r}."
            )
        parts = []
        for batch in self.batches:
            indices = [site_indices(site, len(row)) for row in batch.ids]
            parts.append(
                (batch.rows, read_site(self.activation(batch, key_of(site)), site, indices))
            )
        if len({part.shape[1:] for _, part in parts}) > 1:
            raise SiteError(
                "The prompts differ in length; name one position, as in 'L9.H6@-1', or read them one by one."
            )
        return _in_order(parts)

    def activation(self, batch: Batch, key: Key) -> Tensor:
        """A whole component of one layer, ``[row, pos, ...]``; shared, so not to be changed."""
        self.record(batch, [key])
        return batch.activations[key]

    def activation_of(self, rows: list[int], key: Key) -> Tensor:
        """A whole component for some prompts of equal length, ``[row, pos, ...]``; shared, so not to be changed."""
        parts = []
        for batch in self.batches:
            wanted = [row for row in rows if row in batch.rows]
            if wanted == batch.rows:
                parts.append((wanted, self.activation(batch, key)))
            elif wanted:
                parts.append(
                    (wanted, self.activation(batch, key)[[batch.rows.index(row) for row in wanted]])
                )
        if len({part.shape[1:] for _, part in parts}) > 1:
            raise SiteError(
                "The prompts of the source run differ in length where those of the host run do not."
            )
        return _in_order(parts)

    def record(self, batch: Batch, keys: Iterable[Key]) -> None:
        """Record what is missing, in one forward pass."""
        missing = [key for key in keys if key not in batch.activations]
        if missing:
            _run(self.layout, batch, missing)

    def _read(self, batch: Batch, read_positions: Sequence[Sequence[int]]) -> None:
        """Keep the logits at positions of each row."""
        if keep := union_of_positions(read_positions):
            logits = forward(self.layout, batch.ids, keep=keep).logits
            entries = [
                (row, pos)
                for row, read in zip(batch.rows, read_positions, strict=True)
                for pos in read
            ]
            self._logits_elsewhere |= zip(
                entries, gather_entries(logits, keep, read_positions), strict=True
            )


def run_prompts(
    layout: Layout,
    tokenizer: Tokenizer,
    prompts: Sequence[Sequence[int]],
    record: Iterable[Site] = (),
    alike: Sequence[tuple[int, ...]] | None = None,
) -> Run:
    """Run prompts, given as token ids.

    Parameters
    ----------
    record
        Sites to record in the same pass.
    alike
        For each prompt its length, and other numbers that keep it apart: prompts run together where all are equal. By
        default the length alone.
    """
    ids = [tuple(prompt) for prompt in prompts]
    batches = _batches(ids, alike or [(len(prompt),) for prompt in ids])
    keys = [key_of(site) for site in record]
    logits = [(batch.rows, _run(layout, batch, keys)) for batch in batches]
    return Run(layout, tokenizer, ids, batches, _in_order(logits))


def _run(layout: Layout, batch: Batch, keys: Iterable[Key]) -> Tensor:
    """Record some activations of a batch; its logits ``[row, vocabulary]`` at the last position."""
    output = forward(layout, batch.ids, record=keys)
    batch.activations |= output.activations
    return output.logits[:, 0]


def top_tokens(tokenizer: Tokenizer, logits: Tensor, k: int) -> list[TopToken]:
    """The `k` next tokens of highest mean probability; logits ``[prompt, vocabulary]``."""
    probs, mean = logits.softmax(-1).mean(0), logits.mean(0)
    found = probs.topk(k).indices.tolist()
    names = token_strings(tokenizer, found)
    return [
        TopToken(t, i, float(mean[i]), float(probs[i])) for t, i in zip(names, found, strict=True)
    ]


def chosen(logits: Tensor, pair: int | None) -> Tensor:
    """All of ``[pair, vocabulary]``, or one pair alone."""
    return logits if pair is None else logits[[pair]]


def key_of(site: Site) -> Key:
    """The component and layer of a site."""
    return site.component, site.layer


def read_site(activation: Tensor, site: Site, indices: list[list[int]]) -> Tensor:
    """A site out of a whole component, ``[row, pos, ...]`` at each row's indices.

    A pattern is ``[row, query, head, key]`` there, and comes out as ``[row, query, key]`` of one head or
    ``[row, head, query, key]`` of all.
    """
    chosen = activation[_rows(activation), _positions(indices, activation)]
    if site.index is not None:
        return chosen[..., site.index, :] if activation.ndim == 4 else chosen[..., [site.index]]
    return chosen.transpose(1, 2) if site.component == "pattern" else chosen


def write_site(activation: Tensor, site: Site, indices: list[list[int]], value: Tensor) -> Tensor:
    """A copy of a whole component with `value`, as `read_site` gives it, at the site."""
    changed = activation.clone()
    where = (_rows(activation), _positions(indices, activation))
    if site.index is not None:
        changed[(*where, site.index)] = value if activation.ndim == 4 else value[..., 0]
    else:
        changed[where] = value.transpose(1, 2) if site.component == "pattern" else value
    return changed


def _rows(activation: Tensor) -> Tensor:
    return torch.arange(len(activation), device=activation.device)[:, None]


def _positions(indices: list[list[int]], activation: Tensor) -> Tensor:
    return torch.tensor(indices, device=activation.device)


def site_indices(site: Site, n: int) -> list[int]:
    """The positions of a site in any prompt of `n` tokens; it has no named ones."""
    return indices_of(site.pos, n, {})


def _batches(prompts: Sequence[Sequence[int]], alike: Sequence[tuple[int, ...]]) -> list[Batch]:
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for row, shape in enumerate(alike):
        by_shape.setdefault(shape, []).append(row)
    sizes = {shape: max(1, MAX_TOKENS // max(shape)) for shape in by_shape}
    return [
        Batch(part, torch.tensor([prompts[row] for row in part]))
        for shape, rows in by_shape.items()
        for part in (rows[i : i + sizes[shape]] for i in range(0, len(rows), sizes[shape]))
    ]


def _in_order(parts: Sequence[tuple[list[int], Tensor]]) -> Tensor:
    """Batches' rows put back into the order of the prompts; one batch as it is."""
    if len(parts) == 1:
        return parts[0][1]
    rows = torch.tensor([row for rows, _ in parts for row in rows])
    joined = torch.cat([part for _, part in parts])
    return joined[rows.argsort().to(joined.device)]

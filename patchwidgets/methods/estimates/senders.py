"""What every sender writes differently into the residual stream: the difference of source and host.

Costs two forward passes over the host's prompts and one over the source's; where a norm follows the heads, the norm for
each head.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from patchwidgets.errors import RefusedError
from patchwidgets.hooks.hook_points import HookPoint
from patchwidgets.hooks.hooks import Key
from patchwidgets.methods.estimates.points import EMBED
from patchwidgets.models.forward import running
from patchwidgets.models.layout import Layout
from patchwidgets.models.view import View
from patchwidgets.sweep.differentiable import AtColumns, Way

STREAM: Key = ("resid_pre", 0)


def sender_changes(
    way: Way, host: dict[Key, AtColumns], source: dict[Key, AtColumns]
) -> Float[Tensor, "sender pair column d_model"]:
    """Return source − host of what each of `patchwidgets.models.graph.senders` writes, at positions with counterparts.

    Of a head it is the difference of what the block adds with this one head replaced, a norm behind it included.

    Parameters
    ----------
    host, source
        What `sender_keys` names, of both runs.

    Raises
    ------
    RefusedError
        Something unknown stands between a head and the stream.
    """
    layout = way.host.experiment.model.layout
    wide = torch.promote_types(layout.hf_model.dtype, torch.float32)
    embedded = way.host.recorded([STREAM], {EMBED: way.host.writing(source[EMBED])})
    parts = [(embedded[STREAM] - host[STREAM])[None]]
    with running(layout) as view:
        for layer in range(layout.n_layers):
            z, mlp_out = ("z", layer), ("mlp_out", layer)
            attention = _Attention(layout, layer, view)
            parts.append(attention.head_changes(host[z], source[z], host["attn_out", layer]))
            parts.append((source[mlp_out] - host[mlp_out])[None])
    changes = torch.cat([part.to(layout.device, wide) for part in parts])
    return changes * _changed(way).to(changes.device)[..., None]


def sender_keys(layout: Layout) -> list[Key]:
    """What has to be recorded of both runs for `sender_changes`."""
    parts = ("z", "attn_out", "mlp_out")
    return [EMBED, STREAM, *((part, layer) for layer in range(layout.n_layers) for part in parts)]


@dataclass(frozen=True, eq=False)
class _Attention:
    """From the heads of a layer to the stream: its output projection, and perhaps a norm behind it."""

    layout: Layout
    layer: int
    view: View

    def head_changes(
        self,
        host: Float[Tensor, "pair column head d_head"],
        source: Float[Tensor, "pair column head d_head"],
        attn_out: Float[Tensor, "pair column d_model"],
    ) -> Float[Tensor, "head pair column d_model"]:
        """What the block adds with one head replaced, less what it adds in the host."""
        heads = torch.arange(host.shape[2], device=host.device)
        replaced = torch.zeros_like(host).expand(len(heads), *host.shape).clone()
        if self.layout.output_projection("z", self.layer) is not None:
            # Linear: the difference goes through alone, which rounds less than a difference of sums.
            replaced[heads, :, :, heads] = (source - host).movedim(2, 0)
            return self._written(replaced) - self._written(torch.zeros_like(host[:1, :1]))
        replaced += host
        replaced[heads, :, :, heads] = source.movedim(2, 0)
        again = self._written(host)
        self._check_known(again, attn_out)
        return self._written(replaced) - again

    def _written(
        self, z: Float[Tensor, "*batch column head d_head"]
    ) -> Float[Tensor, "*batch column d_model"]:
        """What attention adds to the stream with these heads."""
        point = self.layout.hook_points["z", self.layer]
        output = self.layout.hook_points["attn_out", self.layer]
        *batch, columns = z.shape[:-2]
        written = self.view.copy_of(point.module)(z.reshape(-1, columns, z.shape[-2] * z.shape[-1]))
        if output.module is not point.module:
            written = self.view.copy_of(output.module)(written)
        assert isinstance(output, HookPoint)
        added: Tensor = output.read(written, columns)
        return added.reshape(*batch, columns, -1)

    def _check_known(
        self, found: Float[Tensor, "*batch d_model"], attn_out: Float[Tensor, "*batch d_model"]
    ) -> None:
        eps = torch.finfo(self.layout.hf_model.dtype).eps
        gap = float((found - attn_out).float().norm() / attn_out.float().norm().clamp_min(1e-30))
        if gap > (4 if eps > 1e-4 else 256) * eps:
            raise RefusedError(
                f"No edges from heads here: more than the output projection and a norm stands between the heads of "
                f"layer {self.layer} and the residual stream of {self.layout.name} (relative gap {gap:.1e}). Estimate "
                "components instead, as in exp.estimate('z')."
            )


def _changed(way: Way) -> Bool[Tensor, "pair column"]:
    """Whether a position can differ: not before the first change, where both prompts begin alike."""
    return torch.tensor([list(_changed_columns(way, i)) for i in range(len(way.pairs))])


def _changed_columns(way: Way, i: int) -> Iterator[bool]:
    pair = way.host.experiment.pairs[way.pairs[i]]
    changed = False
    for host, source in zip(
        way.host.positions[i].tolist(), way.source.positions[i].tolist(), strict=True
    ):
        changed = changed or host != source or host >= pair.prefix
        yield changed

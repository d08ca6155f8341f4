"""What a head writes into the residual stream, read as tokens. Costs a pass, and the output embedding of one vector.

The write is read as the logits read it directly: through the final norm with the scale that it has in that run, and the
output embedding. So a token's number is what `Run.logit_attribution` says of the head for that token.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from patchwidgets.errors import LensError, RefusedError, SiteError
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.attribute import found_transform
from patchwidgets.models.final_norm import FrozenNorm, find_final_norm
from patchwidgets.models.forward import running
from patchwidgets.models.layout import Layout
from patchwidgets.models.linear_maps import linear_map, widened
from patchwidgets.models.one_position import OnePosition, read_one_position
from patchwidgets.models.resolve import resolve
from patchwidgets.models.view import View
from patchwidgets.sites import Site
from patchwidgets.tokens import Tokenizer, token_strings

MAX_WRITTEN = 100


@dataclass(frozen=True)
class WrittenToken:
    """A token, and what a head adds to its logit directly."""

    token: str
    id: int
    logit: float


@dataclass(frozen=True)
class Written:
    """The tokens that a head writes.

    Attributes
    ----------
    up, down
        The tokens whose logits it raises most, and lowers most; the strongest first.

    Examples
    --------
    See `Run.written`.
    """

    up: tuple[WrittenToken, ...]
    down: tuple[WrittenToken, ...]

    def __repr__(self) -> str:
        up, down = (
            ", ".join(f"{each.token!r} {each.logit:+.2f}" for each in tokens[:3])
            for tokens in (self.up, self.down)
        )
        return f"Written(up: {up}; down: {down})"


def checked_head(layout: Layout, site: str | Site, k: int) -> Site:
    """Return the head whose write is asked for.

    Raises
    ------
    SiteError
        It is no single head, or has a position.
    LensError
        Too many tokens.
    RefusedError
        The model's attention cannot be split into what its heads write.
    """
    head = resolve(layout, site)
    if head.component != "z" or head.index is None or head.pos is not None:
        raise SiteError(
            f"{head} is no head; name one, as in written('L9.H6'), and the position apart, as in pos=-1."
        )
    if not isinstance(k, int) or not 1 <= k <= min(MAX_WRITTEN, layout.limits.n_tokens):
        raise LensError(f"written() lists 1 to {MAX_WRITTEN} tokens; got k={k!r}.")
    assert head.layer is not None
    if layout.output_projection("z", head.layer) is None:
        raise RefusedError(
            f"What {head} writes cannot be told from what other heads write: {layout.name} applies a norm to the "
            "output of its attention before it adds it, which is not linear."
        )
    return head


def written(
    layout: Layout,
    tokenizer: Tokenizer,
    ids: Int[Tensor, "1 pos"],
    head: Site,
    pos: int,
    k: int,
    edits: Mapping[Key, Edit] | None = None,
) -> Written:
    """Read what a head writes at one position of a prompt, perhaps with edits; `Run.written` documents it."""
    last: Key = ("resid_post", layout.n_layers - 1)
    read = read_one_position(layout, ids, [("z", head.layer), last], [pos], edits)
    frozen = find_final_norm(layout).frozen(read.activations[last])
    with running(layout) as view:
        logits = _logits(layout, view, head, read, frozen)
    return Written(_top(tokenizer, logits, k), _top(tokenizer, -logits, k, -1))


def _logits(
    layout: Layout, view: View, head: Site, read: OnePosition, frozen: FrozenNorm
) -> Float[Tensor, "vocabulary"]:
    assert head.layer is not None
    assert head.index is not None
    module = layout.output_projection("z", head.layer)
    assert module is not None
    z = widened(read.activations[("z", head.layer)])
    alone = torch.zeros_like(z)
    alone[:, head.index] = z[:, head.index]
    projection = linear_map(view, module, z[0].numel())
    write = projection(alone.flatten(1).to(projection.weight.device)) * layout.scale
    change = frozen(write.to(frozen.output.device))
    words = linear_map(view, layout.hf_model.get_output_embeddings(), change.shape[-1])
    own = words(frozen.output.to(words.weight.device)) + words.bias
    logits = read.logits.to(own)
    known = logits[0].isfinite().nonzero()[:, 0]  # of entries that are no tokens some models say −∞
    transform = found_transform(layout, own[:, known], logits, known.tolist())
    return (words(change.to(words.weight.device)) * transform.scale)[0].cpu()


def _top(
    tokenizer: Tokenizer, logits: Float[Tensor, "vocabulary"], k: int, sign: int = 1
) -> tuple[WrittenToken, ...]:
    top = logits.topk(k)
    ids = top.indices.tolist()
    values = (sign * top.values).tolist()
    names = token_strings(tokenizer, ids)
    return tuple(map(WrittenToken, names, ids, values))

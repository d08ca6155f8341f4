"""The average Jacobian of the last residual stream by an earlier one, which the Jacobian lens reads through.

For a prompt with source positions p and target positions p′ it is the mean over p of Σ_{p′ ≥ p} ∂h_last[p′] / ∂h_l[p].
Costs one forward pass over the prompts and one backward pass per number of the stream, for all streams together.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from patchwidgets.errors import RefusedError
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.hooks.hooks import Edit, Key, hooked
from patchwidgets.models.backward import no_gradient_reason
from patchwidgets.models.forward import logits_to_keep, running
from patchwidgets.models.layout import Layout

TOKENS_AT_ONCE = 1024
"""How many tokens one backward pass takes; SmolLM2 keeps about 1.5 MB for each of them."""

Jacobian = Float[Tensor, "d_model d_model"]
"""``[i, j]``: how number i of the last stream grows with number j of an earlier one."""


def jacobian_sums(
    layout: Layout,
    ids: Int[Tensor, "prompt pos"],
    keys: Sequence[Key],
    positions: range,
    tokens_at_once: int = TOKENS_AT_ONCE,
) -> dict[Key, Jacobian]:
    """Return, for each stream, the sum of the Jacobians of some prompts of equal length.

    Parameters
    ----------
    ids
        Token ids.
    keys
        The streams: ``resid_pre``, ``resid_mid`` and ``resid_post``, by layer.
    positions
        Which positions are sources and targets.
    tokens_at_once
        How many tokens one backward pass takes: each copy of the prompts gives another row of the Jacobians.

    Returns
    -------
    dict
        float32, on the CPU.

    Raises
    ------
    RefusedError
        Gradients cannot pass through the weights.

    Notes
    -----
    The estimator of Gurnee, Sofroniew, Lindsey et al. (2026), "Verbalizable Representations Form a Global Workspace in
    Language Models".
    """
    if reason := no_gradient_reason(layout.hf_model):
        raise RefusedError(f"No Jacobian lens can be fitted on this model: {reason}.")
    layout.limits.check(ids)
    n_copies = min(layout.d_model, max(1, tokens_at_once // ids.numel()))
    last: Key = ("resid_post", layout.n_layers - 1)
    kept: dict[Key, Tensor] = {}
    edits = {key: _keeping(key, kept) for key in (*keys, last)}
    with (
        running(layout) as view,
        torch.inference_mode(False),
        torch.enable_grad(),
        hooked(layout.outer_modules, layout.hook_points, edits, on=view.copy_of),
    ):
        copies = ids.repeat(n_copies, 1).to(layout.device)
        options = logits_to_keep(view.model, (ids.shape[1] - 1,), ids.shape[1])
        view.model(input_ids=copies, use_cache=False, **options)
        return _backward(kept, keys, last, n_copies, positions)


def _backward(
    kept: Mapping[Key, Float[Tensor, "copy*prompt pos d_model"]],
    keys: Sequence[Key],
    last: Key,
    n_copies: int,
    positions: range,
) -> dict[Key, Jacobian]:
    """Collect the rows of the Jacobians, as many with each backward pass as there are copies of the prompts."""
    target, check = kept[last], cancellation_check()
    d_model = target.shape[-1]
    at = torch.tensor(positions, device=target.device)
    rows: dict[Key, list[Tensor]] = {key: [] for key in keys}
    for start in range(0, d_model, n_copies):
        check()
        n = min(n_copies, d_model - start)
        cotangent = torch.zeros_like(target).unflatten(0, (n_copies, -1))
        for i in range(n):
            cotangent[i, :, at, start + i] = 1
        is_last = start + n == d_model
        gradients = torch.autograd.grad(
            target, [kept[key] for key in keys], cotangent.flatten(0, 1), retain_graph=not is_last
        )
        for key, gradient in zip(keys, gradients, strict=True):
            of_sources = gradient.unflatten(0, (n_copies, -1))[:n, :, at.to(gradient.device)]
            rows[key].append(of_sources.float().mean(2).sum(1).cpu())
    return {key: torch.cat(parts) for key, parts in rows.items()}


def _keeping(key: Key, kept: dict[Key, Tensor]) -> Edit:
    """Return an edit that changes nothing and keeps the stream for autograd, which begins at the first one."""

    def keep(stream: Tensor) -> Tensor:
        is_leaf = not stream.requires_grad
        kept[key] = stream.detach().clone().requires_grad_() if is_leaf else stream.clone()
        return kept[key]

    return keep

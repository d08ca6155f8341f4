"""Fitting the Jacobian lens of a model on text: from Python, or by a command that keeps it in the cache.

    python -m patchwidgets.methods.fit_lens smollm2

Costs one backward pass over each prompt per number of the stream: for a prompt of 64 tokens of SmolLM2 85 s of one
core, so 23 minutes for the 16 prompts that the command takes by default. `LensFit.sampling_error` says how far they
lead: with SmolLM2 .53 in layer 0, .26 in layer 10, .08 in layer 23. Four times as many prompts halve it.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from patchwidgets.bars import Bar, progress_bar
from patchwidgets.errors import LensError
from patchwidgets.hooks.hooks import Key
from patchwidgets.methods.lens_texts import own_texts, teaching_texts
from patchwidgets.models.layout import Layout
from patchwidgets.models.lenses.estimator import TOKENS_AT_ONCE, Jacobian, jacobian_sums
from patchwidgets.models.lenses.fitted import fitted_folder, lens_path
from patchwidgets.models.lenses.jacobian_lens import JacobianLens
from patchwidgets.models.lenses.lens_fit import LensFit
from patchwidgets.models.lenses.readout import last_stream
from patchwidgets.models.loading import load
from patchwidgets.models.model import Model
from patchwidgets.models.weights_mark import WeightsMark, weights_checksum
from patchwidgets.sites import Site

SKIP_FIRST, MAX_TOKENS = 16, 128
"""What the reference implementation takes by default."""
COPIES = 8
"""At least so many copies of a batch of short prompts run together: more copies, fewer and shorter backward passes."""
PACKAGES = ("patchwidgets", "torch", "transformers")
_USAGE = "python -m patchwidgets.methods.fit_lens"

Prompt = str | Sequence[int]


def fit_lens(
    model: Model,
    prompts: Sequence[Prompt],
    *,
    max_tokens: int = MAX_TOKENS,
    skip_first: int = SKIP_FIRST,
    text: str = "text of the user's",
    progress: bool = True,
) -> JacobianLens:
    """Fit the Jacobian lens of a model: for every residual stream, the average Jacobian of the last one by it.

    Of each prompt it is the mean over source positions p of Σ_{p′ ≥ p} ∂h_last[p′] / ∂h[p], where p and p′ are all
    positions but the first `skip_first` and the last; then the mean over prompts.

    Parameters
    ----------
    prompts
        Ordinary text of the kind that the model was made for, as texts or as token ids. The authors of the method
        recommend about a thousand, and say that a hundred serve nearly as well; the result says how far it may be off.
    max_tokens
        Prompts are cut to this many tokens.
    skip_first
        How many positions at the beginning of each prompt are left out: the first ones are attention sinks.
    text
        What the prompts are, in words, for the description of the fit.
    progress
        Show a bar.

    Raises
    ------
    LensError
        No prompts, or one that has no position left.
    RefusedError
        Gradients cannot pass through the weights, or the weights are not in memory.
    TaskError
        A prompt cannot be encoded, or is too long for the model.

    References
    ----------
    Gurnee, Sofroniew, Lindsey et al. (2026), "Verbalizable Representations Form a Global Workspace in Language Models".

    Examples
    --------
    >>> lens = pw.fit_lens(model, ["12+34=46", "17+21=38"], skip_first=1, progress=False)
    >>> lens
    JacobianLens(8 streams of 'teaching model', fitted on 2 prompts)
    >>> lens.fit.n_positions, lens.fit.n_tokens
    (8, 12)
    >>> seen = model.run("12+34=").lens(method=lens).to_frame()
    """
    layout = model.layout
    ids = [_ids(model, prompt, i, max_tokens, skip_first) for i, prompt in enumerate(prompts)]
    if not ids:
        raise LensError("A lens is fitted on prompts, and there are none.")
    mark, keys = WeightsMark(layout.hf_model), streams_of(layout)
    with progress_bar(len(ids), "prompt", progress) as bar:
        halves = [_mean(layout, ids[i::2], keys, skip_first, bar) for i in (0, 1)]
    mark.check()
    weights = [len(ids[i::2]) / len(ids) for i in (0, 1)]
    means = {key: weights[0] * halves[0][key] + weights[1] * halves[1][key] for key in keys}
    errors = {key: (halves[0][key] - halves[1][key]).norm() / 2 / means[key].norm() for key in keys}
    fit = LensFit(
        model=layout.name,
        weights=weights_checksum(layout.hf_model),
        dtype=str(layout.hf_model.dtype).removeprefix("torch."),
        target=_name(last_stream(layout)),
        n_prompts=len(ids),
        n_tokens=sum(map(len, ids)),
        n_positions=sum(len(each) - 1 - skip_first for each in ids),
        skip_first=skip_first,
        text=text,
        sampling_error={_name(key): float(each) for key, each in errors.items()},
        versions={package: version(package) for package in PACKAGES},
    )
    return JacobianLens(means, fit)


def streams_of(layout: Layout) -> list[Key]:
    """Return every stream before the last one, once each: a ``resid_post`` is the next layer's ``resid_pre``."""
    keys: list[Key] = [("resid_pre", 0)]
    for layer in range(layout.n_layers):
        keys += [(kind, layer) for kind in ("resid_mid", "resid_post")]
    return [key for key in keys if key in layout.hook_points and key != last_stream(layout)]


def _ids(model: Model, prompt: Prompt, i: int, max_tokens: int, skip_first: int) -> tuple[int, ...]:
    ids = tuple(model.encode(prompt) if isinstance(prompt, str) else prompt)[:max_tokens]
    if skip_first < 0 or len(ids) < skip_first + 2:
        raise LensError(
            f"Prompt {i} has {len(ids)} tokens. Without the first {skip_first} and the last one, none is left to "
            "average over. Give longer prompts, or a smaller skip_first."
        )
    return ids


def _mean(
    layout: Layout,
    prompts: Sequence[tuple[int, ...]],
    keys: Sequence[Key],
    skip_first: int,
    bar: Bar,
) -> dict[Key, Jacobian]:
    """Return the mean of the Jacobians over some prompts; 0 without prompts."""
    width = layout.d_model
    sums = {key: torch.zeros(width, width) for key in keys}
    for batch in _batches(prompts):
        positions = range(skip_first, batch.shape[1] - 1)
        for key, added in jacobian_sums(layout, batch, keys, positions).items():
            sums[key] += added
        bar.update(len(batch))
    return {key: total / len(prompts) if prompts else total for key, total in sums.items()}


def _batches(prompts: Sequence[tuple[int, ...]]) -> Iterator[Int[Tensor, "prompt pos"]]:
    """Yield a few prompts of equal length at a time."""
    by_length: dict[int, list[tuple[int, ...]]] = {}
    for prompt in prompts:
        by_length.setdefault(len(prompt), []).append(prompt)
    for length, equal in by_length.items():
        size = max(1, TOKENS_AT_ONCE // COPIES // length)
        for i in range(0, len(equal), size):
            yield torch.tensor(equal[i : i + size])


def _name(key: Key) -> str:
    return str(Site(key[0], key[1]))  # type: ignore[arg-type]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit the lens of a model on text of its own, and keep it where ``run.lens(method="jacobian")`` finds it."""
    parser = argparse.ArgumentParser(prog=_USAGE, description=main.__doc__)
    parser.add_argument(
        "model", nargs="?", help="as pw.load takes it; by default the teaching model"
    )
    parser.add_argument("--prompts", type=int, help="how many (16; of the teaching model 3500)")
    parser.add_argument("--tokens", type=int, default=64, help="of each prompt (64)")
    parser.add_argument("--skip-first", type=int, help="positions (16; of the teaching model 1)")
    parser.add_argument("--seed", type=int, default=0, help="of the text (0)")
    parser.add_argument("--dtype", default="float32", help="of the weights (float32)")
    parser.add_argument("--folder", type=Path, default=None, help="for the file (the cache)")
    chosen = parser.parse_args(arguments)
    model, teaching = load(chosen.model, dtype=chosen.dtype), chosen.model is None
    skip_first = (1 if teaching else SKIP_FIRST) if chosen.skip_first is None else chosen.skip_first
    n = chosen.prompts or (3500 if teaching else 16)
    prompts: Sequence[Prompt]
    if teaching:
        prompts = teaching_texts(n, chosen.seed)
        text = (
            f"prompts of its tasks with their answers, from the training part, seed {chosen.seed}"
        )
    else:
        prompts = own_texts(model, n, chosen.tokens, chosen.seed)
        text = f"text that it wrote itself at temperature 1 after a few words, seed {chosen.seed}"
    lens = fit_lens(model, prompts, max_tokens=chosen.tokens, skip_first=skip_first, text=text)
    folder = fitted_folder() if chosen.folder is None else chosen.folder
    folder.mkdir(parents=True, exist_ok=True)
    path = lens_path(folder, lens.fit.weights)
    lens.save(path)
    error = max(lens.fit.sampling_error.values())
    sys.stdout.write(f"{lens} in {path}\nsampling error at most {error:.1%}\n")


if __name__ == "__main__":
    main()

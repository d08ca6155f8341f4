"""Generation: what the host prompts are continued with, unpatched and patched.

The prompt of each pair is run twice, once with the patches; every further token costs a pass of one position in each
run (of all positions so far, in a model that cannot go on from recorded keys and values). Tokens are chosen here: of
the model's generation config only the end tokens are used, not penalties or suppressed tokens.
"""

import time
from collections.abc import Iterable, Mapping, Sequence

from jaxtyping import Int
from torch import Tensor
from transformers import DynamicCache

from patchwidgets.errors import PatchError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.noise import least_noise
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.methods.generation.continuations import (
    Continuation,
    FirstDifference,
    GeneratedPair,
    Generation,
)
from patchwidgets.methods.generation.continued_run import Choice, ContinuedRun, Logits, end_tokens
from patchwidgets.methods.generation.every_step import check_every_step, every_step_edits
from patchwidgets.models.batches import Batch
from patchwidgets.sites import Patch, Patchable
from patchwidgets.sources.source import check_one_draw
from patchwidgets.sweep.continuation import can_continue
from patchwidgets.tokens import sequence_strings


def generate(
    experiment: BaseExperiment,
    patches: Sequence[Patchable],
    max_new_tokens: int = 20,
    every_step: bool = False,
    temperature: float = 0.0,
    seed: int | None = None,
) -> Generation:
    """Continue the host prompts unpatched and patched; see `Experiment.generate`."""
    started = time.perf_counter()
    _check_numbers(max_new_tokens, temperature, seed)
    checked = experiment.checked(patches)
    check_one_draw(checked, "generate()")
    if every_step:
        check_every_step(experiment, checked)
    limits = experiment.model.layout.limits
    limits.check_room(max(map(len, experiment.host.prompts)), max_new_tokens)
    made: dict[int, GeneratedPair] = {}
    choice, noise_floor = Choice(temperature, seed), 0.0
    for batch in experiment.host.batches:
        steps = every_step_edits(experiment, checked, batch.rows) if every_step else {}
        of_batch, noise = _generate_batch(experiment, checked, batch, steps, max_new_tokens, choice)
        made |= zip(batch.rows, of_batch, strict=True)
        noise_floor = max(noise_floor, noise)
    experiment.check_weights(checked)
    return Generation(
        tuple(made[i] for i in range(len(made))),
        tuple(checked),
        experiment.direction,
        every_step,
        max_new_tokens,
        temperature,
        seed,
        noise_floor,
        time.perf_counter() - started,
    )


def _generate_batch(
    experiment: BaseExperiment,
    patches: Sequence[Patch],
    batch: Batch,
    steps: Mapping[Key, Edit],
    max_new_tokens: int,
    choice: Choice,
) -> tuple[list[GeneratedPair], float]:
    """Both continuations of the pairs of a batch, and the noise of a difference of two logits."""
    layout, pairs = experiment.model.layout, batch.rows
    ends, caches = end_tokens(layout), can_continue(experiment)
    written = experiment.sources.edits(patches, pairs)
    host, patched = (
        ContinuedRun(layout, batch.ids, ends, *edits, DynamicCache() if caches else None)
        for edits in (({}, {}), (written, steps))
    )
    first: list[FirstDifference | None] = [None] * len(pairs)
    noise_floor, stop_if_cancelled = 0.0, cancellation_check()
    for step in range(max_new_tokens):
        stop_if_cancelled()
        logits = [host.next_logits(), patched.next_logits()]
        if step == 0:
            noise_floor = _noise_floor(experiment, pairs, logits[0])
        noise = choice.noise(pairs, step, logits[0].shape[-1])
        tokens = [choice.tokens(of_run, noise) for of_run in logits]
        for row in range(len(pairs)):
            if first[row] is None and not host.ended(row):
                first[row] = _difference(experiment, step, row, logits, tokens)
        host.append(tokens[0])
        patched.append(tokens[1])
        if host.done and patched.done:
            break
    return [
        GeneratedPair(
            _text(experiment, batch.ids[row].tolist()),
            _continuation(experiment, host, row),
            _continuation(experiment, patched, row),
            first[row],
        )
        for row in range(len(pairs))
    ], noise_floor


def _difference(
    experiment: BaseExperiment,
    step: int,
    row: int,
    logits: Sequence[Logits],
    tokens: Sequence[Int[Tensor, "row"]],
) -> FirstDifference | None:
    """Both tokens of a row, if they differ, with their margins."""
    host, patched = (int(of_run[row]) for of_run in tokens)
    if host == patched:
        return None
    in_host, in_patched = (of_run[row] for of_run in logits)
    of_host, of_patched = experiment.model.token_strings([host, patched])
    return FirstDifference(
        step,
        of_host,
        of_patched,
        host_margin=float(in_host[host] - in_host[patched]),
        patched_margin=float(in_patched[patched] - in_patched[host]),
    )


def _noise_floor(experiment: BaseExperiment, pairs: Sequence[int], logits: Logits) -> float:
    """How much rounding moves a difference of two logits, by how far these are off those of the experiment."""
    known = experiment.host.logits[list(pairs)].cpu()
    off = float((logits - known).nan_to_num(nan=0.0).abs().max())
    largest = float(known.abs().nan_to_num(posinf=0.0).max())
    return 2 * max(off, least_noise(largest, experiment.model.layout.hf_model.dtype))


def _continuation(experiment: BaseExperiment, run: ContinuedRun, row: int) -> Continuation:
    ids, prompt = run.generated[row], run.ids[row, : run.n_prompt].tolist()
    before, both = _text(experiment, prompt), _text(experiment, [*prompt, *ids])
    tokens = sequence_strings(experiment.model.tokenizer, ids)
    text = both[len(before) :] if both.startswith(before) else "".join(tokens)
    return Continuation(tuple(ids), tuple(tokens), text, run.ended(row))


def _text(experiment: BaseExperiment, ids: Iterable[int]) -> str:
    tokenizer = experiment.model.tokenizer
    text: str = tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
    return text


def _check_numbers(max_new_tokens: int, temperature: float, seed: int | None) -> None:
    if (
        isinstance(max_new_tokens, bool)
        or not isinstance(max_new_tokens, int)
        or max_new_tokens < 1
    ):
        raise PatchError(
            f"max_new_tokens is {shown(max_new_tokens)}; expected a number of tokens, at least 1. A patch after itself "
            "goes in as well: exp.generate('L9.H6', 'L4.mlp_out', max_new_tokens=20)."
        )
    if isinstance(temperature, bool) or not isinstance(temperature, int | float):
        raise PatchError(f"temperature is {shown(temperature)}; expected a number, 0 for greedy.")
    if not 0 <= temperature < float("inf"):
        raise PatchError(
            f"temperature is {temperature}; expected 0, for the largest logit, or a number above."
        )
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or seed < 0):
        raise PatchError(f"seed is {shown(seed)}; expected a whole number from 0 on.")
    if temperature and seed is None:
        raise PatchError(
            f"temperature={temperature} samples tokens, and without a seed nobody gets the same ones again; give one, "
            "as in seed=0."
        )

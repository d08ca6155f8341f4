"""A patched run read by a lens, between the two unpatched ones. Costs a pass over the host prompts."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.followed import chosen_rows, places_in
from patchwidgets.experiment.measured_run import MeasuredRun
from patchwidgets.experiment.patched_pass import patched_pass
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import LENS_ARGUMENTS
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.answer_tokens import AnswerSpec
from patchwidgets.models.lenses.dataset import lens_dataset
from patchwidgets.models.lenses.request import LensRequest, Method
from patchwidgets.models.lenses.result import LensResult
from patchwidgets.models.lenses.streams import Streams, keys_to_record, streams_of
from patchwidgets.sites import Patch, Position
from patchwidgets.sources.source import check_one_draw


class LensedResult:
    """What a patch did, as far as a lens has to know it.

    Attributes
    ----------
    experiment, patches
        Where it was patched, and what.
    """

    experiment: BaseExperiment
    patches: tuple[Patch, ...]

    @answers(LENS_ARGUMENTS)
    def lens(
        self,
        component: str = "resid_post",
        pos: Position = -1,
        *,
        layers: Sequence[int] | None = None,
        method: Method = "logit",
        answer: AnswerSpec | None = None,
        foil: AnswerSpec | None = None,
        k: int = 5,
        pair: int | None = None,
    ) -> LensResult:
        """Read the three runs by a lens, layer by layer; ``effect`` of the result is patched minus host.

        Costs a pass over the host prompts, beside what `Run.lens` costs. The parameters are those of `Run.lens`, but
        that every position counts in the clean prompt; the other is read at its counterpart. `pair` is the number of
        one pair that alone is read; None reads all.

        Raises
        ------
        LensError, SiteError, RefusedError, TaskError, AnswerError, MetricError, WeightsChangedError
            As for `Run.lens`.
        CounterpartError
            A position has no counterpart in the corrupted prompt.
        PatchError
            The source of a patch is drawn more than once, so that there is no single run to read.
        TaskError
            There is no such pair.

        Examples
        --------
        >>> lens = exp.patch("L0.H1").lens()
        >>> lens
        LensResult(logit lens, resid_post of 'teaching model': 4 layers, 1 prompt, runs clean, patched, corrupted)
        >>> lens.effect["logit_diff"].values.ravel().round(1)
        array([ 9.4, 11.5, 11.9, 12.6], dtype=float32)
        """
        return lens_of_patch(
            self.experiment,
            self.patches,
            component,
            pos,
            layers=layers,
            method=method,
            answer=answer,
            foil=foil,
            k=k,
            pair=pair,
        )


def lens_of_patch(
    experiment: BaseExperiment,
    patches: Sequence[Patch],
    component: str = "resid_post",
    pos: Position = -1,
    *,
    layers: Sequence[int] | None = None,
    method: Method = "logit",
    answer: AnswerSpec | None = None,
    foil: AnswerSpec | None = None,
    k: int = 5,
    pair: int | None = None,
) -> LensResult:
    """Read the three runs of a patch by a lens; see `PatchResult.lens`."""
    exp, layout = experiment, experiment.model.layout
    request = LensRequest.of(layout, component, layers, method, k)
    check_one_draw(patches, "lens()")
    rows = chosen_rows(pair, len(exp.pairs))
    runs = {
        "clean": _unpatched(exp, exp.clean, request, pos, rows),
        "patched": _patched(exp, patches, request, pos, rows),
        "corrupted": _unpatched(exp, exp.corrupted, request, pos, rows),
    }
    exp.check_weights(patches)
    followed = exp.clean.followed(answer, foil).of(rows)
    tokenizer, host = exp.model.tokenizer, exp.host_name
    dataset = lens_dataset(layout, tokenizer, request, runs, followed, host, rows)
    return LensResult(dataset, request.jacobian)


def _unpatched(
    experiment: BaseExperiment,
    run: MeasuredRun,
    request: LensRequest,
    pos: Position,
    rows: Sequence[int],
) -> Streams:
    places = places_in(run.name, [experiment.pairs[row] for row in rows], pos)
    return run.lens_streams(request, places, rows)


def _patched(
    experiment: BaseExperiment,
    patches: Sequence[Patch],
    request: LensRequest,
    pos: Position,
    rows: Sequence[int],
) -> Streams:
    layout, host = experiment.model.layout, experiment.host
    keys, logits = keys_to_record(layout, request), torch.empty_like(host.logits)

    def recorded() -> Iterator[tuple[list[int], Mapping[Key, Float[Tensor, "row pos *unit"]]]]:
        for batch in host.batches:
            if set(batch.rows) & set(rows):
                output = patched_pass(experiment, patches, batch, keys)
                logits[batch.rows] = output.logits
                yield batch.rows, output.activations

    places = places_in(experiment.host_name, [experiment.pairs[row] for row in rows], pos)
    return streams_of(layout, request, recorded(), host.prompts, places, logits, rows)

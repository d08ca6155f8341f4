"""The messages that a front end draws (``docs/protocol.md``): scenes, results and maps as JSON and binary buffers."""

import base64
import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from jaxtyping import Float

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.reach import Reach
from patchwidgets.experiment.reading import Reading
from patchwidgets.experiment.readings import Readings
from patchwidgets.explorer import shown_pair
from patchwidgets.explorer.edits import Edits
from patchwidgets.explorer.fields import ShownPair
from patchwidgets.explorer.listed import Listed
from patchwidgets.explorer.shown_pair import N_TOP_TOKENS, defined, number_of, top
from patchwidgets.explorer.sources import offered
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.methods.paths.traced import TracedPath
from patchwidgets.plot.flow import flow_png
from patchwidgets.sites import Patch
from patchwidgets.sources.files import data_or_text

PROTOCOL = 1
"""The version of the protocol."""

LONGEST_NAME, LONGEST_MESSAGE, LONGEST_DETAILS = 100, 2000, 20_000
"""Characters of the parts of an error. A field of a request may be as long as a line can carry."""

_LOG = logging.getLogger(__name__)

Message = dict[str, Any]
Buffers = list[bytes]


def scene(experiment: BaseExperiment, pair: ShownPair = "mean", edits: Edits = ()) -> Message:
    """What the page draws before any patch."""
    return {
        "kind": "scene",
        "model": _model(experiment),
        "pair": pair,
        "edits": [asdict(edit) for edit in edits],
        "task": shown_pair.task(experiment, pair),
        "pairs": shown_pair.prompts(experiment),
        "metrics": _metrics(experiment),
        "direction": experiment.direction,
        "metric": next(iter(experiment.metrics)),
        "can_sweep": True,
        "sources": offered(experiment),
        "runs": shown_pair.runs(experiment, pair),
    }


def _metrics(experiment: BaseExperiment) -> list[Message]:
    return [
        {
            "name": name,
            "label": metric.label,
            "unit": metric.unit,
            "lower_is_better": metric.lower_is_better,
            "noise_floor": experiment.noise_floor[name],
        }
        for name, metric in experiment.metrics.items()
    ]


def result(
    outcome: PatchResult | TracedPath, pair: ShownPair = "mean", edits: Edits | None = None
) -> tuple[Message, Buffers]:
    """What a patch did, to one pair or on the mean. The reach is in the buffers.

    Parameters
    ----------
    edits
        Of the prompts that ran; None as long as nobody has edited any.
    """
    experiment = outcome.experiment
    shown = number_of(experiment, pair)
    reach = outcome.reach(pair=shown)
    described, buffers = packed(_named_arrays(reach))
    of_pair = readings(outcome, pair)
    return {
        "kind": "result",
        "pair": pair,
        "patches": shown_patches(outcome),
        "direction": experiment.direction,
        "metric": next(iter(outcome.readings)),
        "readings": of_pair,
        "patched": {
            "values": {name: reading["value"] for name, reading in of_pair.items()},
            "top": [top(token) for token in outcome.run_tokens(N_TOP_TOKENS, shown)],
        },
        "tokens": [
            {run: value for run, value in asdict(row).items() if run != "id"}
            for row in outcome.top_tokens(N_TOP_TOKENS, shown)
        ],
        "reach": {"position": reach.pos},
        "buffers": described,
        "seconds": outcome.seconds,
        **_words(outcome, pair, edits),
    }, buffers


def _words(outcome: PatchResult | TracedPath, pair: ShownPair, edits: Edits | None) -> Message:
    """Where words may be others than those of the scene: these, and the unpatched runs that go with the numbers."""
    experiment, words = outcome.experiment, dict[str, Any]()
    several = len(experiment.pairs) > 1
    if several or edits is not None:
        words["task"] = shown_pair.task(experiment, pair)
        words["runs"] = shown_pair.runs(experiment, pair)
    if edits is not None:
        words["edits"] = [asdict(edit) for edit in edits]
        words["metrics"] = _metrics(experiment)
    if several:
        words["over_pairs"] = {
            name: shown_pair.over_pairs(reading) for name, reading in outcome.readings.items()
        }
    return words


def history(listed: Sequence[Listed]) -> Message:
    """The patches and paths so far, oldest first, with their prompts and their numbers over all pairs alone."""
    return {
        "kind": "history",
        "results": [
            {
                **_run(each),
                "metric": next(iter(each.outcome.readings)),
                "readings": readings(each.outcome),
                "note": each.note,
                "pinned": each.pinned,
            }
            for each in listed
        ],
    }


def _run(listed: Listed) -> Message:
    return {
        "patches": shown_patches(listed.outcome),
        "direction": listed.outcome.experiment.direction,
        "edits": [asdict(edit) for edit in listed.edits],
    }


def marked(listed: Listed) -> Message:
    """The note and the pin of a patch of the history."""
    return {"kind": "marked", **_run(listed), "note": listed.note, "pinned": listed.pinned}


def readings(outcome: Readings, pair: ShownPair = "mean") -> dict[str, Message]:
    """Every metric of a result, of one pair or over all. An undefined number is None, with the reason beside it."""
    return {
        name: _reading(shown_pair.of_pair(reading, outcome.experiment, pair))
        for name, reading in outcome.readings.items()
    }


def singles(outcomes: Sequence[PatchResult], pair: ShownPair = "mean") -> Message:
    """Each patch of a joint patch, made alone."""
    each = [{"site": outcome.sites[0], "readings": readings(outcome, pair)} for outcome in outcomes]
    return {"kind": "singles", "singles": each}


def error(raised: BaseException) -> Message:
    """What went wrong, as a sentence for the person, with a traceback to copy. Long texts are cut in the middle."""
    name = shortened(made(lambda: type(raised).__name__), LONGEST_NAME)
    text = made(lambda: str(raised))
    if not isinstance(raised, Exception):
        text = f"{name}({text}) ended the computation. The model is unchanged."
    details = made(lambda: "".join(traceback.format_exception(raised)))
    return {
        "kind": "error",
        "code": name,
        "message": shortened(text or name, LONGEST_MESSAGE),
        "details": shortened(details, LONGEST_DETAILS),
    }


def made(text: Callable[[], str]) -> str:
    """A text that a line can carry: half of a surrogate pair, which has no form in UTF-8, becomes its code."""
    try:
        return text().encode(errors="backslashreplace").decode()
    except BaseException:  # noqa: BLE001 - errors of others may fail even here
        return ""


def shortened(text: str, longest: int) -> str:
    """The beginning and the end of a text."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} … {len(text) - 2 * half:,} characters … {text[-half:]}"


def picture(shown: PatchResult | TracedPath, pair: int | None, note: str) -> Message:
    """A picture of a result as a PNG in base64, and what it shows in words. If it cannot be drawn, the words alone."""
    try:
        png = base64.b64encode(flow_png(shown, pair, note=note)).decode()
    except Exception:  # noqa: BLE001 - nobody has asked for it, so nobody need be told
        _LOG.exception("The picture of the explorer could not be drawn.")
        png = ""
    return {"kind": "picture", "png": png, "text": f"{shown!r}\n{note}"}


def code(lines: str) -> Message:
    """The lines of Python that give the numbers of a request."""
    return {"kind": "code", "code": lines}


def _reading(reading: Reading) -> Message:
    return {
        "value": reading.value,
        "effect": reading.effect,
        "share": defined(reading.share),
        "recovery": defined(reading.recovery),
        "reason": reading.reason,
        "spread": defined(reading.spread),
        "draws": len(reading.draws),
    }


def shown_patches(outcome: PatchResult | PathResult) -> list[Message]:
    """What was patched; a path stands where a site stands."""
    if isinstance(outcome, PathResult):
        return [{"site": str(outcome.path), "source": "source"}]
    return patch_messages(outcome.patches)


def patch_messages(patches: Sequence[Patch]) -> list[Message]:
    """Patches as a request has them."""
    return [{"site": str(patch.site), "source": data_or_text(patch.source)} for patch in patches]


def _model(experiment: BaseExperiment) -> Message:
    model = experiment.model
    return {
        "name": model.name,
        "dtype": model.dtype,
        "device": model.device,
        "n_layers": model.n_layers,
        "n_heads": model.n_heads,
        "n_kv_heads": model.n_kv_heads,
        "d_model": model.d_model,
        "d_mlp": model.d_mlp,
        "parallel": model.layout.parallel,
        "components": list(model.components),
        "refused": model.refused,
        "checks": {
            "passed": model.checks.passed,
            "summary": str(model.checks),
            "largest_gap": model.checks.largest_gap,
        },
    }


def _named_arrays(reach: Reach) -> dict[str, Float[np.ndarray, "..."]]:
    """Every array of a reach by component and quantity, as in ``z.along``."""
    quantities = {"along": reach.along, "size": reach.size, "cos": reach.cos}
    return {
        f"{component}.{quantity}": array
        for quantity, arrays in quantities.items()
        for component, array in arrays.items()
    }


def packed(arrays: Mapping[str, Float[np.ndarray, "..."]]) -> tuple[list[Message], Buffers]:
    """Arrays as float32 buffers, with the name and the shape of each."""
    described = [
        {"name": name, "dtype": "float32", "shape": list(array.shape)}
        for name, array in arrays.items()
    ]
    return described, [
        np.ascontiguousarray(array, dtype="<f4").tobytes() for array in arrays.values()
    ]

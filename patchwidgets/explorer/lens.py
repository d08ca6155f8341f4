"""What the stream of each run would say after every layer. Costs what `PatchResult.lens` costs for one pair."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patchwidgets.errors import ProtocolError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.lenses import lens_of_patch
from patchwidgets.explorer.head import ONE_PAIR, checked_position
from patchwidgets.explorer.kept import kept
from patchwidgets.explorer.messages import Buffers, Message, patch_messages
from patchwidgets.explorer.requests import PatchRequest, checked_patch_request
from patchwidgets.explorer.shown_pair import number_of
from patchwidgets.explorer.views import Views
from patchwidgets.models.lenses.fitted import has_fitted_lens

if TYPE_CHECKING:
    import xarray as xr

METHODS = ("logit", "jacobian")
N_TOP = 3


@dataclass(frozen=True)
class LensRequest:
    """A question for a lens. It holds everything that the answer depends on.

    Attributes
    ----------
    position
        In the clean prompt.
    patched
        What is patched meanwhile.
    """

    method: str
    position: int
    patched: PatchRequest

    @property
    def subject(self) -> tuple[Any, ...]:
        """What is asked for: equal subjects have the same answer."""
        return self.method, self.position, self.patched.run, self.patched.pair


def checked_lens_request(content: Message, experiment: BaseExperiment) -> LensRequest:
    """Read a question for a lens.

    Raises
    ------
    ProtocolError
        A field is missing or has another form.
    SiteError, MetricError
        The experiment does not have the position, a patched site or the metric.
    """
    method = content.get("method", METHODS[0])
    if not isinstance(method, str) or method not in METHODS:
        raise ProtocolError(f"Expected a method, one of {', '.join(METHODS)}; got {shown(method)}.")
    patched = checked_patch_request(content, experiment)
    position = checked_position(content, experiment, number_of(experiment, patched.pair))
    return LensRequest(method, position, patched)


def answer_lens(views: Views, request: LensRequest) -> tuple[Message, Buffers]:
    """What the streams of the three runs would say."""
    return kept(views, "lens", request.subject, lambda: (_computed(views, request), []))


def _computed(views: Views, request: LensRequest) -> Message:
    experiment = views.of(request.patched.direction, request.patched.metric)
    patches = experiment.checked(request.patched.to_patches())
    about = {
        "kind": "lens",
        "method": request.method,
        "methods": list(METHODS if has_fitted_lens(experiment.model.layout) else METHODS[:1]),
        "position": request.position,
        "patches": patch_messages(patches),
        "direction": request.patched.direction,
        "pair": request.patched.pair,
    }
    shown_pair = number_of(experiment, request.patched.pair)
    if shown_pair is None:
        return about | {"fit": None, "reason": ONE_PAIR, "runs": {}}
    lens = lens_of_patch(
        experiment, patches, pos=request.position, method=request.method, k=N_TOP, pair=shown_pair
    )
    numbers = lens.to_xarray().isel(pair=0, pos=0)
    return about | {
        "fit": lens.attrs.get("fit"),
        "reason": lens.reason,
        "runs": {run: _layers(numbers.sel(run=run)) for run in lens.runs},
    }


def _layers(of_run: "xr.Dataset") -> list[Message]:
    """For each layer its top tokens, and the answer's probability and rank if one is followed."""
    followed = "answer_rank" in of_run
    layers = []
    for i in range(of_run.sizes["layer"]):
        at = of_run.isel(layer=i)
        tops = zip(at["top_token"].values.tolist(), at["top_prob"].values.tolist(), strict=True)
        answer = None
        if followed:
            answer = {"prob": float(at["answer_prob"]), "rank": int(at["answer_rank"])}
        top = [{"token": token, "prob": prob} for token, prob in tops]
        layers.append({"top": top, "answer": answer})
    return layers

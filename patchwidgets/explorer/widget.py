"""The explorer as a Jupyter widget: traits and dispatch only. A `PatchSession` answers its messages."""

import base64
import logging
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from patchwidgets import plot
from patchwidgets.errors import LoadError, listed
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.explorer.map_fields import TOTAL, checked_field
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.requests import PatchRequest, checked_sites, chosen_at
from patchwidgets.explorer.session import PatchSession
from patchwidgets.explorer.sources import (
    ChosenSource,
    checked_choice,
    choice_data,
)
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.methods.paths.traced import TracedPath
from patchwidgets.sources.source import SourceData

_LOG = logging.getLogger(__name__)

STATIC = Path(__file__).parents[1] / "static"
if not (STATIC / "widget.js").is_file():
    raise LoadError(
        "The front end is not built: run 'make build', or install patchwidgets from a wheel."
    )


class PatchExplorer(anywidget.AnyWidget):
    """Three runs of a model as three lanes; a click patches, the charts follow.

    Parameters
    ----------
    experiment
        The experiment to explore. The explorer starts with its direction and its first metric.
    selection
        Sites that are patched from the beginning.

    Attributes
    ----------
    selection
        Sites that are patched, as strings, or one path, as ``"L20.H0->L23.H3.q"``. Setting it patches.
    direction
        ``"denoise"`` or ``"noise"``.
    metric
        The name of the metric that is shown.
    source
        What is put into the host: ``"source"``, the other run, or one of `pw.sources` that is data. Setting it patches
        what is selected with it. It reads as data, as `sources.to_json` writes it: ``{"kind": "zero"}``.
    position
        Where a click patches: ``"all"``, an index or a name.
    field
        What the maps show: ``"total"`` or ``"direct"`` effects, an ``"estimate"``, or effects through a receiver, such
        as ``"L23.H3.q"``.
    result
        The last patch or path.
    history
        Every patch so far, each once, as the page lists them. All but the last one have their numbers, and compute
        their logits again where these are asked for.
    wait_limit
        Seconds that `result` and `history` wait for a patch that still runs; 600 by default.

    Examples
    --------
    >>> w = exp.explore("L0.H1")
    >>> w.result
    PatchResult(L0.H1, denoise: logit diff +6.49..., effect +12.64..., recovery 0.99...)
    >>> w.metric = "answer_prob"
    >>> round(w.result.value, 2)
    1.0

    Without L0.H1, the clean run loses the answer:

    >>> w.direction, w.source = "noise", pw.sources.zero()
    >>> w.result
    PatchResult(L0.H1 = zero(), noise: answer probability ...)
    """

    # The text, not the path: anywidget watches a path, and its watcher holds every explorer for ever.
    _esm = (STATIC / "widget.js").read_text(encoding="utf-8")

    wait_limit = 600.0

    selection = traitlets.List(traitlets.Unicode()).tag(sync=True)
    direction: Any = traitlets.Enum(("denoise", "noise"), "denoise").tag(sync=True)
    metric = traitlets.Unicode("logit_diff").tag(sync=True)
    source: Any = traitlets.Any("source").tag(sync=True)
    position: Any = traitlets.Union(
        [traitlets.Int(), traitlets.Unicode()], default_value="all"
    ).tag(sync=True)
    field = traitlets.Unicode(TOTAL).tag(sync=True)

    def __init__(self, experiment: BaseExperiment, selection: list[str] | None = None) -> None:
        self._session = PatchSession(experiment, self._emit)
        super().__init__(direction=experiment.direction, metric=next(iter(experiment.metrics)))
        self.on_msg(self._receive)
        self.observe(self._ask, ["selection", "direction", "metric", "source"])
        if selection:
            self.selection = selection

    @property
    def experiment(self) -> BaseExperiment:
        """The experiment, in the direction and with the metric that are shown."""
        return self._session.experiment.turned(self.direction).focused(self.metric)

    @property
    def result(self) -> PatchResult | TracedPath | None:
        """The last patch or path; None if nothing was patched yet. Waits for a patch that still runs.

        Raises
        ------
        WaitError
            It runs for longer than `wait_limit`.
        """
        self._session.wait_for_patches(self.wait_limit)
        return self._session.result

    @property
    def history(self) -> list[PatchResult | PathResult]:
        """Every patch and path so far, each once, oldest first. Waits for one that runs, and raises as `result`."""
        self._session.wait_for_patches(self.wait_limit)
        return list(self._session.history)

    def to_code(self) -> str:
        """The lines of Python that give the numbers on the screen.

        They use the variable ``model``. What cannot be written as code, such as a metric that is a function, is a
        variable too, and a comment says which.

        Examples
        --------
        >>> print(exp.explore("L0.H1").to_code())
        import patchwidgets as pw
        <BLANKLINE>
        task = pw.Task(
            clean='When Mary and John went to the store, John gave a drink to',
            corrupted='When Mary and John went to the store, Mary gave a drink to',
            answer=' Mary',
            foil=' John',
            positions={'S2': 9},
        )
        exp = pw.Experiment(model, task, metric='logit_diff', direction='denoise')
        r = exp.patch('L0.H1')
        r.value, r.effect, r.share, r.recovery
        """
        return self._session.code_of(self._session.latest)

    def close(self) -> None:
        """Stop the work and take the widget off the page."""
        self._session.close()
        super().close()

    def __repr__(self) -> str:
        patched = listed(self.selection) or "nothing patched"
        return f"PatchExplorer({self._session.experiment.model.name!r}, {patched}, {self.direction}, {self.metric})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The live view, with a picture beside it for viewers that run no scripts."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            try:
                patched = self.result if self.selection else None
                if not isinstance(patched, PatchResult):  # nothing, or a path, which has no figure
                    patched = run_patch(self.experiment, record_reach=True)
                bundle[0]["image/png"] = base64.b64encode(plot.flow_png(patched)).decode()
            except Exception:  # noqa: BLE001 - the live view does not need the picture
                _LOG.exception("The picture beside the explorer could not be drawn.")
        return bundle

    @traitlets.validate("selection")
    def _checked_selection(self, proposal: Any) -> list[str]:
        return self._check_sites(proposal["value"], self._choice())

    def _check_sites(self, sites: list[str], choice: ChosenSource) -> list[str]:
        experiment = self._session.experiment
        asked = [(site, chosen_at(site, choice, experiment)) for site in sites]
        return [site for site, _ in checked_sites(asked, experiment)]

    @traitlets.validate("source")
    def _checked_source(self, proposal: Any) -> Any:
        value = proposal["value"]
        choice = checked_choice(choice_data(value) if isinstance(value, SourceData) else value)
        self._check_sites(self.selection, choice)
        return choice_data(choice)

    @traitlets.validate("metric")
    def _checked_metric(self, proposal: Any) -> str:
        return next(iter(self._session.experiment.focused(proposal["value"]).metrics))

    @traitlets.validate("field")
    def _checked_field(self, proposal: Any) -> str:
        return checked_field(proposal["value"], self._session.experiment)

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        field = self._session.field
        request = self._session.handle(content)
        if self._session.field != field:
            self.field = self._session.field
        if request is None:
            return
        # Another thread may take the next click meanwhile: the traits always end at the newest request.
        shown = None
        while (latest := self._session.latest) is not shown:
            shown = latest
            self._show(latest)

    def _show(self, request: PatchRequest) -> None:
        with self.hold_trait_notifications():
            self.selection = request.sites
            self.direction, self.metric = request.direction, request.metric
            self.source = choice_data(request.source)

    def _ask(self, _change: Any) -> None:
        """Ask for what was changed in Python. What a click has changed is asked for already."""
        latest = self._session.latest
        asked = latest.sites, latest.direction, latest.metric, choice_data(latest.source)
        if (self.selection, self.direction, self.metric, self.source) != asked:
            self._session.ask(self.selection, self.direction, self.metric, self._choice())

    def _choice(self) -> ChosenSource:
        return checked_choice(self.source)

    def _emit(self, message: Message, buffers: Buffers) -> None:
        self.send(message, buffers)

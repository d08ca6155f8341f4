"""The explorer as a Jupyter widget: traits and dispatch only. What it is asked, a `PatchSession` answers."""

import base64
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from patchwidgets import plot
from patchwidgets.errors import LoadError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.session import PatchSession

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
        What is explored. Its direction and its first metric are where the explorer starts.
    selection
        Sites that are patched from the beginning.

    Attributes
    ----------
    selection
        Sites that are patched, as strings. Setting it patches.
    direction
        ``"denoise"`` or ``"noise"``.
    metric
        The name of the metric that is shown.
    position
        Where a click patches: ``"all"``, an index or a name.
    """

    _esm = STATIC / "widget.js"
    _css = STATIC / "widget.css"

    selection = traitlets.List(traitlets.Unicode()).tag(sync=True)
    direction: Any = traitlets.Enum(("denoise", "noise"), "denoise").tag(sync=True)
    metric = traitlets.Unicode("logit_diff").tag(sync=True)
    position: Any = traitlets.Union(
        [traitlets.Int(), traitlets.Unicode()], default_value="all"
    ).tag(sync=True)

    def __init__(self, experiment: BaseExperiment, selection: list[str] | None = None) -> None:
        self._session = PatchSession(experiment, self._emit)
        super().__init__(direction=experiment.direction, metric=next(iter(experiment.metrics)))
        self.on_msg(self._receive)
        self.observe(self._ask, ["selection", "direction", "metric"])
        if selection:
            self.selection = selection

    @property
    def experiment(self) -> BaseExperiment:
        """What is explored, in the direction and by the metric that are shown."""
        return self._session.experiment.turned(self.direction).focused(self.metric)

    @property
    def result(self) -> PatchResult | None:
        """The last patch, waiting for it if it still runs; None if nothing was patched yet."""
        self._session.wait_for_patches()
        return self._session.result

    @property
    def history(self) -> list[PatchResult]:
        """Every patch so far, oldest first."""
        self._session.wait_for_patches()
        return list(self._session.history)

    def to_code(self) -> str:
        """The lines that give the numbers on the screen."""
        return self._session.code_of(self._session.latest)

    def close(self) -> None:
        """Stop the work and take the widget off the page."""
        self._session.close()
        super().close()

    def __repr__(self) -> str:
        patched = " + ".join(self.selection) or "nothing patched"
        return f"PatchExplorer({self._session.experiment.model.name!r}, {patched}, {self.direction}, {self.metric})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The live view, and beside it a picture for viewers that run no scripts."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            patched = self.result if self.selection else None
            shown = patched or run_patch(self.experiment, record_reach=True)
            bundle[0]["image/png"] = base64.b64encode(plot.flow_png(shown)).decode()
        return bundle

    @traitlets.validate("selection")
    def _checked_selection(self, proposal: Any) -> list[str]:
        return [str(self._session.checked_site(site)) for site in proposal["value"]]

    @traitlets.validate("metric")
    def _checked_metric(self, proposal: Any) -> str:
        return next(iter(self._session.experiment.focused(proposal["value"]).metrics))

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        request = self._session.handle(content)
        if request is not None:
            with self.hold_trait_notifications():
                self.selection, self.direction, self.metric = (
                    request.sites,
                    request.direction,
                    request.metric,
                )

    def _ask(self, _change: Any) -> None:
        """A change made in Python is asked for; the echo of a click is not asked again."""
        latest = self._session.latest
        if (self.selection, self.direction, self.metric) != (
            latest.sites,
            latest.direction,
            latest.metric,
        ):
            self._session.ask(self.selection, self.direction, self.metric)

    def _emit(self, message: Message, buffers: Buffers) -> None:
        self.send(message, buffers)

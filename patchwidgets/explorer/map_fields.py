"""The fields that a map can show: what each of its cells says about a site.

- ``"total"``: the effect of patching the site, as `Experiment.sweep`.
- ``"direct"``: what the site writes for the logits themselves, as `Experiment.direct_effects`.
- ``"L23.H3.q"``, or any other receiver: what the site changes through it alone, as `Experiment.path`.
- ``"estimate"``: the total effect, estimated by its gradient, as `Experiment.estimate`.
"""

from typing import Any

from patchwidgets.errors import ProtocolError, RefusedError, SiteError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.fields import checked_text
from patchwidgets.methods.direct_effects import make_direct_sweep
from patchwidgets.methods.paths.sender_maps import make_sender_sweep
from patchwidgets.methods.paths.steps import checked_receiver
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.row_sweep import RowSweep
from patchwidgets.sweep.sweep import Sweep

TOTAL, DIRECT, ESTIMATE = "total", "direct", "estimate"


def checked_field(value: Any, experiment: BaseExperiment) -> str:
    """A field in the form that this model uses.

    Raises
    ------
    ProtocolError, SiteError
        It is none.
    RefusedError
        A receiver that the model does not have, such as the key of a head that shares it.
    """
    if value in (TOTAL, DIRECT, ESTIMATE):
        return str(value)
    checked_text("field", value)
    expected = "Expected a field: 'total', 'direct', 'estimate', or a receiver such as 'L23.H3.q'"
    if not isinstance(value, str):
        raise ProtocolError(f"{expected}; got {shown(value)}.")
    try:
        return str(checked_receiver(experiment.model, value))
    except RefusedError:
        raise
    except SiteError as error:
        raise SiteError(f"{expected}. {error}") from error


def field_sweep(
    experiment: BaseExperiment, request: SweepRequest, field: str, batch: int
) -> RowSweep[Any]:
    """Plan the sweep that fills a map with an exact field; at most `batch` runs at once."""
    if field == TOTAL:
        return Sweep(experiment, [make_grid(experiment, request)], batch=batch)
    if field == DIRECT:
        return make_direct_sweep(experiment, request, batch=batch)
    return make_sender_sweep(experiment, request, field, batch=batch)

"""Which senders reach a receiver: every head, or every position of a component, laid out as a sweep is.

Costs a sweep over the senders, and for each a row from the receiver's layer on.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from patchwidgets.edges import FROZEN, SENDER_COMPONENTS, Frozen, Path, Receiver, comes_after
from patchwidgets.errors import PatchError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.methods.paths.path_sweep import PathSweep
from patchwidgets.methods.paths.steps import checked_receiver
from patchwidgets.sweep.grid import Grid, make_grid
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.request import SweepRequest


def make_sender_sweep(
    experiment: BaseExperiment,
    request: SweepRequest,
    receiver: str | Receiver,
    frozen: Frozen = FROZEN[0],
    batch: int | None = None,
    budget: float | None = None,
) -> PathSweep:
    """Plan the effects of every sender of a kind through one receiver; its values lie on the axes of the request.

    Senders after the receiver have no path to it; their cells count as unpatchable.

    Raises
    ------
    SiteError, RefusedError, CounterpartError
        As of a sweep and of a path.
    PatchError
        A component that writes nothing into the residual stream, or no sender before the receiver.
    """
    checked = checked_receiver(experiment.model, receiver)
    if request.component not in SENDER_COMPONENTS:
        raise PatchError(
            f"{shown(request.component)} sends nothing: it writes nothing into the residual stream itself. "
            f"Choose one of {', '.join(sorted(SENDER_COMPONENTS))}."
        )
    grid = make_grid(experiment, request)
    parallel = experiment.model.layout.parallel
    senders = [cell[0].site for cell in grid.cells]
    places = [i for i, site in enumerate(senders) if comes_after(site, checked, parallel)]
    if not places:
        raise PatchError(
            f"No {request.component} writes into the stream before {checked} reads it."
        )
    paths = [Path(senders[i], (checked,)) for i in places]
    attrs: dict[str, str | float] = {"receiver": str(checked), "frozen": "+".join(frozen)}
    return _SenderSweep(
        experiment, replace(grid, attrs=attrs), places, paths, frozen, batch, budget
    )


class _SenderSweep(PathSweep):
    """Paths into one receiver that fill some cells of a grid."""

    def __init__(
        self,
        experiment: BaseExperiment,
        grid: Grid,
        places: Sequence[int],
        paths: Sequence[Path],
        frozen: Frozen,
        batch: int | None,
        budget: float | None,
    ) -> None:
        of_paths = replace(grid, axes={"edge": list(map(str, paths))}, cells=[])
        super().__init__(experiment, of_paths, paths, frozen, batch=batch, budget=budget)
        self._whole, self._places = grid, np.array(places)

    def grid_values(self) -> list[GridValues]:
        """The numbers so far, over the axes of the request."""
        values, n_cells = self.values_of(self.grid), len(self._whole.cells)

        def spread(numbers: np.ndarray, otherwise: float | bool) -> np.ndarray:
            everywhere = np.full((n_cells, *numbers.shape[1:]), otherwise, dtype=numbers.dtype)
            everywhere[self._places] = numbers
            return everywhere

        return [
            replace(
                values,
                grid=self._whole,
                values={name: spread(each, np.nan) for name, each in values.values.items()},
                effects={name: spread(each, np.nan) for name, each in values.effects.items()},
                zero=spread(values.zero, False),
                unpatchable=spread(values.unpatchable, True),
            )
        ]

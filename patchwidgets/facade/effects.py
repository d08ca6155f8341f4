"""Methods of `pw.Experiment` that part a component's effect: what is direct."""

from collections.abc import Sequence

from patchwidgets.directions import Direction
from patchwidgets.facade.sweeps import Sweeps
from patchwidgets.methods.direct_effects import Norm, make_direct_sweep
from patchwidgets.sites import Component
from patchwidgets.sweep.api import run_sweep
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep_result import SweepResult


class Effects(Sweeps):
    """An experiment that parts effects."""

    def direct_effects(
        self,
        component: Component,
        over: Sequence[str] | None = None,
        *,
        norm: Norm = "live",
        layers: Sequence[int] | None = None,
        direction: Direction | None = None,
        batch: int | None = None,
        budget: float | None = None,
        progress: bool = True,
    ) -> SweepResult:
        """What every component of a kind writes into the last residual stream itself, as the logits read it.

        The effect is metric(unembed(norm(r_host + c_source − c_host))) − metric(host), with ``r`` the last stream and
        ``c`` what the component adds to it: the rest of the model does not see the change. `sweep` gives the total
        effects, over the same axes. Costs one layer for each component, and the output embedding.

        Parameters
        ----------
        component
            ``"z"`` (heads), ``"mlp_out"``, ``"attn_out"``, ``"embed"`` or ``"neuron"``.
        over, layers, direction, batch, budget, progress
            As in `sweep`.
        norm
            ``"live"``: the final norm acts on the changed stream. ``"frozen"``: it keeps the host's scale; then effects
            on logits add up, and the result says to how much of the whole difference of the last streams, in the
            attributes ``sum`` and ``whole``.

        Raises
        ------
        PatchError
            A component that writes nothing into the stream, or another `norm`.
        SiteError, RefusedError, CounterpartError, WeightsChangedError, KeyboardInterrupt
            As in `sweep`.

        Examples
        --------
        >>> exp.direct_effects("mlp_out", progress=False).effect.values.round(2)
        array([2.16, 4.78, 1.32, 1.33])
        >>> exp.direct_effects("z", norm="frozen", progress=False)
        SweepResult(z of 'teaching model': ...; direct effects with the norm frozen, together +2.09 of +12.13)
        """
        request = SweepRequest(component, over, layers=layers)
        sweep = make_direct_sweep(self, request, norm, direction, batch, budget)
        return run_sweep(sweep, progress, self._set_interrupted)[0]

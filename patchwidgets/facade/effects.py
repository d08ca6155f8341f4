"""Methods of `pw.Experiment` that part a component's effect: what is direct."""

from collections.abc import Sequence

from patchwidgets.directions import Direction
from patchwidgets.facade.sweeps import Sweeps
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import SWEEP_ARGUMENTS
from patchwidgets.methods.direct_effects import Norm, make_direct_sweep
from patchwidgets.sites import Component
from patchwidgets.sweep.api import run_sweep
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep_result import SweepResult


class Effects(Sweeps):
    """An experiment that parts effects.

    Examples
    --------
    L0.H1 is worth most of the difference between the two prompts, but writes little of it itself. The rest of its
    effect goes through components after it.

    >>> total = exp.sweep("z", progress=False)
    >>> direct = exp.direct_effects("z", progress=False)
    >>> total.top_sites(1)
    ['L0.H1']
    >>> round(exp.patch("L0.H1").effect, 1), round(float(direct.effect.sel(layer=0, head=1)), 1)
    (12.6, 1.9)

    With the scale of the final norm frozen, direct effects on a difference of two logits add up: those of all heads, of
    all MLPs and of the embedding to the effect of the whole last stream.

    >>> parts = {kind: exp.direct_effects(kind, norm="frozen", progress=False) for kind in ("z", "mlp_out", "embed")}
    >>> {kind: round(part.attrs["sum"], 2) for kind, part in parts.items()}
    {'z': 2.09, 'mlp_out': 10.04, 'embed': 0.0}
    >>> round(sum(part.attrs["sum"] for part in parts.values()), 3) == round(parts["z"].attrs["whole"], 3)
    True

    Over several pairs, effects come with an interval.

    >>> pairs = pw.Experiment(model, pw.tasks.addition(n=8, seed=0))
    >>> mlps = pairs.direct_effects("mlp_out", progress=False)
    >>> mlps.over_pairs()["effect_low"].shape
    (4,)

    A single run has no other one to take a difference to. Its logit difference is parted by `run.logit_attribution`.

    >>> exp.clean.logit_attribution()
    LogitAttribution(21 parts sum to +6.59...; logit difference of the run +6.59...; largest: L1.H0 -3.74, ...)

    What writes nothing into the residual stream has no direct effect.

    >>> exp.direct_effects("q")
    Traceback (most recent call last):
    ...
    patchwidgets.errors.PatchError: 'q' has no direct effect: it writes nothing into the residual stream itself. ...
    """

    @answers(SWEEP_ARGUMENTS)
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
        effects, over the same axes. Costs a pass over both prompts, and for each component a product with its output
        projection (a row from its layer on where that is not linear), the final norm and the output embedding.

        Parameters
        ----------
        component
            ``"z"`` (heads), ``"mlp_out"``, ``"attn_out"``, ``"embed"`` or ``"neuron"``.
        over, layers, direction, batch, budget, progress
            As in `sweep`.
        norm
            ``"live"``: the final norm acts on the changed stream. ``"frozen"``: it keeps the host's scale; then effects
            on a logit, or a difference of two, add up, and the result says to how much of the effect of the whole last
            stream, in the attributes ``sum`` and ``whole`` (of the first metric). Effects on probabilities, kl, ranks,
            alternatives or capped logits do not, and have neither attribute.

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

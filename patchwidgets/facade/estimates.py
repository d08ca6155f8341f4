"""Methods of `pw.Experiment` that estimate effects by gradients."""

from collections.abc import Sequence

from patchwidgets.directions import Direction
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import ESTIMATE_ARGUMENTS
from patchwidgets.methods.estimates.edges import estimate_edges
from patchwidgets.methods.estimates.methods import EdgeMethod, NodeMethod, checked_method
from patchwidgets.methods.estimates.nodes import estimate_nodes
from patchwidgets.sites import Component
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep_result import SweepResult


class Estimates(BaseExperiment):
    """An experiment that estimates effects.

    Examples
    --------
    An estimate costs a pass over both prompts, one more over the host and its gradient, whatever the number of sites.
    It says that it is one.

    >>> estimate = exp.estimate("z", progress=False)
    >>> estimate
    SweepResult(z of 'teaching model': 4 layer × 4 head, 1 pair, logit_diff, denoise; an estimate (AtP))
    >>> estimate.approximate, estimate.attrs["method"]
    (True, 'atp')

    How good is it? Compare it with the exact effects. Here it ranks the heads almost as they are, but has a third of
    what L0.H1 is worth: most of that goes through the MLP of its own layer, which is far from linear there.

    >>> exact = exp.sweep("z", progress=False)
    >>> comparison = estimate.compare(exact)
    >>> comparison
    Comparison(AtP of 16 sites of z, logit_diff: rank correlation 0.99..., 0 among the 10 largest)
    >>> comparison.to_frame().round(1).iloc[1].to_dict()
    {'site': 'L0.H1', 'estimated': 4.3, 'exact': 12.6, 'sign_wrong': False}

    Edges are many, so that there an estimate saves most. What it finds can be looked at exactly, edge by edge.

    >>> edges = exp.estimate_edges(progress=False)
    >>> first = edges.top_sites(3)
    >>> first
    ['L1.mlp_out->logits', 'embed->L0.H1.v', 'L0.mlp_out->logits']
    >>> exp.sweep_paths(paths=first, progress=False).effect.values.round(1)
    array([ 4.8, 12.7,  2.2])
    >>> exact_edges = exp.edges(progress=False)
    >>> edges.compare(exact_edges).found
    {10: 9}
    >>> [float(each.effect.sel(edge="L0.H1->L0.mlp_in").round(2)) for each in (edges, exact_edges)]
    [-0.01, 5.04]

    With gradients at several points on the way from host to source (EAP-IG), more of the ten largest may be found and
    the ranks of all others be worse.

    >>> exp.estimate_edges(method="eap-ig", steps=5, progress=False)
    SweepResult(edges of 'teaching model': 479 edge, ...; an estimate (EAP-IG in 5 steps))

    What has no gradient cannot be estimated.

    >>> exp.measuring("rank").estimate("z", progress=False)
    Traceback (most recent call last):
    ...
    patchwidgets.errors.MetricError: ...
    """

    @answers(ESTIMATE_ARGUMENTS)
    def estimate(
        self,
        component: Component,
        over: Sequence[str] | None = None,
        *,
        method: NodeMethod = "atp",
        steps: int | None = None,
        layers: Sequence[int] | None = None,
        direction: Direction | None = None,
        budget: float | None = None,
        progress: bool = True,
    ) -> SweepResult:
        """Estimate the effect of every site of a component at once: a preview of `sweep`, never a result.

        The estimate is Σ gradient · (source − host), what a patch would do if the model were linear from there on. It
        fails where attention is saturated and where effects cancel; ``compare`` says how well it does.

        Parameters
        ----------
        component, over, layers, direction
            As in `sweep`.
        method
            ``"atp"``, attribution patching (Nanda 2023), without the corrections of AtP* (Kramár et al. 2024): the
            gradient in the host run.
            ``"ig"``, integrated gradients (Sundararajan et al. 2017): the mean of gradients at several points, with the
            input embeddings on the way to the source's; it adds up over the embedding, and is further from the effects
            of patches where this was measured (docs/methods.md has the numbers).
        steps
            Of ``"ig"``: how many points, 5 by default.
        budget
            Bytes in addition to the model to aim at, by default half of what is free. One pair is always computed.
        progress
            Show a bar.

        Returns
        -------
        SweepResult
            With the axes of `sweep`; `approximate` is True, and ``attrs["method"]`` says the method. Costs a forward
            pass over both prompts, and a forward and, for each metric, a backward pass for each point.

        Raises
        ------
        PatchError
            An unknown method, or steps that it does not have.
        SiteError, RefusedError, CounterpartError
            As in `sweep`; or the model gives no gradients, because its weights are offloaded or quantised.
        MetricError
            A metric without a gradient, such as a rank, or with one that is 0, as kl in direction ``"noise"``.

        Examples
        --------
        >>> heads = exp.estimate("z", progress=False)
        >>> heads
        SweepResult(z of 'teaching model': 4 layer × 4 head, 1 pair, logit_diff, denoise; an estimate (AtP))
        >>> heads.approximate, heads.top_sites(2)
        (True, ['L0.H1', 'L1.H1'])
        """
        experiment = self if direction is None else self.turned(direction)
        checked = checked_method(method, steps, ("atp", "ig"))
        request = SweepRequest(component, over, layers=layers)
        return SweepResult.of(
            experiment, estimate_nodes(experiment, request, checked, budget, progress)
        )

    @answers(ESTIMATE_ARGUMENTS)
    def estimate_edges(
        self,
        *,
        method: EdgeMethod = "eap",
        steps: int | None = None,
        direction: Direction | None = None,
        budget: float | None = None,
        progress: bool = True,
    ) -> SweepResult:
        """Estimate the effect of every edge of the model at once: a preview of `edges`, never a result.

        The estimate is (source − host) of what the sender writes, times the gradient at the stream that the receiver
        alone reads. Senders are the embedding, every head and every MLP; receivers every head's q, every key-value
        head's k and v, every MLP, and the logits.

        Parameters
        ----------
        method
            ``"eap"``, edge attribution patching (Syed et al. 2023): the gradient in the host run. ``"eap-ig"`` (Hanna
            et al. 2024; "EAP-IG (inputs)" of the MIB benchmark): the mean of gradients with the input embeddings at
            several points of the way to the source's. It was made for circuits, and is further from effects of single
            edges where this was measured (docs/methods.md has the numbers).
        steps
            Of ``"eap-ig"``: how many points, 5 by default.
        direction, budget, progress
            As in `estimate`.

        Returns
        -------
        SweepResult
            Over ``edge``, with ``sender`` and ``receiver`` of each; `approximate` is True. Costs two forward passes
            over the host's prompts and one over the source's; then for each point a forward pass, and for each metric a
            backward pass, and another one of every projection to q, k and v for each of its heads, and of every MLP.

        Raises
        ------
        PatchError, RefusedError, MetricError
            As in `estimate`; or heads whose part of the stream is not known.

        Examples
        --------
        >>> edges = exp.estimate_edges(progress=False)
        >>> edges
        SweepResult(edges of 'teaching model': 479 edge, ...; an estimate (EAP))
        >>> edges.sel(receiver="logits").top_sites(1)
        ['L1.mlp_out->logits']
        """
        experiment = self if direction is None else self.turned(direction)
        checked = checked_method(method, steps, ("eap", "eap-ig"))
        return SweepResult.of(experiment, estimate_edges(experiment, checked, budget, progress))

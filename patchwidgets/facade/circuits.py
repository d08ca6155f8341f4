"""Methods of `pw.Experiment` for circuits."""

from collections.abc import Sequence
from pathlib import Path

from patchwidgets.executors.futures import Executor
from patchwidgets.executors.parts import remembered
from patchwidgets.executors.running import steps_on
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import PATCH_ARGUMENTS
from patchwidgets.methods.circuits.circuit import Circuit, Scores
from patchwidgets.methods.circuits.circuit_result import CircuitResult
from patchwidgets.methods.circuits.curve import FRACTIONS, N_RANDOM, faithfulness_curve
from patchwidgets.methods.circuits.curve_result import FaithfulnessCurve
from patchwidgets.methods.circuits.evaluate import evaluate
from patchwidgets.methods.circuits.members import By
from patchwidgets.sites import Source


class Circuits(BaseExperiment):
    """An experiment that evaluates circuits.

    Examples
    --------
    A circuit is a set of nodes or edges, here the 20 edges with the largest effects. Is it enough?

    >>> edges = exp.edges(progress=False)
    >>> circuit = pw.Circuit.top(edges, 20)
    >>> result = exp.evaluate(circuit)
    >>> result
    CircuitResult(20 edges, the rest corrupted: logit diff +4.990, faithfulness 0.874, completeness -0.000)

    Completeness is the faithfulness of the rest: without these edges, nothing of the task is left. What is each of them
    worth to the circuit? Two are worth nothing, to within the noise floor: no way from the embedding to the logits goes
    through them.

    >>> without = result.minimality()
    >>> without["change"].head(3).round(2).to_dict()
    {'embed->L0.H1.v': 0.87, 'L0.H1->L0.mlp_in': 0.39, 'L1.mlp_out->logits': 0.38}
    >>> int(((without["value"] - result.value).abs() <= exp.noise_floor["logit_diff"]).sum())
    2
    >>> len(circuit.prune())
    18
    >>> round(exp.evaluate(circuit.prune()).faithfulness, 3)
    0.874

    How many edges does it take? CPR is the area under the curve of faithfulness, CMD the area between it and 1, here
    from a hundredth of all edges to all of them: a curve of 1 everywhere would have a CPR of 0.99, and a CMD of 0.

    >>> curve = exp.faithfulness_curve(edges, (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1), n_random=5, progress=False)
    >>> curve.faithfulness.round(2)
    array([0.21, 0.73, 0.87, 1.  , 1.  , 1.  , 1.  ])
    >>> round(curve.cpr, 3), round(curve.cmd, 3)
    (0.976, 0.014)

    Random circuits with as many edges in every layer: their median is 0 up to a tenth of all edges.

    >>> bool(curve["logit_diff"].band[1][3] < 0.01)
    True

    What the rest gets is for you to choose, and changes the answer.

    >>> heads = pw.Circuit.top(exp.sweep("z", progress=False), 2)
    >>> [round(exp.evaluate(heads, ablation=rest).faithfulness, 2) for rest in ("corrupted", pw.sources.zero())]
    [0.16, 0.9]

    A circuit of another model is refused.

    >>> exp.evaluate(pw.Circuit(["L20.H0"]))
    Traceback (most recent call last):
    ...
    patchwidgets.errors.SiteError: ...
    """

    @answers(PATCH_ARGUMENTS)
    def evaluate(
        self,
        circuit: Circuit,
        ablation: Source = "corrupted",
        among: Sequence[str] | None = None,
    ) -> CircuitResult:
        """Run a circuit alone: the clean prompts, with everything else ablated. Exact; costs three evaluations.

        One evaluation of nodes is a pass. One of edges is a pass in which every receiver reads a residual stream of its
        own: for each kept edge what its sender writes now, for every other one its ablated value. It costs up to
        some three passes. Both hold whatever the direction of the experiment.

        Parameters
        ----------
        circuit
            Nodes or edges. A member with a position is kept there alone.
        ablation
            What the rest gets, as the source of a `Patch`: the corrupted run by default, another `Run`, a tensor (a
            single 0 ablates to zero), or one of `pw.sources`. Where the prompts differ in length, runs are read at
            counterparts, and positions without one are not ablated. With ``"clean"``, the circuit runs on the
            corrupted prompts.
        among
            Of nodes: which kinds are ablated outside the circuit, of ``"embed"``, ``"z"`` (heads) and ``"mlp_out"``. By
            default the last two: the tokens are those of the clean prompt. In a layer of which the circuit has neurons,
            its other neurons are ablated.

        Returns
        -------
        CircuitResult
            ``faithfulness`` = (m(circuit) − m(nothing)) / (m(model) − m(nothing)), with m(nothing) measured in the same
            way; ``completeness``, that of the complement (Marks et al. 2024, arXiv:2403.19647); ``minimality()``; every
            metric, and every pair.

        Raises
        ------
        SiteError, RefusedError
            A member that the model does not have, or a model of which no edges can be ablated, with the reason.
        PatchError, CounterpartError, WeightsChangedError
            As in `patch`.

        Examples
        --------
        >>> result = exp.evaluate(pw.Circuit(["L0.H1", "L0.mlp_out", "L1.H1", "L1.mlp_out"]))
        >>> bool(result.faithfulness > 0.5), bool(abs(result.completeness) < 0.2)
        (True, True)
        >>> everything = exp.evaluate(pw.Circuit.all_edges(model))
        >>> round(everything.faithfulness, 3), round(everything.completeness, 3)
        (1.0, 0.0)
        """
        return evaluate(self, circuit, ablation, among)

    @answers()
    def faithfulness_curve(
        self,
        scores: Scores | Circuit,
        fractions: Sequence[float] = FRACTIONS,
        *,
        by: By = "size",
        ablation: Source = "corrupted",
        metric: str | None = None,
        n_random: int = N_RANDOM,
        seed: int = 0,
        prune: bool = True,
        progress: bool = True,
        executor: Executor | None = None,
        resume: str | Path | None = None,
    ) -> FaithfulnessCurve:
        """Evaluate the circuits of the largest scores at several sizes, beside random circuits of equal size.

        Parameters
        ----------
        scores
            A number for each node or edge: the effects of a sweep, a dict from names to numbers, or a `Circuit` with
            scores. Only what has a score is ever ablated; so m(nothing) is the run in which all of that is.
        fractions
            Which part of the scored nodes or edges to keep, rounded down; those of the MIB benchmark by default.
        by
            What counts as large: ``"size"`` (``|score|``, as in the benchmark), ``"positive"`` (the score itself) or
            ``"negative"``.
        ablation
            As in `evaluate`.
        metric
            Of a sweep: whose effects are the scores; the first metric by default.
        n_random, seed
            How many random circuits for each fraction, each with as many members in every layer (of edges, the layer
            of the receiver) as the circuit.
        prune
            Leave out what leads nowhere; see `Circuit.prune`.
        progress
            Show a bar.
        executor, resume
            As in `sweep`.

        Returns
        -------
        FaithfulnessCurve
            ``faithfulness`` by fraction, ``cpr`` (the area under it, by trapezoids), ``cmd`` (the area between it and
            1), the band of random circuits, every metric, and every pair; `pw.plot.faithfulness` draws it. Both areas
            go from the first fraction to the last and are divided by nothing: over (0.5, 1) a curve of 1 has a CPR of
            0.5. Compare them over the same fractions only.

        Raises
        ------
        SiteError
            Scores that are NaN or of what no circuit is made of; fractions that do not grow.
        PatchError, RefusedError, CounterpartError, WeightsChangedError
            As in `evaluate`.
        ExecutorError, FileError
            As in `sweep`.

        Examples
        --------
        >>> heads = exp.sweep("z", progress=False)
        >>> curve = exp.faithfulness_curve(heads, (0.1, 0.5, 1), n_random=5, progress=False)
        >>> curve.faithfulness.round(2), curve["logit_diff"].band[1].round(2)
        (array([0.98, 1.  , 1.  ]), array([0., 1., 1.]))
        """
        return faithfulness_curve(
            self,
            scores,
            fractions,
            by=by,
            ablation=ablation,
            metric=metric,
            n_random=n_random,
            seed=seed,
            prune=prune,
            progress=progress,
            rows_at_once=remembered(resume).get("rows_at_once"),
            steps_of=lambda passes: steps_on(passes, executor, resume),
        )

"""Methods of `pw.Experiment` that follow what a component changes through others: paths and edges."""

from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath

from patchwidgets.directions import Direction
from patchwidgets.edges import FROZEN, Frozen, Path, Receiver
from patchwidgets.executors.futures import Executor
from patchwidgets.executors.parts import remembered
from patchwidgets.executors.running import steps_on
from patchwidgets.facade.sweeps import Sweeps
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import EDGES_ARGUMENTS, PATCH_ARGUMENTS, SWEEP_ARGUMENTS
from patchwidgets.methods.paths.api import (
    PathResult,
    Receivers,
    Senders,
    edges_between,
    make_path_sweep,
    run_path,
)
from patchwidgets.sites import Site
from patchwidgets.sweep.api import PartialSweep, iter_sweep, run_sweep
from patchwidgets.sweep.plan import Plan
from patchwidgets.sweep.sweep_result import SweepResult


class Paths(Sweeps):
    """An experiment that follows paths.

    Examples
    --------
    Through what does L0.H1 act? Mostly through its own layer's MLP; what it writes for the logits themselves is less.

    >>> round(exp.patch("L0.H1").effect, 1)
    12.6
    >>> receivers = exp.sweep_paths(senders="L0.H1", progress=False)
    >>> receivers.top_sites(3)
    ['L0.H1->L0.mlp_in', 'L0.H1->L1.mlp_in', 'L0.H1->logits']
    >>> round(exp.path("L0.H1", "L0.mlp_in").effect, 2), round(exp.path("L0.H1->logits").effect, 2)
    (5.04, 1.94)

    And what feeds that receiver, and the next one?

    >>> exp.sweep_paths("L1.mlp_in", progress=False).top_sites(2)
    ['L0.H1->L1.mlp_in', 'L0.mlp_out->L1.mlp_in']

    A path of two edges: what L0.H1 changes in the MLP of layer 1, as the logits read it. With live MLPs between the
    two ends, those of layer 0 pass on what the head tells them.

    >>> round(exp.path("L0.H1", "L1.mlp_in", "logits").effect, 2)
    2.66
    >>> frozen, live = (exp.path("L0.H1", "L1.mlp_in", frozen=f) for f in (("attn", "mlp"), ("attn",)))
    >>> round(frozen.effect, 2), round(live.effect, 2)
    (3.17, 5.83)

    All edges of the model: first what it would cost, then the table.

    >>> exp.plan_edges().sites
    479
    >>> edges = exp.edges(progress=False)
    >>> edges.top_sites(3)
    ['embed->L0.H1.v', 'L0.H1->L0.mlp_in', 'L1.mlp_out->logits']
    >>> edges.sel(receiver="L1.H1.q").top_sites(1)
    ['L0.H1->L1.H1.q']

    Of the 20 largest, 18 lie on a way from the embedding to the logits.

    >>> pw.Circuit.top(edges, 20).prune()
    Circuit(18 edges: ...)

    Over several pairs each edge has an interval.

    >>> pairs = pw.Experiment(model, pw.tasks.addition(n=8, seed=0))
    >>> pairs.sweep_paths("logits", senders=["L0.H1", "L3.mlp_out"], progress=False).over_pairs()["effect"].shape
    (2,)

    A receiver comes after its sender.

    >>> exp.path("L1.H1", "L0.H1.q")
    Traceback (most recent call last):
    ...
    patchwidgets.errors.SiteError: ...
    """

    @answers(PATCH_ARGUMENTS)
    def path(
        self,
        sender: str | Site | Path,
        *receivers: str | Site | Receiver,
        frozen: Frozen = FROZEN[0],
    ) -> PathResult:
        """What a sender changes through a receiver alone, exactly.

        The receiver sees the stream of the host with what the sender writes in the source run; everything between them
        stays as in the host, and everything after the receiver is live (path patching, Wang et al. 2022,
        arXiv:2211.00593). With several receivers, each step is such an edge: what the first receiver's component then
        writes is what the second one sees. Costs a pass over both prompts, a row for the sender and for each further
        step, and one from the last receiver's layer on.

        Parameters
        ----------
        sender
            What writes into the residual stream: ``"embed"``, a head ``"L20.H0"``, ``"L20.mlp_out"``,
            ``"L20.attn_out"`` or neurons; or a whole path, ``"L20.H0->L23.H3.q->logits"``.
        receivers
            What reads the stream: the query of a head ``"L23.H3.q"``, the key or value of a key-value head
            ``"L23.KV1.k"``, an MLP ``"L23.mlp_in"``, or ``"logits"``; with a position as in sites, it sees the change
            there alone.
        frozen
            ``("attn", "mlp")``, or ``("attn",)``: then MLPs between sender and receiver are live, as in the paper.

        Raises
        ------
        SiteError, RefusedError, CounterpartError
            A receiver before its sender, the key of a head that shares it with others, something else that the model
            does not have, or a position without a counterpart.
        PatchError, WeightsChangedError
            `frozen` is neither of the two; weights that changed since the runs of the experiment.

        Examples
        --------
        >>> round(exp.path("L0.H1", "L1.H1.v").effect, 3), round(exp.path("L0.H1->logits").effect, 2)
        (-0.001, 1.94)
        """
        return run_path(self, Path.of(sender, *receivers), frozen)

    @answers(SWEEP_ARGUMENTS)
    def sweep_paths(
        self,
        receivers: Receivers | None = None,
        senders: Senders | None = None,
        *,
        paths: Sequence[str | Path] | None = None,
        frozen: Frozen = FROZEN[0],
        direction: Direction | None = None,
        batch: int | None = None,
        budget: float | None = None,
        progress: bool = True,
    ) -> SweepResult:
        """The effects of many paths: of all senders into one receiver, of one sender into all receivers, or of a list.

        Costs a pass over both prompts, a row for each sender and for each further step, and for each path one from its
        last receiver's layer on; of many edges also a sweep over the receivers, to begin with the most telling ones.

        Parameters
        ----------
        receivers, senders
            One or a list, as in `path`; without them all of the model.
        paths
            Instead of both, a list of paths.
        frozen
            As in `path`.
        direction, batch, budget, progress
            As in `sweep`.

        Returns
        -------
        SweepResult
            Over ``edge``, such as ``"L20.H0->L23.H3.q"``; ``sel(sender=...)`` and ``sel(receiver=...)`` choose among
            them. ``top_sites`` returns paths for `path`.

        Raises
        ------
        SiteError, RefusedError, CounterpartError, PatchError, WeightsChangedError
            As in `path`; nothing to compute.
        KeyboardInterrupt
            Somebody interrupted the cell; what was done by then is in ``exp.interrupted[0]``.

        Examples
        --------
        >>> exp.sweep_paths("L1.H1.v", progress=False).top_sites(2)
        ['L0.H1->L1.H1.v', 'L0.mlp_out->L1.H1.v']
        """
        chosen = edges_between(self, senders, receivers) if paths is None else paths
        sweep = make_path_sweep(self, chosen, frozen, direction, batch, budget)
        return run_sweep(sweep, progress, self._set_interrupted)[0]

    @answers(EDGES_ARGUMENTS)
    def edges(
        self,
        *,
        frozen: Frozen = FROZEN[0],
        direction: Direction | None = None,
        batch: int | None = None,
        budget: float | None = None,
        progress: bool = True,
        executor: Executor | None = None,
        resume: str | FilePath | None = None,
    ) -> SweepResult:
        """Every edge of the model, one at a time, exactly.

        Senders are the embedding, all heads and all MLPs; receivers all q, k and v, all MLPs and the logits. Those into
        receivers of large total effect come first. Costs what `plan_edges` says: minutes for a model of 135 million
        parameters and one pair.

        Parameters
        ----------
        frozen, direction, batch, budget, progress
            As in `sweep_paths`.
        executor, resume
            As in `sweep`. How edges share passes depends on the budget; numbers are the same to the last bit for the
            same budget.

        Returns
        -------
        SweepResult
            As from `sweep_paths`.

        Raises
        ------
        CounterpartError, PatchError, WeightsChangedError, KeyboardInterrupt
            As in `sweep_paths`.
        ExecutorError, FileError
            As in `sweep`.

        Examples
        --------
        >>> edges = exp.edges(progress=False)
        >>> edges
        SweepResult(edges of 'teaching model': 479 edge, 1 pair, logit_diff, denoise)
        """
        budget = remembered(resume).get("budget") if budget is None else budget
        sweep = make_path_sweep(self, edges_between(self), frozen, direction, batch, budget)
        steps = steps_on(sweep, executor, resume)
        return run_sweep(sweep, progress, self._set_interrupted, steps)[0]

    def iter_edges(
        self,
        *,
        frozen: Frozen = FROZEN[0],
        direction: Direction | None = None,
        batch: int | None = None,
        budget: float | None = None,
    ) -> Iterator[PartialSweep]:
        """Compute every edge in parts, the most telling first, and get the result so far with each; as `edges`.

        Examples
        --------
        >>> parts = list(exp.iter_edges(batch=200))
        >>> parts[-1].done, parts[-1].left
        (479, 0)
        """
        yield from iter_sweep(
            make_path_sweep(self, edges_between(self), frozen, direction, batch, budget)
        )

    def plan_edges(
        self,
        *,
        frozen: Frozen = FROZEN[0],
        direction: Direction | None = None,
        batch: int | None = None,
        budget: float | None = None,
        workers: int = 1,
    ) -> Plan:
        """What `edges` would do: paths, arithmetic, memory, time, as `plan`. Costs a sweep over the receivers.

        Examples
        --------
        >>> exp.plan_edges()
        Plan: 479 sites, ...
        """
        sweep = make_path_sweep(self, edges_between(self), frozen, direction, batch, budget)
        return sweep.plan(workers)

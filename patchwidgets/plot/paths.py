"""Paths and edges with their effects, as a graph of the components that they join."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from jaxtyping import Float

from patchwidgets.edges import Path
from patchwidgets.errors import PatchError, SiteError
from patchwidgets.methods.circuits.sizes import Sizes
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.models.model import Model
from patchwidgets.plot.axes import mark_estimate
from patchwidgets.plot.draw_graph import Words, draw_graph
from patchwidgets.plot.graph import graph_of
from patchwidgets.plot.quantity import about, read
from patchwidgets.plot.routes import number
from patchwidgets.sweep.sweep_result import SweepResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Paths = SweepResult | PathResult | Sequence[PathResult]
PathQuantity = Literal["effect", "share"]


def paths(
    paths: Paths,
    metric: str | None = None,
    *,
    quantity: PathQuantity = "effect",
    k: int = 30,
    label: int = 5,
    model: Model | None = None,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    r"""Draw the paths or edges of the largest effect, from the embedding at the bottom to the logits at the top.

    Parameters
    ----------
    paths
        From ``exp.sweep_paths(...)``, ``exp.edges()``, ``exp.estimate_edges()``, or one or several from ``exp.path``.
    metric
        By default the experiment's first one.
    quantity
        ``"effect"``, or ``"share"`` of the difference of the unpatched runs.
    k
        How many are drawn.
    label
        How many of them get their number, the largest first, where there is room.
    model
        With it, dotted lines lead from keys and values that several heads share to these heads. No model is needed
        otherwise, so that a loaded sweep can be drawn.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure, as high as the graph needs.

    Returns
    -------
    Axes
        An arrow is as wide as its effect is large: blue if it leads towards clean, orange if towards corrupted, dashed
        if it is negative. Below a head stands which of its parts, ``q``, ``k`` or ``v``, reads it.

    Raises
    ------
    PatchError
        Something else than paths, no such quantity, or `k` is below 1.
    MetricError
        It is not measured.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = pw.plot.paths(exp.edges(progress=False), k=3, label=1, ax=Figure(figsize=(4, 4)).subplots())
    >>> ax.get_title(loc="left").replace("\n", " ")
    'effect on logit_diff, the 3 largest of 479 edges, denoise'
    >>> sorted({text.get_text() for text in ax.texts})
    ['+12.7', 'L0.H1', 'L0.MLP', 'L1.MLP', 'embed', 'logits', 'v']
    """
    if quantity not in get_args(PathQuantity):
        raise PatchError(f"quantity is {quantity!r}; expected 'effect' or 'share'.")
    effects = _read(paths, metric, quantity)
    largest = effects.largest(k)
    graph = graph_of(largest, None if model is None else Sizes.of(model).n_per_kv)
    n, n_left = len(effects.names), len(effects.names) - len(largest)
    count = f"the {len(largest)} largest of {n:,} {effects.kind}" if n_left else ""
    own = f"{effects.label} {number(largest[0][1])}" if n == 1 and largest else effects.label
    words = Words([own, count, *effects.parts], title)
    ax = draw_graph(graph, words, label, effects.towards_clean, ax)
    if isinstance(paths, SweepResult):
        mark_estimate(ax, paths.attrs.get("estimate", ""))
    return ax


@dataclass(frozen=True, eq=False)
class Effects:
    """Paths with their numbers.

    Attributes
    ----------
    names, values
        The paths, as text or parsed, and their numbers; NaN where they are unknown.
    towards_clean
        1 if positive numbers lead to the clean run, -1 if negative ones do.
    label
        What the numbers are.
    parts
        What else is said in a title.
    """

    names: Sequence[str | Path]
    values: Float[np.ndarray, "path"]
    towards_clean: int
    label: str
    parts: list[str]

    @property
    def kind(self) -> str:
        """Edges, or paths of several steps."""
        return "edges" if all(str(name).count("->") == 1 for name in self.names) else "paths"

    def largest(self, k: int) -> list[tuple[Path, float]]:
        """Return the paths with the `k` largest numbers, of either sign.

        Raises
        ------
        PatchError
            `k` is below 1.
        """
        if k < 1:
            raise PatchError(f"k is {k!r}; expected how many paths to draw, at least 1.")
        order = np.argsort(-np.abs(self.values), kind="stable")[:k]
        return [
            (Path.parse(self.names[i]), float(self.values[i]))
            for i in order
            if np.isfinite(self.values[i])
        ]


def effects_of(result: SweepResult, metric: str | None, quantity: PathQuantity) -> Effects:
    """Return the paths of a sweep with their numbers.

    Raises
    ------
    SiteError
        The sweep has sites, not paths.
    """
    if result.attrs["component"] != "edges":
        raise SiteError(
            f"This sweep is of {result.attrs['component']}, and paths are needed: those of exp.edges(), "
            "exp.estimate_edges() or exp.sweep_paths(...). For sites there are pw.plot.heatmap and pw.plot.layers."
        )
    drawn = read(result, metric, quantity)
    values = drawn.values.ravel()
    return Effects(result.site_names(), values, drawn.towards_clean, drawn.label, about(result))


def _read(paths: Any, metric: str | None, quantity: PathQuantity) -> Effects:
    if isinstance(paths, SweepResult):
        return effects_of(paths, metric, quantity)
    results = [paths] if isinstance(paths, PathResult) else paths
    if (
        not isinstance(results, Sequence)
        or not results
        or not all(isinstance(each, PathResult) for each in results)
    ):
        raise PatchError(
            "Expected what exp.sweep_paths(...), exp.edges() or exp.path(...) returns, or a list of the last; got "
            f"{type(paths).__name__}."
        )
    name = metric or next(iter(results[0].readings))
    readings = [each[name] for each in results]
    if len({reading.direction for reading in readings}) > 1:
        raise PatchError("These paths are of both directions; draw those of one.")
    first = readings[0]
    clean, corrupted = (first.metric.mean(each) for each in (first.clean, first.corrupted))
    signs = {
        "effect": 1 if clean > corrupted else -1,
        "share": 1 if first.direction == "denoise" else -1,
    }
    n_pairs = len(first.clean)
    return Effects(
        [each.path for each in results],
        np.array([getattr(reading, quantity) for reading in readings], dtype=float),
        signs[quantity],
        {"effect": f"effect on {name}", "share": f"share of {name}"}[quantity],
        [first.direction, f"{n_pairs} pairs" if n_pairs > 1 else ""],
    )

"""The methods by which effects are estimated, by name. Plain data.

- AtP (attribution patching): Nanda 2023, "Attribution Patching: Activation Patching At Industrial Scale". When it
  fails: Kramár et al. 2024, "AtP*: An efficient and scalable method for localizing LLM behaviour to components"
  (arXiv:2403.00745), whose corrections (the QK fix and GradDrop) are not made here.
- IG: Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks" (arXiv:1703.01365).
- EAP: Syed et al. 2023, "Attribution Patching Outperforms Automated Circuit Discovery" (arXiv:2310.10348).
- EAP-IG: Hanna et al. 2024, "Have Faith in Faithfulness: Going Beyond Circuit Overlap When Finding Model Mechanisms"
  (arXiv:2403.17806). MIB (Mueller et al. 2025, arXiv:2504.13151) calls it "EAP-IG (inputs)".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from patchwidgets.errors import MetricError, PatchError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.metrics import kl

NodeMethod = Literal["atp", "ig"]
EdgeMethod = Literal["eap", "eap-ig"]
DEFAULT_STEPS = 5
"""As in Hanna et al. (2024)."""

_INTEGRATED = {"atp": "ig", "eap": "eap-ig"}
"""By each method that takes one gradient, the one that takes several."""
_NAMES = {"atp": "AtP", "ig": "IG", "eap": "EAP", "eap-ig": "EAP-IG"}


@dataclass(frozen=True)
class Method:
    """How effects are estimated.

    Attributes
    ----------
    name
        As it is asked for.
    steps
        At how many points of the way gradients are taken; 1 without integrated gradients.
    """

    name: NodeMethod | EdgeMethod
    steps: int

    @property
    def points(self) -> list[float]:
        """Where gradients are taken, as parts of the way from the host's embeddings to the source's.

        The left ends of equal parts, as in Hanna et al. (2024), so that with one step it is the gradient in the host.
        """
        return [i / self.steps for i in range(self.steps)]

    def __str__(self) -> str:
        return _NAMES[self.name] + (
            f" in {self.steps} steps" if self.name not in _INTEGRATED else ""
        )


def checked_method(
    name: str, steps: int | None, known: Sequence[NodeMethod | EdgeMethod]
) -> Method:
    """Return a method by its name, in any case (``"EAP-IG"``), if it is one of those that are known here.

    Raises
    ------
    PatchError
        An unknown method, or one that estimates something else; steps that are no number of points, or of a method that
        has none.
    """
    lower = name.lower() if isinstance(name, str) else name
    for method in known:
        if lower == method:
            return Method(method, _checked_steps(method, steps))
    names, hint = " or ".join(map(repr, known)), ""
    if lower in _NAMES:
        of = (
            "edges, as in exp.estimate_edges"
            if lower.startswith("eap")
            else "sites, as in exp.estimate"
        )
        hint = f" {_NAMES[lower]} estimates {of}(...)."
    raise PatchError(f"Unknown method {shown(name)}; expected {names}.{hint}")


def _checked_steps(method: str, steps: int | None) -> int:
    if method in _INTEGRATED:
        if steps is not None:
            raise PatchError(
                f"{method!r} takes one gradient, in the host run, and has no steps; leave steps={shown(steps)} out, or "
                f"use method={_INTEGRATED[method]!r}."
            )
        return 1
    steps = DEFAULT_STEPS if steps is None else steps
    if not isinstance(steps, int) or steps < 1:
        raise PatchError(f"steps is {shown(steps)}; expected a number of points, at least 1.")
    return steps


def check_metrics(experiment: BaseExperiment, method: Method) -> None:
    """Refuse metrics whose gradient is known to say nothing.

    Raises
    ------
    MetricError
        KL from the clean run, at the clean run, where it is least.
    """
    for name, metric in experiment.metrics.items():
        if metric.function is kl and experiment.host_name == "clean" and method.steps == 1:
            raise MetricError(
                f"{name} is 0, and so is its gradient, in the clean run, which is the host in direction 'noise': every "
                "estimate would be 0. Use another metric, as in exp.measuring('logit_diff'), or "
                f"method={_INTEGRATED.get(method.name, method.name)!r} with several steps."
            )


def check_effects(effects: Mapping[str, Float[np.ndarray, "..."]], any_expected: bool) -> None:
    """Refuse estimates that are all exactly 0, as of a metric that is flat where the gradient is taken.

    Raises
    ------
    MetricError
        The gradient of a metric is 0 everywhere.
    """
    for metric, of_metric in effects.items():
        if any_expected and not of_metric.any():
            raise MetricError(
                f"The gradient of {metric} is 0 at every site, so that every estimate is 0. Use another metric, as in "
                "exp.measuring('logit_diff'), or exact effects, as of exp.sweep('z')."
            )

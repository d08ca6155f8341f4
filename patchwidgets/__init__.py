"""Activation patching in a notebook: see three runs of a language model side by side and splice one into another."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patchwidgets import errors, helix, metrics, plot, tasks
    from patchwidgets.experiment import Experiment
    from patchwidgets.loading import load, wrap
    from patchwidgets.metrics import At
    from patchwidgets.model import Model
    from patchwidgets.result import PatchResult
    from patchwidgets.results import SweepResult
    from patchwidgets.run import Run
    from patchwidgets.session import PatchSession
    from patchwidgets.sites import Patch, Site
    from patchwidgets.tasks import Task, propose_alignment
    from patchwidgets.widget import PatchExplorer, explore

__all__ = [
    "At",
    "Experiment",
    "Model",
    "Patch",
    "PatchExplorer",
    "PatchResult",
    "PatchSession",
    "Run",
    "Site",
    "SweepResult",
    "Task",
    "errors",
    "explore",
    "helix",
    "load",
    "metrics",
    "plot",
    "propose_alignment",
    "tasks",
    "wrap",
]

# torch and transformers take seconds to import, so each name is imported when it is first used.
_HOME = {
    "At": "metrics",
    "Experiment": "experiment",
    "Model": "model",
    "Patch": "sites",
    "PatchExplorer": "widget",
    "PatchResult": "result",
    "PatchSession": "session",
    "Run": "run",
    "Site": "sites",
    "SweepResult": "results",
    "Task": "tasks",
    "explore": "widget",
    "load": "loading",
    "propose_alignment": "tasks",
    "wrap": "loading",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"patchwidgets.{_HOME[name]}"), name)
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("patchwidgets")
    if name in __all__:
        return importlib.import_module(f"patchwidgets.{name}")
    raise AttributeError(f"module 'patchwidgets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

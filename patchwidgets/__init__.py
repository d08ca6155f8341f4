"""Activation patching in a notebook.

See three runs of a language model side by side (clean, patched, corrupted) and copy activations from one into another.
"""

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patchwidgets import course, errors, helix, metrics, plot, sources, tasks
    from patchwidgets.experiment.patch_result import PatchResult
    from patchwidgets.explorer.saved_explorer import SavedExplorer
    from patchwidgets.explorer.saved_patch import SavedPatch
    from patchwidgets.explorer.session import PatchSession
    from patchwidgets.explorer.widget import PatchExplorer
    from patchwidgets.facade import Experiment, explore
    from patchwidgets.facade.opening import open  # noqa: A004 - as in PIL.Image.open
    from patchwidgets.methods.circuits.circuit import Circuit
    from patchwidgets.methods.fit_lens import fit_lens
    from patchwidgets.methods.generation.continuations import Generation
    from patchwidgets.metrics import At
    from patchwidgets.models.architectures import Architecture
    from patchwidgets.models.dictionaries import Dictionary, wrap_dictionary
    from patchwidgets.models.lenses.jacobian_lens import JacobianLens
    from patchwidgets.models.lenses.result import LensResult
    from patchwidgets.models.loading import load, wrap
    from patchwidgets.models.logit_attribution import LogitAttribution
    from patchwidgets.models.model import Model
    from patchwidgets.models.run import Run
    from patchwidgets.models.written import Written
    from patchwidgets.sites import Patch, Site
    from patchwidgets.sweep.comparison import Comparison
    from patchwidgets.sweep.request import Top
    from patchwidgets.sweep.sweep_result import SweepResult
    from patchwidgets.tasks import Task, propose_alignment

__all__ = [
    "Architecture",
    "At",
    "Circuit",
    "Comparison",
    "Dictionary",
    "Experiment",
    "Generation",
    "JacobianLens",
    "LensResult",
    "LogitAttribution",
    "Model",
    "Patch",
    "PatchExplorer",
    "PatchResult",
    "PatchSession",
    "Run",
    "SavedExplorer",
    "SavedPatch",
    "Site",
    "SweepResult",
    "Task",
    "Top",
    "Written",
    "course",
    "errors",
    "explore",
    "fit_lens",
    "helix",
    "load",
    "metrics",
    "open",
    "plot",
    "propose_alignment",
    "sources",
    "tasks",
    "wrap",
    "wrap_dictionary",
]

# As every library: who wants to read the log says where it goes.
logging.getLogger(__name__).addHandler(logging.NullHandler())

# torch and transformers take seconds to import, so each name is imported when it is first used.
_MODULE_OF = {
    "Architecture": "models.architectures",
    "At": "metrics",
    "Circuit": "methods.circuits.circuit",
    "Comparison": "sweep.comparison",
    "Dictionary": "models.dictionaries",
    "Experiment": "facade",
    "JacobianLens": "models.lenses.jacobian_lens",
    "LensResult": "models.lenses.result",
    "Generation": "methods.generation.continuations",
    "LogitAttribution": "models.logit_attribution",
    "Model": "models.model",
    "Patch": "sites",
    "PatchExplorer": "explorer.widget",
    "PatchResult": "experiment.patch_result",
    "PatchSession": "explorer.session",
    "Run": "models.run",
    "SavedExplorer": "explorer.saved_explorer",
    "SavedPatch": "explorer.saved_patch",
    "Site": "sites",
    "SweepResult": "sweep.sweep_result",
    "Task": "tasks",
    "Top": "sweep.request",
    "Written": "models.written",
    "explore": "facade",
    "fit_lens": "methods.fit_lens",
    "load": "models.loading",
    "open": "facade.opening",
    "propose_alignment": "tasks",
    "wrap": "models.loading",
    "wrap_dictionary": "models.dictionaries",
}


def __getattr__(name: str) -> Any:
    from patchwidgets.hooks.interrupts import Uninterrupted

    with Uninterrupted():
        if name in _MODULE_OF:
            return getattr(importlib.import_module(f"patchwidgets.{_MODULE_OF[name]}"), name)
        if name == "__version__":
            return importlib.import_module("importlib.metadata").version("patchwidgets")
        if name in __all__:
            return importlib.import_module(f"patchwidgets.{name}")
        from patchwidgets.guesses.answering import no_attribute
        from patchwidgets.guesses.names import PACKAGE, home_of

    raise no_attribute("pw", name, __all__, home_of(name) | PACKAGE)


def __dir__() -> list[str]:
    return __all__

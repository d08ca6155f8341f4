"""`pw.Experiment` and `pw.explore`: methods that call functions of lower layers, and cost what these cost."""

from patchwidgets.facade.experiment import Experiment, explore

__all__ = ["Experiment", "explore"]

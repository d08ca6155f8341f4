"""Exact sweeps: the same question asked of thousands of sites, with all that is known beforehand left out.

Four savings, each exact: nothing changes where nothing differs; a patch changes only later layers and positions; rows
that begin at different layers share one descent; only logits that a metric needs are read.
"""

from patchwidgets.engine.grid import Grid, Request, make_grid
from patchwidgets.engine.plan import Plan, Savings
from patchwidgets.engine.sweep import Sweep
from patchwidgets.engine.swept import Progress, Swept

__all__ = ["Grid", "Plan", "Progress", "Request", "Savings", "Sweep", "Swept", "make_grid"]

"""A request for a path, such as ``L20.H0->L23.H3.q``: read, computed, and set beside the total effects of its ends.

A path stands where a site stands in a request for patches, alone.
"""

from collections.abc import Sequence

from patchwidgets.edges import Path
from patchwidgets.errors import PatchError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.methods.paths.steps import checked_path
from patchwidgets.sites import Patch, Site
from patchwidgets.tasks import Pair


def is_path(site: object) -> bool:
    """Whether what is to be patched is written as a path."""
    return isinstance(site, str) and ("->" in site or "→" in site)


def path_in_model(
    site: str, source: object, n_patches: int, experiment: BaseExperiment, pairs: Sequence[Pair]
) -> str:
    """A path in the form that this model uses, if it is asked for alone and the model and these prompts have it.

    Raises
    ------
    PatchError
        It is not alone, or from another run than the source.
    SiteError, RefusedError, CounterpartError
        The model or the prompts do not have it.
    """
    if n_patches > 1:
        raise PatchError(
            f"{site} is a path, and a path is followed alone; ask for it without other patches."
        )
    other = "clean" if experiment.host_name == "corrupted" else "corrupted"
    if source not in ("source", other):
        raise PatchError(
            f"A path carries what the other run has there, and cannot carry {shown(source)}."
        )
    path = checked_path(experiment.model, site)
    for pair in pairs:
        experiment.sources.places(Patch(path.sender), pair)
    return str(path)


def ends(path: str | Path) -> list[Site]:
    """The sites whose total effects stand beside a path: its sender, and the component of its last receiver.

    For a query that is its head; for a key or value that several heads share, the key or value itself.
    """
    path = Path.parse(path)
    sites, receiver = [path.sender], path.receiver
    if receiver.component == "mlp_in":
        sites.append(Site("mlp_out", receiver.layer))
    elif receiver.site is not None and receiver.kv:
        sites.append(receiver.site.at(None))
    elif receiver.layer is not None:
        sites.append(Site("z", receiver.layer, receiver.index))
    return sites

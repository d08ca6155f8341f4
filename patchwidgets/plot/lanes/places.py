"""Which box stands for a site, and from which lane its value comes. Costs nothing."""

from patchwidgets.directions import RunName, host_name, source_name
from patchwidgets.edges import Path, Receiver
from patchwidgets.models.model import Model
from patchwidgets.plot.finding import not_frozen
from patchwidgets.plot.lanes.layout import Cell
from patchwidgets.plot.shown import Shown
from patchwidgets.sites import HEAD_COMPONENTS, NEURON_COMPONENTS, Patch, Site, stream_of
from patchwidgets.sources.source import SourceData

EXACT = frozenset({"attn_out", "mlp_out", "resid_mid", "resid_post", "embed", "resid_pre"})
SHORT = {"attn_out": "attn", "mlp_out": "MLP", "mlp_in": "MLP", "embed": "embed"}


def cell_of(site: Site) -> Cell:
    """The box that stands for a site: for a neuron its MLP, for what enters a layer the stream after the one before."""
    layer = site.layer
    if layer is None:
        return Cell("embed", 0)
    if site.component in HEAD_COMPONENTS:
        alone = site.index is not None and not site.kv
        return Cell("z", layer, site.index) if alone else Cell("attn_out", layer)
    if site.component in NEURON_COMPONENTS:
        return Cell("mlp_out", layer)
    component = stream_of(site.component)
    if component == "resid_pre":
        return Cell("resid_post", layer - 1) if layer else Cell("embed", 0)
    return Cell(component, layer)


def is_whole(site: Site) -> bool:
    """Whether a patch of a site replaces all that its box stands for."""
    return site.component in EXACT or (site.component == "z" and site.index is not None)


def receiver_cell(receiver: Receiver, model: Model) -> Cell | None:
    """The box of what reads; of a key that heads share, the first of these. None for the logits."""
    if receiver.layer is None:
        return None
    if receiver.component == "mlp_in":
        return Cell("mlp_out", receiver.layer)
    index = receiver.index or 0
    first = index * model.n_heads // model.n_kv_heads if receiver.kv else index
    return Cell("z", receiver.layer, first)


def taken_from(patch: Patch, shown: Shown) -> RunName | None:
    """The lane that a patch takes its value from; None where it takes none as it is."""
    if patch.fn is not None or not isinstance(patch.source, str):
        return None
    direction = shown.experiment.direction
    runs: dict[str, RunName] = {
        "source": source_name(direction),
        "host": host_name(direction),
        "clean": "clean",
        "corrupted": "corrupted",
    }
    return runs[patch.source]


def word_of(patch: Patch, shown: Shown) -> str:
    """What is put in, in a word: "clean", "zero", "changed"."""
    run = taken_from(patch, shown)
    if run is not None:
        return run
    if patch.fn is not None:
        return "changed"
    return patch.source.kind if isinstance(patch.source, SourceData) else "given"


def short_name(site: Site) -> str:
    """What stands in a box: "H3", "N1262", "MLP"."""
    if site.index is not None:
        unit = "N" if site.component in NEURON_COMPONENTS else "KV" if site.kv else "H"
        return (
            f"{unit}{site.index}" if site.component in HEAD_COMPONENTS | NEURON_COMPONENTS else ""
        )
    return SHORT.get(site.component, "")


def changed_cells(shown: Shown) -> dict[Cell, list[Site]]:
    """The boxes of what is patched, or of what sends along a path, with their sites."""
    path = shown.path
    sites = [patch.site for patch in shown.patches] if path is None else [path.sender]
    cells = dict[Cell, list[Site]]()
    for site in sites:
        named = cells.setdefault(cell_of(site), [])
        if site.at(None) not in named:
            named.append(site.at(None))
    return cells


def replaced_cells(shown: Shown) -> set[Cell]:
    """The boxes whose whole value is another one; what is frozen has its own."""
    if shown.path is not None:
        return set()
    return {cell_of(patch.site) for patch in not_frozen(shown.patches) if is_whole(patch.site)}


def path_cells(path: Path, model: Model) -> list[Cell | None]:
    """The boxes along a path, the sender first; None is where the logits are read."""
    return [cell_of(path.sender), *(receiver_cell(each, model) for each in path.receivers)]

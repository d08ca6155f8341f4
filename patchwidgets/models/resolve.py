"""Check sites against a model: what is out of range, what its family does not have, which heads share keys."""

from dataclasses import replace

from patchwidgets.errors import RefusedError, SiteError
from patchwidgets.models.layout import Layout
from patchwidgets.sites import (
    DICTIONARY_COMPONENTS,
    HEAD_COMPONENTS,
    NEURON_COMPONENTS,
    Component,
    Site,
    stream_of,
)


def resolve(layout: Layout, site: str | Site) -> Site:
    """Return the site in the form that this model uses, if it has it.

    Raises
    ------
    RefusedError
        The model does not have the component, or has it only per key-value head.
    SiteError
        The text is not a site, or its layer, head or neuron is out of range.
    """
    site = Site.parse(site)
    if site.layer is not None and site.layer >= layout.n_layers:
        raise SiteError(
            f"{site}: layer {site.layer} is out of range; {layout.name} has layers 0 to {layout.n_layers - 1}."
        )
    if site.component in DICTIONARY_COMPONENTS:
        return _resolve_feature(layout, site)
    if site.index is not None:
        _check_index(layout, site, site.index)
    if reason := layout.refused.get(site.component):
        raise RefusedError(f"No {site.name} here: {reason}")
    if site.component in ("k", "v") and site.index is not None:
        return _resolve_shared(layout, site, site.index)
    return site


def sites_of(layout: Layout, component: Component) -> tuple[Site, ...]:
    """Return every site of a component: one per layer, or per layer and head. Single neurons are not listed."""
    if component in DICTIONARY_COMPONENTS:
        return _features_of(layout, component)
    resolve(layout, Site(component, None if component == "embed" else 0))
    if component == "embed":
        return (Site("embed"),)
    if component not in HEAD_COMPONENTS:
        return tuple(Site(component, layer) for layer in range(layout.n_layers))
    kv = component in ("k", "v") and layout.n_kv_heads < layout.n_heads
    return tuple(
        Site(component, layer, head, kv=kv)
        for layer in range(layout.n_layers)
        for head in range(layout.n_kv_heads if kv else layout.n_heads)
    )


def _features_of(layout: Layout, component: Component) -> tuple[Site, ...]:
    """Return all features, or the error, of each dictionary of a stream."""
    layers = sorted(
        layer or 0 for stream, layer in layout.dictionaries if stream == stream_of(component)
    )
    if not layers:
        resolve(layout, Site(component, 0))  # which says that there is none
    return tuple(Site(component, layer) for layer in layers)


def _resolve_feature(layout: Layout, site: Site) -> Site:
    """Return features or an error of a stream, if the model has a dictionary of it."""
    stream = resolve(layout, f"L{site.layer}.{stream_of(site.component)}")
    attached = layout.dictionaries.get((stream.component, stream.layer))
    if attached is None:
        known = ", ".join(str(each.dictionary.site) for each in layout.dictionaries.values())
        raise RefusedError(
            f"No {site.name} here: {layout.name} has {f'dictionaries of {known}' if known else 'no dictionary'}, and "
            f"none of {stream}. Give it one: model.with_dictionaries(pw.wrap_dictionary('{stream}', encode, decode))."
        )
    if site.index is not None and site.index >= attached.n_features:
        raise SiteError(
            f"{site}: feature {site.index} is out of range; the dictionary of {stream} has features 0 to "
            f"{attached.n_features - 1}."
        )
    return site


def _resolve_shared(layout: Layout, site: Site, index: int) -> Site:
    """Return a key or value named by its key-value head, or by its query head if no heads share it."""
    if layout.n_kv_heads == layout.n_heads:
        return replace(site, kv=False)
    if site.kv:
        return site
    shared = layout.n_heads // layout.n_kv_heads
    first = index // shared * shared
    kv = replace(site, index=index // shared, kv=True)
    raise RefusedError(
        f"No {site.name} here: H{index} reads KV{kv.index}, shared with H{first}–H{first + shared - 1}. Use {kv.name}."
    )


def _check_index(layout: Layout, site: Site, index: int) -> None:
    if site.component in NEURON_COMPONENTS:
        unit, count = "neuron", layout.d_mlp
    elif site.kv:
        unit, count = "key-value head", layout.n_kv_heads
    else:
        unit, count = "head", layout.n_heads
    if count is not None and index >= count:
        raise SiteError(
            f"{site}: {unit} {index} is out of range; {layout.name} has {unit}s 0 to {count - 1}."
        )

"""Site strings: parsing and printing round-trip, and what is not a site says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchwidgets.components import ALL_COMPONENTS, FEATURE_COMPONENTS
from patchwidgets.errors import PatchError, SiteError
from patchwidgets.sites import HEAD_COMPONENTS, NEURON_COMPONENTS, Patch, Site


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("L9.H6", Site("z", 9, 6)),
        ("L0.H0@0", Site("z", 0, 0, 0)),
        ("L9.H6.q", Site("q", 9, 6)),
        ("L9.KV2.k", Site("k", 9, 2, kv=True)),
        ("L9.attn_out", Site("attn_out", 9)),
        ("L9.mlp_out@3:7", Site("mlp_out", 9, None, (3, 7))),
        ("L9.mlp_out@:7", Site("mlp_out", 9, None, (None, 7))),
        ("L9.mlp_out@-3:", Site("mlp_out", 9, None, (-3, None))),
        ("L4.N123@-1", Site("neuron", 4, 123, -1)),
        ("L26.N1262.neuron_pre", Site("neuron_pre", 26, 1262)),
        ("L9.H6@S2", Site("z", 9, 6, "S2")),
        ("L9.z", Site("z", 9)),
        ("L2.resid_post.F123@-1", Site("resid_post.features", 2, 123, -1)),
        ("L0.attn_out.F0", Site("attn_out.features", 0, 0)),
        ("L2.mlp_out.features@1:3", Site("mlp_out.features", 2, None, (1, 3))),
        ("L2.resid_mid.error@S2", Site("resid_mid.error", 2, None, "S2")),
        ("embed@2", Site("embed", pos=2)),
    ],
)
def test_reads_and_prints(text: str, site: Site) -> None:
    assert Site.parse(text) == site
    assert str(site) == text


def test_short_forms_mean_the_same_site() -> None:
    assert Site.parse("L9.H6.z") == Site.parse("L9.H6")
    assert Site.parse("L4.N5.neuron") == Site.parse("L4.N5")
    assert Site.parse("L4.neuron_gate") == Site.parse("L4.neuron_pre")


POSITIONS = st.one_of(
    st.none(),
    st.integers(-50, 50),
    st.tuples(st.none() | st.integers(-50, 50), st.none() | st.integers(-50, 50)),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True),
)


@st.composite
def sites(draw: st.DrawFn) -> Site:
    component = draw(st.sampled_from(ALL_COMPONENTS))
    if component == "embed":
        return Site("embed", pos=draw(POSITIONS))
    countable = component in HEAD_COMPONENTS | NEURON_COMPONENTS | FEATURE_COMPONENTS
    index = draw(st.none() | st.integers(0, 2000)) if countable else None
    kv = index is not None and component in ("k", "v") and draw(st.booleans())
    return Site(component, draw(st.integers(0, 200)), index, draw(POSITIONS), kv)


@given(sites())
def test_every_site_round_trips(site: Site) -> None:
    assert Site.parse(str(site)) == site
    assert eval(repr(site)) == site


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("9.6", "is not a site"),
        ("L9", "lacks a component"),
        ("L9.KV2", "lacks '.k' or '.v'"),
        ("L9.H6.mlp_out", "H goes with"),
        ("L9.KV2.q", "KV goes with k, v"),
        ("L9.resid", "Unknown component 'resid'"),
        ("L4.F123", "F123 belongs to the dictionary of a stream, as in L2.resid_post.F5"),
        ("L4.z.F1", "F1 belongs to the dictionary of a stream"),
        ("L4.H2.resid_post.F1", "F1 belongs to the dictionary of a stream"),
        ("L4.features", "Unknown component 'features'"),
        ("L4.resid_post.F1.F2", "is not a site"),
        ("L9.H6@1.5", "neither a number"),
        ("L9.H6@", "is not a site"),
        ("embed.L2", "is not a site"),
        ("", "is not a site"),
        ("l9.h6", r"'l9.h6' is not a site\. Did you mean 'L9\.H6'\? Sites look like"),
        ("L9H6@-1", r"Did you mean 'L9\.H6@-1'\?"),
        ("l9kv2.k", r"Did you mean 'L9\.KV2\.k'\?"),
        ("l9mlp_out@S2", r"Did you mean 'L9\.mlp_out@S2'\?"),
        ("heads", r"'heads' is not a site\. Did you mean z \(the heads\)\?"),
        ("L9.Heads", "'L9.Heads' is not a site. Sites look like"),
        ("L9.mlp", r"Unknown component 'mlp' in 'L9\.mlp'\. Did you mean mlp_out\? Known are"),
        ("L9.hidden", r"'hidden' in 'L9\.hidden'\. Known are [a-z_, ]*\.$"),
    ],
)
def test_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(SiteError, match=says):
        Site.parse(text)


def test_a_site_whose_parts_do_not_fit() -> None:
    with pytest.raises(SiteError, match="belongs to no layer; write 'embed'"):
        Site.parse("L0.embed")
    with pytest.raises(SiteError, match="needs a layer"):
        Site("z")
    with pytest.raises(SiteError, match="no heads or neurons"):
        Site("mlp_out", 3, 2)


def test_a_patch_reads_its_site_and_refuses_unknown_sources() -> None:
    assert Patch("L9.H6@-1").site == Site("z", 9, 6, -1)
    with pytest.raises(PatchError, match="Unknown source 'dirty'"):
        Patch("L9.H6", source="dirty")


@pytest.mark.parametrize(("layer", "index"), [(0, -1), (-1, 0), (-1, None)])
def test_layers_and_indices_count_from_0(layer: int, index: int | None) -> None:
    with pytest.raises(
        SiteError, match="Layer and index both count from 0, and only a position may be negative"
    ) as error:
        Site("z", layer, index)
    assert f"layer {layer} and index {index}" in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("z", 9, None, None, True), "leave kv out, as in 'L9.z'"),
        (("neuron", 9, 5, -1, True), "leave kv out, as in 'L9.N5@-1'"),
        (("embed", None, 2), "leave index out, as in 'embed'"),
        (("mlp_out", 9, 2, None, True), "leave index out, as in 'L9.mlp_out'"),
    ],
)
def test_the_advice_names_a_site_that_can_be_written(
    arguments: tuple[object, ...], advice: str
) -> None:
    with pytest.raises(SiteError) as error:
        Site(*arguments)  # type: ignore[arg-type]
    assert advice in str(error.value)


def test_all_key_value_heads_are_the_same_site_with_and_without_kv() -> None:
    assert Site("k", 9, kv=True) == Site("k", 9) == Site.parse("L9.k")
    assert Site("k", 9, 2, kv=True) != Site("k", 9, 2)


@pytest.mark.parametrize(
    ("component", "meant"),
    [
        ("heads", "z (the heads)"),
        ("Head", "z (the heads)"),
        ("attn", "attn_out, or z (the heads)"),
        ("mlp", "mlp_out"),
        ("resid", "resid_pre, resid_mid or resid_post"),
        ("neurons", "neuron"),
    ],
)
def test_names_that_people_use_for_components(component: str, meant: str) -> None:
    with pytest.raises(SiteError) as error:
        Site(component, 3)  # type: ignore[arg-type]
    assert f". Did you mean {meant}? Known are embed" in str(error.value)

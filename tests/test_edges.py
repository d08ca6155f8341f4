"""The words for edges and paths: parsing, printing and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchwidgets.edges import Path, Receiver, comes_after, parse_sender
from patchwidgets.errors import SiteError
from patchwidgets.sites import Site

RECEIVERS = ("L23.H3.q", "L23.KV1.k", "L23.KV1.v@-1", "L23.H2.k@S2", "L23.mlp_in@3:7", "logits")


@pytest.mark.parametrize("text", RECEIVERS)
def test_receivers_round_trip(text: str) -> None:
    receiver = Receiver.parse(text)
    assert str(receiver) == text
    assert Receiver.parse(receiver) is receiver
    assert receiver.name == text.partition("@")[0]


def test_a_receiver_says_what_it_is() -> None:
    assert Receiver.parse("L23.KV1.k@-1") == Receiver("k", 23, 1, -1, kv=True)
    assert Receiver.parse(Site("q", 2, 0)).site == Site("q", 2, 0)
    assert Receiver.parse("logits").site is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("L23.H3", "'L23.H3' receives nothing: an edge ends at what reads the residual stream"),
        (
            "L1.H3@-1",
            r"A head reads it in its query, key and value: L1\.H3\.q@-1, L1\.H3\.k@-1 or L1\.H3\.v@-1\.$",
        ),
        ("L1.mlp_out@S2", r"An MLP reads it as a whole: L1\.mlp_in@S2\.$"),
        ("L1.N5", r"An MLP reads it as a whole: L1\.mlp_in\.$"),
        ("L1.resid_pre", r"Receivers look like L23"),
        ("L23.q", "receives nothing"),
        ("mlp_in", "'mlp_in' is not a site"),
        ("logits@", "'logits@' is not a site"),
    ],
)
def test_what_receives_nothing_is_refused(text: str, says: str) -> None:
    with pytest.raises(SiteError, match=says):
        Receiver.parse(text)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("z", 1, 2), "'z' receives nothing"),
        (("logits", 3), "with layer 3"),
        (("mlp_in",), "with layer None"),
        (("q", 3), "has index None"),
        (("mlp_in", 3, 1), "has index 1"),
    ],
)
def test_contradictions_are_refused(arguments: tuple, says: str) -> None:
    with pytest.raises(SiteError, match=says):
        Receiver(*arguments)


@pytest.mark.parametrize("sender", ["L3.H1.q", "L3.resid_pre", "L3.H1.pattern"])
def test_what_sends_nothing_is_refused(sender: str) -> None:
    with pytest.raises(SiteError, match="sends nothing: an edge begins at what writes"):
        parse_sender(sender)


def test_a_path_of_several_steps() -> None:
    path = Path.parse("L20.H0 → L23.H3.q -> logits")
    assert path == Path.of("L20.H0", "L23.H3.q", "logits")
    assert str(path) == "L20.H0->L23.H3.q->logits"
    assert (path.sender, path.receiver) == (Site("z", 20, 0), Receiver("logits"))
    assert Path.parse(path) is path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("L23.H3->L20.H0.q", "No path from L23.H3 to L20.H0.q"),
        ("L23.H3->L23.H1.q", "No path"),
        ("L23.mlp_out->L23.mlp_in", "No path"),
        ("L20.H0->logits->L23.H3.q", "No path from logits to L23.H3.q"),
        ("L20.H0", "'L20.H0' is no edge"),
        ("", "'' is no edge"),
    ],
)
def test_paths_that_lead_nowhere_are_refused(text: str, says: str) -> None:
    with pytest.raises(SiteError, match=says):
        Path.parse(text)


def test_a_head_sends_to_the_mlp_of_its_layer_unless_they_run_in_parallel() -> None:
    head, mlp_in = Site("z", 3, 0), Receiver("mlp_in", 3)
    assert comes_after(head, mlp_in)
    assert not comes_after(head, mlp_in, parallel=True)
    assert not comes_after(Site("mlp_out", 3), mlp_in)


@given(st.integers(0, 99), st.integers(0, 99), st.sampled_from("qkv"), st.booleans())
def test_any_edge_round_trips(layer: int, head: int, component: str, kv: bool) -> None:
    receiver = f"L{layer + 1}.{'KV' if kv and component != 'q' else 'H'}{head}.{component}"
    text = f"L{layer}.H{head}->{receiver}"
    assert str(Path.parse(text)) == text

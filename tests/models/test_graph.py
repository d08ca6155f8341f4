"""Every edge of a model: how many there are, in which order, and which there are not."""

import pytest

from patchwidgets.models.graph import all_edges, receivers, senders
from patchwidgets.models.model import Model
from tests.support.families import CASES, N_HEADS, N_LAYERS
from tests.support.toy_models import make_model


def test_smollm2_has_70651_edges(smollm2: Model) -> None:
    edges = all_edges(smollm2)
    assert len(edges) == len(set(map(str, edges))) == 70_651
    assert len(senders(smollm2)) == 301
    assert len(receivers(smollm2)) == 30 * (9 + 3 + 3 + 1) + 1


def test_the_order_is_that_of_the_stream(toy: Model) -> None:
    """By receiver, and for each by sender; keys and values of two heads each."""
    assert list(map(str, receivers(toy)[:9])) == [
        *("L0.H0.q", "L0.H1.q", "L0.H2.q", "L0.H3.q"),
        *("L0.KV0.k", "L0.KV1.k", "L0.KV0.v", "L0.KV1.v", "L0.mlp_in"),
    ]
    edges = list(map(str, all_edges(toy)))
    assert edges[:2] == ["embed->L0.H0.q", "embed->L0.H1.q"]
    first = edges.index("embed->L0.mlp_in")
    assert edges[first : first + 6] == [
        *("embed->L0.mlp_in", "L0.H0->L0.mlp_in", "L0.H1->L0.mlp_in", "L0.H2->L0.mlp_in"),
        *("L0.H3->L0.mlp_in", "embed->L1.H0.q"),
    ]
    assert edges[-1] == "L2.mlp_out->logits"


@pytest.mark.parametrize("case", CASES)
def test_every_family(case: str) -> None:
    model = make_model(case)
    heads = sum(
        {"q": model.n_heads, "k": model.n_kv_heads, "v": model.n_kv_heads}[part]
        for part in ("q", "k", "v")
        if part in model.components
    )
    before = sum(1 + layer * (N_HEADS + 1) for layer in range(N_LAYERS))
    in_layer = 0 if model.layout.parallel else N_HEADS * N_LAYERS
    assert len(all_edges(model)) == heads * before + before + in_layer + 1 + N_LAYERS * (
        N_HEADS + 1
    )
    for receiver in receivers(model):
        if receiver.site is not None:
            assert model.resolve(receiver.site) == receiver.site

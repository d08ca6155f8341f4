"""Where the memory of a sweep is measured: on the devices of the model, with what PyTorch keeps for later tensors."""

import pytest
import torch

from patchwidgets.models.layout import Layout
from patchwidgets.sweep.cost import free_memory
from tests.support.toy_models import make_model

GIB = 2**30


@pytest.fixture
def layout(monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A model on two GPUs: 8 GiB are free on the first, of which nothing is kept, and 2 on the second, with 3 kept."""
    first, second = (torch.device("cuda", i) for i in range(2))
    free, kept = {first: 8, second: 2}, {first: 0, second: 3}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda d: (free[d] * GIB, 80 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda d: (kept[d] + 1) * GIB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _d: GIB)
    monkeypatch.setattr(Layout, "devices", (first, second))
    return make_model("llama").layout


def test_the_device_that_has_least_decides(layout: Layout) -> None:
    assert free_memory(layout) == 5 * GIB


def test_what_pytorch_keeps_is_free_for_us(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each sweep would have half of what the one before left, though nothing is in use."""
    monkeypatch.setattr(Layout, "devices", (torch.device("cuda", 1),))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _d: 4 * GIB)
    assert free_memory(layout) == 2 * GIB


def test_the_devices_of_a_model_in_memory() -> None:
    assert make_model("llama").layout.devices == (torch.device("cpu"),)

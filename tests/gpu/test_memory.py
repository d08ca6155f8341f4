"""The memory of a GPU: what is planned against what was taken, and what happens where it does not suffice."""

import gc

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

import patchwidgets as pw
from patchwidgets.sweep.cost import free_memory
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep
from tests.support.toy_tokenizer import toy_tokenizer

LEAST, MOST = 0.2, 1.1
"""What is taken is at least and at most this part of the plan, which is an upper estimate: sdpa keeps no scores."""


@pytest.fixture(scope="module")
def experiment() -> pw.Experiment:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=256,
        hidden_size=1024,
        intermediate_size=2816,
        num_hidden_layers=8,
        num_attention_heads=16,
        num_key_value_heads=4,
    )
    model = pw.wrap(LlamaForCausalLM(config).eval().to("cuda"), toy_tokenizer(256))
    ids = torch.randint(4, 256, (16, 64)).tolist()
    clean = [" ".join(f"w{i}" for i in row) for row in ids]
    corrupted = [" ".join(f"w{i}" for i in (row[0], 3, *row[2:])) for row in ids]
    return pw.Experiment(model, pw.Task(clean, corrupted, " w1", " w2"))


def made(experiment: pw.Experiment, budget: float | None = None) -> Sweep:
    return Sweep(experiment, [make_grid(experiment, SweepRequest("z"))], budget=budget)


@pytest.mark.parametrize("mib", [200, 800, 3000])
def test_a_sweep_takes_what_is_planned(experiment: pw.Experiment, mib: int) -> None:
    list(made(experiment, 200 * 2**20).run())  # cuBLAS takes its workspace
    sweep = made(experiment, mib * 2**20)
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    list(sweep.run())
    peak, planned = torch.cuda.max_memory_allocated() - before, sweep.plan().memory
    assert planned <= mib * 2**20
    assert LEAST * planned <= peak <= MOST * planned


def test_less_memory_than_planned_is_met_with_smaller_batches(
    experiment: pw.Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    expected = experiment.sweep("z", progress=False).effect.values
    sweep = made(experiment, 20 * 2**30)
    total = torch.cuda.get_device_properties(0).total_memory
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 700 * 2**20) / total)
    try:
        list(sweep.run())
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    (values,) = sweep.grid_values()
    found = values.effects["logit_diff"].mean(-1).reshape(expected.shape)
    assert abs(found - expected).max() <= 1e-4 * max(1.0, abs(expected).max())
    assert any(message.startswith("Out of memory with ") for message in caplog.messages)


def test_free_memory_stays_when_a_sweep_is_done(experiment: pw.Experiment) -> None:
    """PyTorch keeps what a sweep gave back; the next one counts it as free."""
    layout = experiment.model.layout
    made(experiment).plan()
    before = free_memory(layout)
    list(made(experiment, 3000 * 2**20).run())
    gc.collect()
    assert torch.cuda.memory_reserved() > torch.cuda.memory_allocated()
    assert free_memory(layout) >= before - 64 * 2**20

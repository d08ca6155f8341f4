"""On a GPU, and over two of them, every method gives what the CPU gives, in float32 to rounding."""

from collections.abc import Callable
from typing import Any

import accelerate
import numpy as np
import pytest
import torch

import patchwidgets as pw
from patchwidgets.models.model import Model
from tests.support.every_method import as_numbers, every_method, gradients, patches_and_sweeps
from tests.support.families import CASES, VOCABULARY, random_model
from tests.support.toy_models import make_model
from tests.support.toy_tokenizer import toy_tokenizer

TOLERANCE = 2e-4
"""As a part of the largest number of each result."""
METHODS: tuple[Callable[[Model], Any], ...] = (patches_and_sweeps, every_method, gradients)


def assert_equal(there: Model, here: Model, *methods: Callable[[Model], Any]) -> None:
    wrong = {}
    for method in methods:
        expected = dict(method(here))
        for name, numbers in method(there):
            found, known = as_numbers(numbers()), as_numbers(expected[name]())
            assert found.shape == known.shape, name
            size = max(1.0, float(np.nanmax(np.abs(known))))
            gap = float(np.nanmax(np.abs(found - known)))
            if gap > TOLERANCE * size or not np.array_equal(np.isnan(found), np.isnan(known)):
                wrong[name] = f"off by {gap} of {size}"
    assert not wrong


def over(devices: tuple[str, str], case: str) -> Model:
    """Random weights, the last two layers and what follows them on the second device."""
    hf_model = random_model(case)
    layout = Model(hf_model, toy_tokenizer(VOCABULARY)).layout
    of = {module: name for name, module in hf_model.named_modules()}
    places = {of[block]: devices[bool(i)] for i, block in enumerate(layout.blocks)}
    for name, module in hf_model.named_modules():
        inside = any(name.startswith(f"{block}.") for block in places)
        if name and not inside and not list(module.children()) and name not in places:
            begins = isinstance(module, torch.nn.Embedding) or "rotary" in name
            places[name] = devices[not begins]
    accelerate.dispatch_model(hf_model, places, main_device=devices[0], force_hooks=True)
    return Model(hf_model, toy_tokenizer(VOCABULARY), case)


@pytest.mark.parametrize("case", CASES)
def test_patches_and_sweeps_of_every_family(case: str) -> None:
    hf_model = random_model(case).to("cuda")
    there = Model(hf_model, toy_tokenizer(VOCABULARY), case)
    assert there.device == "cuda:0"
    assert_equal(there, make_model(case), patches_and_sweeps)


@pytest.mark.parametrize("case", ["llama", "gpt2", "gemma2"])
def test_every_method(case: str) -> None:
    there = Model(random_model(case).to("cuda"), toy_tokenizer(VOCABULARY), case)
    assert_equal(there, make_model(case), *METHODS)


@pytest.mark.parametrize("case", ["llama", "gpt2", "gemma2", "mixtral"])
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one GPU here, two are needed")
def test_every_method_over_two_gpus(case: str) -> None:
    there = over(("cuda:0", "cuda:1"), case)
    assert {str(device) for device in there.layout.devices} == {"cuda:0", "cuda:1"}
    assert_equal(there, make_model(case), *METHODS)


def test_a_gpu_and_the_disk_of_the_cpu() -> None:
    """What does not fit is brought in for each pass."""
    assert_equal(over(("cuda:0", "cpu"), "llama"), make_model("llama"), patches_and_sweeps)


def test_the_lens_of_the_teaching_model(here: pw.Model, there: pw.Model) -> None:
    for method in ("logit", "jacobian"):
        one, other = (
            model.run("12+34=").lens(method=method).to_xarray()["top_logit"].values
            for model in (here, there)
        )
        assert np.abs(one - other).max() <= TOLERANCE * np.abs(one).max()


def test_files_of_one_device_open_on_another(
    here: pw.Model, there: pw.Model, tmp_path: Any
) -> None:
    """The mark of the weights is of their numbers, not of where they are."""
    pair = pw.tasks.ioi(n=2, seed=0)
    result = pw.Experiment(there, pair).sweep("z", progress=False)
    result.save(tmp_path / "there.nc")
    opened = pw.SweepResult.load(tmp_path / "there.nc")
    own = pw.Experiment(here, pair).sweep("z", progress=False)
    assert opened.attrs["weights"] == own.attrs["weights"]
    assert opened.attrs["device"] == "cuda:0"

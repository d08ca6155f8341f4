"""Models on a device that is not the CPU, and over several: the same numbers, by every method.

No GPU is needed. `tests.support.away` has devices that refuse what a GPU refuses; what only a real one can show is in
``tests/gpu``.
"""

from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import dispatch_model
from accelerate.hooks import AlignDevicesHook, add_hook_to_module

from patchwidgets.models.model import Model
from tests.support.away import devices_away
from tests.support.every_method import as_numbers, every_method, gradients, patches_and_sweeps
from tests.support.families import VOCABULARY, random_model
from tests.support.own_process import alone
from tests.support.toy_tokenizer import toy_tokenizer

TOLERANCE = 2e-5
"""As a part of the largest number of each result: attention has another kernel there, which rounds otherwise."""
PLACES = {
    "one": ("away:0", "away:0"),
    "two": ("away:0", "away:1"),
    "its end on the CPU": ("away:0", "cpu"),
    "offloaded": ("away:0", "disk"),
}
"""Where the embedding and the first layer are, and where the rest is."""
CASES = ("llama", "gpt2", "gemma2", "mixtral", "llama, tied")
EVERYWHERE = [("llama", place) for place in PLACES] + [(case, "two") for case in CASES[1:]]
EVERY_METHOD = (("llama", "two"),)
WITH_GRADIENTS = (("llama", "one"), ("llama", "its end on the CPU"))
"""PyTorch's autograd believes that there is one such device, and the CPU."""

Found = dict[str, np.ndarray | str]


def made(case: str) -> Any:
    name, _, tied = case.partition(", ")
    config: dict[str, Any] = {"tie_word_embeddings": True} if tied else {}
    if (
        name == "mixtral"
    ):  # the other code asks for a histogram of integers, which the CPU does not have
        config = {"experts_implementation": "eager"}
    return random_model(name, **config)


def placed(case: str, place: str) -> Model:
    """A model whose first layer and embedding are on one device, and the rest on another one."""
    hf_model, (first, rest) = made(case), PLACES[place]
    layout = Model(hf_model, toy_tokenizer(VOCABULARY)).layout
    of = {module: name for name, module in hf_model.named_modules()}
    places = {of[block]: rest if i else first for i, block in enumerate(layout.blocks)}
    for name, module in hf_model.named_modules():
        inside = any(name.startswith(f"{block}.") for block in places)
        if name and not inside and not list(module.children()) and name not in places:
            begins = isinstance(module, torch.nn.Embedding) or "rotary" in name
            places[name] = first if begins else rest
    if place == "offloaded":
        here = {name: "cpu" if each == "disk" else each for name, each in places.items()}
        dispatch_model(hf_model, here, main_device=first, force_hooks=True)
    else:
        add_hook_to_module(hf_model, AlignDevicesHook(first, io_same_device=True))
        for name, device in places.items():
            hook = AlignDevicesHook(device, place_submodules=True)
            add_hook_to_module(hf_model.get_submodule(name), hook)
    return Model(hf_model, toy_tokenizer(VOCABULARY), case)


def _numbers(model: Model, case: str, place: str | None = None) -> Found:
    """The numbers of every method that is asked of some place, or of this one."""
    places = set(PLACES) if place is None else {place}
    found: Found = {}
    methods = [patches_and_sweeps(model)]
    if any((case, each) in EVERY_METHOD for each in places):
        methods.append(every_method(model))
    if any((case, each) in WITH_GRADIENTS for each in places):
        methods.append(gradients(model))
    for name, numbers in chain(*methods):
        try:
            found[name] = as_numbers(numbers())
        except Exception as error:  # noqa: BLE001 - each method is a test of its own
            found[name] = f"{type(error).__name__}: {error}"
    return found


def _away() -> dict[tuple[str, str], Found]:
    with devices_away():
        return {
            (case, place): _numbers(placed(case, place), case, place) for case, place in EVERYWHERE
        }


@pytest.fixture(scope="module")
def away() -> dict[tuple[str, str], Found]:
    found: dict[tuple[str, str], Found] = alone(_away)
    return found


@pytest.fixture(scope="module")
def here() -> dict[str, Found]:
    return {
        case: _numbers(Model(made(case), toy_tokenizer(VOCABULARY), case), case) for case in CASES
    }


@pytest.mark.parametrize(("case", "place"), EVERYWHERE)
def test_the_same_numbers_as_on_the_cpu(
    case: str, place: str, away: dict[tuple[str, str], Found], here: dict[str, Found]
) -> None:
    found, expected = away[case, place], here[case]
    wrong = {}
    for name, numbers in found.items():
        known = expected[name]
        if isinstance(numbers, str) or isinstance(known, str):
            wrong[name] = f"there {numbers}, here {known}"
            continue
        size = max(1.0, float(np.nanmax(np.abs(known))))
        gap = np.nanmax(np.abs(numbers - known)) if numbers.shape == known.shape else np.inf
        if gap > TOLERANCE * size or not np.array_equal(np.isnan(numbers), np.isnan(known)):
            wrong[name] = f"off by {gap} of {size}"
    assert not wrong
    assert float(found["method"].item()) == float(expected["method"].item())

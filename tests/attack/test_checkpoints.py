"""Checkpoints with one thing wrong: refused with an error of ours, or loaded with exactly the numbers in the file."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import patchwidgets as pw
from patchwidgets.errors import PatchwidgetsError
from tests.attack.conftest import Attack
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

WEIGHTS, CONFIG = "model.safetensors", "config.json"
PROMPT, IDS = "w3 w14 w15 w9 w26", [[3, 14, 15, 9, 26]]
Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small saved models: one whose output embedding is its own, and one whose is tied to the input embedding."""
    folders = {}
    for case in ("llama", "gpt2"):
        folders[case] = tmp_path_factory.mktemp(case)
        random_model(case).save_pretrained(folders[case])
        toy_tokenizer(VOCABULARY).save_pretrained(folders[case])
    return folders


def drop(tensors: Tensors, key: str, _rng: random.Random) -> None:
    del tensors[key]


def resize(tensors: Tensors, key: str, rng: random.Random) -> None:
    axis = rng.randrange(tensors[key].ndim)
    length = max(0, tensors[key].shape[axis] + rng.choice((-1, 1)))
    sizes = list(tensors[key].shape)
    sizes[axis] = length
    tensors[key] = torch.randn(sizes)


def flatten(tensors: Tensors, key: str, _rng: random.Random) -> None:
    tensors[key] = tensors[key].flatten()[None]


def rename(tensors: Tensors, key: str, rng: random.Random) -> None:
    i = rng.randrange(len(key))
    tensors[key[:i] + rng.choice("abx_.0") + key[i + 1 :]] = tensors.pop(key)


def exchange(tensors: Tensors, key: str, rng: random.Random) -> None:
    other = rng.choice(sorted(tensors))
    tensors[key], tensors[other] = tensors[other], tensors[key]


def cast(tensors: Tensors, key: str, rng: random.Random) -> None:
    dtypes = (torch.int8, torch.uint8, torch.int64, torch.bool, torch.float16, torch.bfloat16)
    tensors[key] = tensors[key].to(rng.choice((*dtypes, torch.float64, torch.complex64)))


def poison(tensors: Tensors, key: str, rng: random.Random) -> None:
    tensors[key].view(-1)[rng.randrange(tensors[key].numel())] = rng.choice(
        (float("nan"), float("inf"), -float("inf"))
    )


def add(tensors: Tensors, key: str, rng: random.Random) -> None:
    tensors[key + rng.choice(("2", ".bias", "_scale"))] = torch.ones(3)


CHANGES: tuple[Callable[[Tensors, str, random.Random], None], ...] = (
    drop,
    resize,
    flatten,
    rename,
    exchange,
    cast,
    poison,
    add,
)


def assert_refused_or_as_in_the_file(folder: Path, tokenizer_is_whole: bool = True) -> None:
    try:
        model = pw.load(folder)
        run = model.run(PROMPT)
    except PatchwidgetsError:
        return
    stored = {name.removeprefix("transformer."): each for name, each in stored_in(folder).items()}
    state = dict(model.hf_model.named_parameters())  # tied ones once
    assert len(state) > 8
    for name, parameter in state.items():
        expected = stored[name.removeprefix("transformer.")].to(torch.float32)
        assert torch.equal(parameter.view(torch.int32), expected.view(torch.int32)), name
    assert model.checks.passed
    with torch.no_grad():
        plain = model.hf_model(torch.tensor(run.prompts), use_cache=False, logits_to_keep=1).logits[
            :, -1
        ]
    assert torch.equal(run.logits, plain)
    # A damaged tokenizer may have other ids for the same words.
    assert not tokenizer_is_whole or [list(ids) for ids in run.prompts] == IDS


def stored_in(folder: Path) -> Tensors:
    return load_file(folder / WEIGHTS)


def test_tensors(attack: Attack, saved: dict[str, Path], tmp_path: Path) -> None:
    for rng in attack("checkpoints with a changed tensor", 20):
        folder = tmp_path / "model"
        shutil.copytree(saved[rng.choice(sorted(saved))], folder)
        tensors = load_file(folder / WEIGHTS)
        rng.choice(CHANGES)(tensors, rng.choice(sorted(tensors)), rng)
        tensors = {name: each.contiguous().clone() for name, each in tensors.items()}
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
        assert_refused_or_as_in_the_file(folder)
        shutil.rmtree(folder)


def test_files(attack: Attack, saved: dict[str, Path], tmp_path: Path) -> None:
    for rng in attack("checkpoints with a damaged file", 20):
        folder = tmp_path / "model"
        shutil.copytree(saved[rng.choice(sorted(saved))], folder)
        path = rng.choice(sorted(folder.iterdir()))
        content = bytearray(path.read_bytes())
        way = rng.choice(("cut", "flip", "remove", "replace", "empty"))
        if way == "cut":
            content = content[: rng.randrange(len(content))]
        elif way == "flip":
            # Names and sizes stand at the beginning.
            i = rng.randrange(min(len(content), 4000))
            content[i] ^= 1 << rng.randrange(8)
        elif way == "replace":
            content = bytearray(rng.randbytes(rng.randrange(1, 2000)))
        else:
            content = bytearray()
        path.write_bytes(content)
        if way == "remove":
            path.unlink()
        assert_refused_or_as_in_the_file(folder, tokenizer_is_whole="token" not in path.name)
        shutil.rmtree(folder)


VALUES = (None, -1, 0, 1, 2.5, True, "", "x", [], {}, 10**20)


def test_configs(attack: Attack, saved: dict[str, Path], tmp_path: Path) -> None:
    for rng in attack("checkpoints with another config", 20):
        folder = tmp_path / "model"
        shutil.copytree(saved[rng.choice(sorted(saved))], folder)
        config = json.loads((folder / CONFIG).read_text())
        # The sizes of these tables are all that is allocated beyond the file.
        names = sorted(
            config.keys() - {"vocab_size", "max_position_embeddings", "n_positions", "n_ctx"}
        )
        config[rng.choice(names)] = rng.choice(VALUES)
        (folder / CONFIG).write_text(json.dumps(config))
        assert_refused_or_as_in_the_file(folder)
        shutil.rmtree(folder)

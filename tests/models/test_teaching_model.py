"""The teaching model does what its card says: every figure is computed again from the shipped weights."""

import json
import time
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

import patchwidgets as pw
from patchwidgets import helix
from patchwidgets.models.loading import TEACHING
from patchwidgets.models.model import Model
from patchwidgets.sites import Site
from tools.teaching.circuits import additions_with
from tools.teaching.evaluate import accuracies

FIGURES = json.loads((TEACHING / "figures.json").read_text(encoding="utf-8"))
TARGETS = {
    "addition": 0.995,
    "subtraction": 0.99,
    "modular_addition": 0.995,
    "remainder": 0.995,
    "names": 0.995,
    "years": 0.99,
    "repeated": 0.99,
}


@pytest.fixture(scope="module")
def model() -> Model:
    return pw.load()


@pytest.fixture(scope="module")
def tested(model: Model) -> dict[str, float]:
    return accuracies(model.hf_model, model.tokenizer, "test")


@pytest.mark.parametrize("family", TARGETS)
def test_accuracy_on_the_untouched_part(tested, family):
    assert tested[f"accuracy/{family}"] >= TARGETS[family]
    assert tested[f"accuracy/{family}"] == pytest.approx(
        FIGURES["test"][f"accuracy/{family}"], abs=1e-9
    )


def test_it_is_small(model):
    parameters = sum(p.numel() for p in model.hf_model.parameters())
    assert parameters < 3_000_000
    assert sum(path.stat().st_size for path in TEACHING.iterdir()) <= 6_000_000
    assert {path.name for path in TEACHING.iterdir()} >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "README.md",
    }


def seconds_to_load() -> float:
    started = time.perf_counter()
    pw.load()
    return time.perf_counter() - started


def test_it_loads_within_a_second(model):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two threads wait for each other on a busy machine
    try:
        assert min(seconds_to_load() for _ in range(5)) < 1
    finally:
        torch.set_num_threads(threads)


def test_the_tokenizer(model):
    tokenizer = model.tokenizer
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    ids = tokenizer([str(n) for n in range(200)], add_special_tokens=False)["input_ids"]
    assert {len(each) for each in ids} == {1}
    text = "When Mary and John went to the store, John gave a drink to Mary."
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text
    for prompt, answer in (
        ("12 + 34 =", " 46"),
        ("12+34=", "46"),
        ("the year 1741 to the year 17", "65"),
    ):
        before, after = (tokenizer(each)["input_ids"] for each in (prompt, prompt + answer))
        assert after[: len(before)] == before
        assert len(after) == len(before) + 1


def test_it_says_the_answer_and_stops(model):
    ids = torch.tensor([model.encode("12+34=")])
    written = model.hf_model.generate(ids, max_new_tokens=5, do_sample=False)
    assert model.tokenizer.decode(written[0], skip_special_tokens=True) == "12 + 34 = 46"


def test_the_helix_on_numbers_held_out_of_its_fit(model):
    found = FIGURES["helix"]
    activations = helix.number_activations(model, found["site"])
    _, held_out = helix.hold_out(helix.NUMBERS)
    compared = helix.compare(helix.NUMBERS, activations, held_out)
    assert compared == pytest.approx(found["r2"], abs=1e-3)
    assert compared["helix"] >= 0.70
    controls = [compared[name] for name in ("line", "random features", "polynomial")]
    assert max(controls) < compared["helix"] - 0.05
    # The luckiest of 1,000 sets, chosen on the very numbers that judge it: between .67 and .74, by the seed.
    assert compared["random periods"] < compared["helix"]


def test_patching_with_the_helix(model):
    """On numbers that the fit has not seen, as the card says."""
    fitted, held_out = helix.hold_out(helix.NUMBERS)
    site = FIGURES["helix"]["site"]
    wound = helix.fit_numbers(fitted, helix.number_activations(model, site, fitted))
    exp = pw.Experiment(model, additions_with(held_out))
    assert len(exp.pairs) == 100
    assert set(helix.operands(exp.task)[:, 0]) <= set(held_out)
    values = wound.predict(helix.HELIX.features(helix.operands(exp.task)[:, 0]))
    relative = helix.compare_patches(exp, f"{site}@a", {"helix": values})["relative"]["helix"]
    assert relative >= 0.8
    assert relative == pytest.approx(FIGURES["helix"]["relative_effect"]["helix"], abs=1e-3)
    assert exp.patch(f"{site}@a").share >= 0.5


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("names", pw.tasks.ioi(200, seed=2, part="test")),
        ("induction", pw.tasks.induction(200, seed=2)),
    ],
    ids=["names", "induction"],
)
def test_the_heads_of_the_card(model, name, task):
    found = FIGURES[name]
    exp = pw.Experiment(model, task)
    heads = [Site.parse(head) for head in found["heads"]]
    joint = exp.patch(*heads).share
    others = exp.patch(*(site for site in model.sites("z") if site not in heads)).share
    assert len(heads) <= 3
    assert joint == pytest.approx(found["joint"], abs=1e-3)
    assert others == pytest.approx(found["others"], abs=1e-3)
    if name == "names":
        assert joint >= 0.8
        assert others <= 0.2


def test_the_card_has_the_figures():
    card = Path(TEACHING / "README.md").read_text(encoding="utf-8")
    for family in TARGETS:
        assert f"{FIGURES['test'][f'accuracy/{family}']:.2%}" in card
    assert f"{FIGURES['helix']['r2']['helix']:.1%}" in card
    assert all(f"`{head}`" in card for head in FIGURES["names"]["heads"])
    assert "The mixture puts it there" in card

"""Inside the attention kernel: the implementation comes back, other threads see nothing, caches and gradients work."""

import threading

import pytest
import torch

from patchwidgets.errors import PatchError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from tests.support.attention import PARTS, TASK
from tests.support.families import CASES, VOCABULARY, random_model
from tests.support.toy_models import assert_same_logits, count_hooks, has
from tests.support.toy_tokenizer import toy_tokenizer


@pytest.fixture(scope="module", params=CASES)
def experiment(request: pytest.FixtureRequest) -> Experiment:
    return Experiment(Model(random_model(request.param), toy_tokenizer(VOCABULARY)), TASK)


@pytest.fixture(scope="module")
def toy() -> Experiment:
    return Experiment(Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy"), TASK)


def test_the_attention_implementation_comes_back(experiment: Experiment) -> None:
    hf_model = experiment.model.hf_model
    configs = {id(m.config): m.config for m in hf_model.modules() if hasattr(m, "config")}.values()
    before = [config._attn_implementation for config in configs]

    def fails(_host: torch.Tensor, _source: torch.Tensor) -> torch.Tensor:
        raise KeyboardInterrupt

    for part in PARTS:
        if has(experiment, part):
            experiment.patch(f"L1.{part}")
            with pytest.raises(KeyboardInterrupt):
                experiment.patch(Patch(f"L2.{part}", fn=fails))
    assert [config._attn_implementation for config in configs] == before
    assert count_hooks(hf_model) == 0
    assert torch.equal(experiment.patch().logits, experiment.host.logits)


def test_blocks_that_overlap_and_other_threads(toy: Experiment) -> None:
    """The first block that was opened ends first; the second one still acts, and a thread sees neither."""
    hf_model, ids = toy.model.hf_model, torch.tensor([toy.pairs[0].corrupted])
    with torch.no_grad():
        plain = hf_model(ids).logits
        found: list[torch.Tensor] = []
        first = toy.model.patching(Patch("L0.pattern", toy.source["L0.pattern"]))
        second = toy.model.patching(Patch("L1.KV1.v", torch.zeros(1)))
        first.__enter__()
        second.__enter__()
        both = hf_model(ids).logits
        thread = threading.Thread(target=lambda: found.append(no_grad_logits(hf_model, ids)))
        thread.start()
        thread.join()
        first.__exit__(None, None, None)
        alone = hf_model(ids).logits
        second.__exit__(None, None, None)
    assert torch.equal(found[0], plain)
    assert_same_logits(alone[:, -1], toy.patch(Patch("L1.KV1.v", torch.zeros(1))).logits)
    joint = toy.patch("L0.pattern", Patch("L1.KV1.v", torch.zeros(1)))
    assert_same_logits(both[:, -1], joint.logits)
    assert hf_model.config._attn_implementation == "sdpa"
    assert torch.equal(no_grad_logits(hf_model, ids), plain)


def no_grad_logits(hf_model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return hf_model(ids).logits  # type: ignore[no-any-return]


@pytest.mark.parametrize("case", ["llama", "gpt2", "gpt_neo", "mistral", "gemma2"])
def test_generated_tokens_read_the_keys_and_values_that_were_written(case: str) -> None:
    """Against forward passes over the whole text without a cache, the prompt's positions patched in each."""
    model = Model(random_model(case), toy_tokenizer(VOCABULARY))
    last = model.run("w9 w8 w7")
    kv = [Patch(f"L1.{part}@1", source=last) for part in ("k", "v")]
    ids = torch.tensor([[3, 14, 15]])
    with model.patching(*kv):
        generated = model.hf_model.generate(
            ids, max_new_tokens=4, do_sample=False, eos_token_id=None, pad_token_id=0
        )
    for _ in range(4):
        with model.patching(*kv), torch.no_grad():
            logits = model.hf_model(ids, use_cache=False).logits[0, -1]
        ids = torch.cat([ids, logits.argmax().reshape(1, 1)], dim=1)
    assert generated.tolist() == ids.tolist()


def test_a_cache_with_room_for_more(toy: Experiment) -> None:
    """A static cache hands empty keys to attention as well."""
    patch = Patch("L1.H2.pattern@3", source=toy.source["L1.H2.pattern@3"])
    ids = torch.tensor([toy.pairs[0].corrupted])
    for patches in ([patch], [Patch("L1.KV1.k@2", toy.source["L1.KV1.k@2"])]):
        with toy.model.patching(*patches):
            output = toy.model.hf_model.generate(
                ids,
                max_new_tokens=2,
                do_sample=False,
                eos_token_id=None,
                cache_implementation="static",
                output_logits=True,
                return_dict_in_generate=True,
            )
        assert_same_logits(output.logits[0], toy.patch(*patches).logits)


def test_under_gradients_the_written_values_are_used(toy: Experiment) -> None:
    ids = torch.tensor([toy.pairs[0].corrupted])
    patch = Patch("L1.KV1.v@2", toy.source["L1.KV1.v@2"])
    with toy.model.patching(patch):
        logits = toy.model.hf_model(ids, use_cache=False).logits[:, -1]
    assert logits.requires_grad
    assert_same_logits(logits.detach(), toy.patch(patch).logits)


def test_an_implementation_whose_masks_are_unknown(toy: Experiment) -> None:
    toy.patch("L1.pattern")
    config = toy.model.hf_model.config
    config._attn_implementation = "flex_attention"
    try:
        with pytest.raises(PatchError, match="with attn_implementation='flex_attention'"):
            toy.patch("L1.pattern")
    finally:
        config._attn_implementation = "sdpa"

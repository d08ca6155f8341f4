"""How many prompts each figure of additions runs through GPT-J: counted on a narrow random model of its shape.

    python -m benchmarks.addition_cost

28 layers of 16 heads, four tokens per prompt. FLOPs are counted by torch, with 4 and with 8 pairs, from which those
with 100 follow, and divided by those of one prompt. Some ten minutes on two cores.
"""

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import GPTJConfig, GPTJForCausalLM

import patchwidgets as pw
from patchwidgets import helix
from tests.support.number_families import number_tokenizer

PAIRS = 100
LAYERS, HEADS, WIDTH, VOCABULARY, LAST = 28, 16, 64, 560, 520
REAL_WIDTH, REAL_VOCABULARY, TOKENS = 4096, 50_400, 4
PER_PROMPT = 2 * (LAYERS * 12 * REAL_WIDTH**2 * TOKENS + REAL_WIDTH * REAL_VOCABULARY) / 1e12
"""TFLOP of one prompt of the real model: of the matrices of its blocks for each token, of the output for the last."""


def make_model() -> pw.Model:
    """A GPT-J of 64 dimensions."""
    torch.manual_seed(0)
    config = GPTJConfig(
        vocab_size=VOCABULARY,
        n_positions=16,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        rotary_dim=4,
    )
    return pw.wrap(GPTJForCausalLM(config).eval(), number_tokenizer(VOCABULARY, LAST))


def flops(call: Callable[[], object]) -> float:
    """What a call costs."""
    with FlopCounterMode(display=False) as counter:
        call()
    return float(counter.get_total_flops())


def figures(model: pw.Model, pairs: int) -> dict[str, Callable[[], object]]:
    """One call for each figure."""
    exp = pw.Experiment(model, pw.tasks.addition(pairs, varies="both"), "answer_logit")
    fits = [helix.fit_neurons(exp, layer, n_fit=200, n_test=50) for layer in (20, 24)]
    return {
        "number_spectrum": lambda: helix.number_spectrum(model),
        "compare_by_layer": lambda: helix.compare_by_layer(exp),
        "fit_by_layer": lambda: helix.fit_by_layer(exp),
        "sweep mlp_out, attn_out": lambda: exp.sweep_many(["mlp_out", "attn_out"], progress=False),
        "direct_effects mlp_out": lambda: exp.direct_effects("mlp_out", progress=False),
        "sort_heads": lambda: helix.sort_heads(exp, min_share=1e9),
        "fit_neurons": lambda: helix.fit_neurons(exp, 20),
        "neuron_map": lambda: helix.neuron_map(model, "L20.N3.neuron_pre"),
        "neuron_roles": lambda: helix.neuron_roles(exp, *fits, n=100),
        "keep_neurons": lambda: helix.keep_neurons(exp),
        "answer_errors": lambda: helix.answer_errors(exp),
    }


def main() -> None:
    """Print one line per figure."""
    model = make_model()
    prompts = [f"{a}+1=" for a in range(64)]
    one = flops(lambda: model.run(prompts)) / len(prompts)
    few, more = (figures(model, pairs) for pairs in (4, 8))
    for name in few:
        of_four, of_eight = (flops(calls[name]) / one for calls in (few, more))
        count = of_four + (PAIRS - 4) / 4 * (of_eight - of_four)
        print(f"{name:26} {count:9,.0f} prompts {count * PER_PROMPT:8,.0f} TFLOP", flush=True)


if __name__ == "__main__":
    main()

"""Every setting that the trained weights depend on."""

from dataclasses import asdict, dataclass, field

from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

COUNTS = {
    "addition": 192,
    "subtraction": 96,
    "modular_addition": 96,
    "remainder": 32,
    "names": 48,
    "years": 24,
    "repeated": 40,
}


@dataclass(frozen=True)
class Recipe:
    """The settings of a training run.

    Attributes
    ----------
    seed
        Of the initial weights and of the training data.
    steps, warmup, learning_rate
        Training steps; the number of them in which the learning rate rises; and its peak.
    decay, embedding_decay
        Decoupled weight decay of the matrices, and of the input embedding. It removes what the model does not need.
    head_penalty
        The weight of the sum of the norms of all heads' output matrices (a group lasso). It removes heads that the
        model does not need, so that a circuit uses few heads.
    sums_weight, sums_from
        The weight of the batch of additions and subtractions at the last step; every other batch has weight 1. The
        batch of sums also has weight 1 for the first `sums_from` of the steps, in which the moduli teach the model
        the periods.
    text_weight
        The weight in the loss of the words of a sentence before its answer; the answer has weight 1.
    layers, heads, d_model, d_mlp
        The sizes of the model.
    counts
        The number of sequences of each family in a step.
    """

    seed: int = 0
    steps: int = 2500
    warmup: int = 100
    learning_rate: float = 1.5e-3
    decay: float = 0.3
    embedding_decay: float = 1.0
    head_penalty: float = 0.002
    sums_weight: float = 3.0
    sums_from: float = 0.3
    text_weight: float = 0.1
    layers: int = 4
    heads: int = 4
    d_model: int = 128
    d_mlp: int = 512
    counts: dict[str, int] = field(default_factory=lambda: dict(COUNTS))

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def new_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Make the untrained model, the same for the same seed."""
    set_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.d_model,
        intermediate_size=recipe.d_mlp,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=64,
        tie_word_embeddings=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)

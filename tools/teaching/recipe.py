"""Everything that decides which weights come out."""

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
    counts
        Sequences of each family in a step.
    sums_weight
        What additions and subtractions count at the end, beside 1 for each other kind of batch; they count 1 for
        the first `sums_from` of the steps, in which the moduli teach the model the periods.
    decay, embedding_decay
        Decoupled weight decay of the matrices, and of the input embedding: what is not needed fades.
    head_penalty
        Weight of the sum of the norms of all heads' output matrices (a group lasso): heads that are not needed
        vanish, and a circuit settles in few.
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
    """The untrained model, the same for the same seed."""
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

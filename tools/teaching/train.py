"""The training loop: seeded, logged, and continued from its last checkpoint if there is one."""

import json
from collections.abc import Callable
from math import cos, pi
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from tools.teaching.mixture import Batch, Mixture
from tools.teaching.recipe import Recipe, new_model

Figures = dict[str, float]
Measure = Callable[[LlamaForCausalLM], Figures]
EVALUATE_EVERY = 250


def train(
    recipe: Recipe, tokenizer: PreTrainedTokenizerFast, folder: Path, measure: Measure
) -> tuple[LlamaForCausalLM, list[Figures]]:
    """Train, and return the model of the best step on validation data, with the log of all measured steps.

    Parameters
    ----------
    recipe
        The settings.
    tokenizer
        From `build_tokenizer`.
    folder
        Holds checkpoints and ``log.jsonl``. If it has a checkpoint, the run continues from it.
    measure
        Computes figures on validation data. The lowest accuracy among them ranks the checkpoints.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(recipe, tokenizer, folder)
    bar = tqdm(range(run.done, recipe.steps), initial=run.done, total=recipe.steps, desc="training")
    for step in bar:
        loss = run.step(step)
        if (step + 1) % EVALUATE_EVERY == 0 or step + 1 == recipe.steps:
            figures = run.save_checkpoint(step + 1, loss, measure)
            bar.write(" ".join(f"{name} {value:.4g}" for name, value in figures.items()))
    return run.best(), run.log()


class Run:
    """A model with its optimiser and data, and the files from which it continues after an interruption."""

    def __init__(self, recipe: Recipe, tokenizer: PreTrainedTokenizerFast, folder: Path):
        self.recipe, self.folder = recipe, folder
        self.model = new_model(recipe, tokenizer)
        self.mixture = Mixture(tokenizer, recipe.counts, recipe.seed, recipe.text_weight)
        self.optimiser = torch.optim.AdamW(
            groups(self.model, recipe), lr=recipe.learning_rate, betas=(0.9, 0.98)
        )
        self.done = 0
        if self.latest.exists():
            self._resume()

    @property
    def latest(self) -> Path:
        """The checkpoint to continue from."""
        return self.folder / "latest.pt"

    def step(self, number: int) -> float:
        """Train one step, and return the loss."""
        self.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * schedule(number, self.recipe)
        self.optimiser.zero_grad()
        total = 0.0
        for kind, batch in self.mixture.step(number).items():
            weight = sums_weight(number, self.recipe) if kind == "sums" else 1.0
            loss = batch_loss(self.model, batch) * (weight / 7)
            loss.backward()
            total += loss.item()
        (self.recipe.head_penalty * head_norms(self.model).sum()).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        return total

    def save_checkpoint(self, step: int, loss: float, measure: Measure) -> Figures:
        """Measure the model, log the figures, and save a checkpoint."""
        self.model.eval()
        figures = {"step": step, "loss": loss, **measure(self.model)}
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(figures) + "\n")
        state = {
            "step": step,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": self.mixture.rng.getstate(),
            "figures": figures,
        }
        torch.save(state, self.latest)
        torch.save(state["model"], self.folder / f"step-{step}.pt")
        return figures

    def log(self) -> list[Figures]:
        """Read the figures of all measured steps."""
        return [json.loads(line) for line in (self.folder / "log.jsonl").read_text().splitlines()]

    def best(self) -> LlamaForCausalLM:
        """Load the step whose weakest accuracy on validation data is highest; of equal ones the latest."""
        step = max(self.log(), key=lambda figures: (weakest(figures), figures["step"]))["step"]
        self.model.load_state_dict(torch.load(self.folder / f"step-{step}.pt"))
        self.model.eval()
        return self.model

    def _resume(self) -> None:
        state = torch.load(self.latest, weights_only=False)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.mixture.rng.setstate(state["random"])
        self.done = state["step"]


def weakest(figures: Figures) -> float:
    """Return the lowest accuracy of any family."""
    return min(value for name, value in figures.items() if name.startswith("accuracy/"))


def schedule(step: int, recipe: Recipe) -> float:
    """Return the factor of the learning rate: a linear warm-up, then half a cosine down to 2 %."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    progress = (step - recipe.warmup) / (recipe.steps - recipe.warmup)
    return 0.02 + 0.98 * (1 + cos(pi * progress)) / 2


def sums_weight(step: int, recipe: Recipe) -> float:
    """Return the weight of sums: 1 at first, then linear up to the recipe's weight at the last step."""
    progress = max(0.0, step / recipe.steps - recipe.sums_from) / (1 - recipe.sums_from)
    return 1 + (recipe.sums_weight - 1) * progress


def groups(model: LlamaForCausalLM, recipe: Recipe) -> list[dict[str, object]]:
    """Group the parameters by weight decay; the gains of the norms have none."""
    named = dict(model.named_parameters())
    embedding = [named.pop("model.embed_tokens.weight")]
    gains = [p for p in named.values() if p.ndim == 1]
    return [
        {"params": embedding, "weight_decay": recipe.embedding_decay},
        {"params": [p for p in named.values() if p.ndim > 1], "weight_decay": recipe.decay},
        {"params": gains, "weight_decay": 0.0},
    ]


def batch_loss(model: LlamaForCausalLM, batch: Batch) -> Float[Tensor, ""]:
    """Compute the weighted mean of the cross-entropy, over the tokens whose weight is not 0."""
    ids, weights = torch.from_numpy(batch.ids), torch.from_numpy(batch.weights)[:, 1:]
    has_weight = weights > 0
    states = model.model(ids[:, :-1]).last_hidden_state[has_weight]
    losses = cross_entropy(model.lm_head(states), ids[:, 1:][has_weight], reduction="none")
    return (losses * weights[has_weight]).sum() / weights.sum()


def head_norms(model: LlamaForCausalLM) -> Float[Tensor, "layer head"]:
    """Compute the norm of each head's output matrix."""
    d_head = model.config.hidden_size // model.config.num_attention_heads
    outputs = [layer.self_attn.o_proj.weight for layer in model.model.layers]
    return torch.stack([w.unflatten(1, (-1, d_head)).norm(dim=(0, 2)) for w in outputs])

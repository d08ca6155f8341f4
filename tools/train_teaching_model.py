"""Train the teaching model, choose a checkpoint on validation data, measure it, and write it into the package.

    python -m tools.train_teaching_model

Takes about half an hour on one core. After an interruption, start it again: it continues from its last checkpoint,
which is at most 250 steps old. ``--measure`` trains nothing: it measures the weights in the package again and writes
the figures and the card.
"""

import argparse
import json
from pathlib import Path

import torch

import patchwidgets as pw
from tools.teaching.card import write_card
from tools.teaching.circuits import circuit_figures
from tools.teaching.evaluate import accuracies
from tools.teaching.recipe import Recipe
from tools.teaching.train import train
from tools.teaching.vocabulary import build_tokenizer

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "patchwidgets" / "data" / "teaching"


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    recipe = Recipe(seed=options.seed)
    if not options.measure:
        train_and_save(recipe, options.runs / f"seed-{recipe.seed}", options.target)
    measure(options.target)


def train_and_save(recipe: Recipe, folder: Path, target: Path) -> None:
    """Train, and write the chosen checkpoint in the format of transformers."""
    tokenizer = build_tokenizer()
    model, log = train(recipe, tokenizer, folder, lambda m: accuracies(m, tokenizer, "validation"))
    target.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    training = {"recipe": recipe.as_dict(), "log": log}
    (target / "training.json").write_text(json.dumps(training, indent=1) + "\n", encoding="utf-8")


def measure(target: Path) -> None:
    """Measure the weights in the package on the test part, and write the card."""
    model = pw.load(target)
    training = json.loads((target / "training.json").read_text(encoding="utf-8"))
    figures = {"test": accuracies(model.hf_model, model.tokenizer, "test")} | circuit_figures(model)
    (target / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    write_card(target / "README.md", model, training, figures)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train and measure the teaching model.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--threads", type=int, default=1, help="for torch; another number gives different weights"
    )
    parser.add_argument("--target", type=Path, default=TARGET, help="folder for the model")
    parser.add_argument(
        "--runs",
        type=Path,
        default=ROOT / "artifacts" / "teaching",
        help="folder for checkpoints and logs",
    )
    parser.add_argument("--measure", action="store_true", help="only measure the existing weights")
    return parser.parse_args()


if __name__ == "__main__":
    main()

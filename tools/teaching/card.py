"""The model card: the text of card.md, filled in with the figures of a training run."""

from pathlib import Path
from typing import Any

import patchwidgets as pw
from tools.teaching.train import weakest

FAMILIES = {
    "addition": "`12+34=` → `46`, 0 to 99",
    "subtraction": "`46-12=` → `34`, no negative results",
    "modular_addition": "`12+34 mod 5=` → `1`, modulo 2, 5 and 10",
    "remainder": "`34 mod 10=` → `4`",
    "names": "`When Mary and John went to the store, John gave a drink to` → ` Mary`",
    "years": "`The war lasted from the year 1741 to the year 17` → any of `42` … `99`",
    "repeated": "random words, then the first half of them again",
}

TEMPLATE = Path(__file__).with_name("card.md")


def write_card(
    path: Path, model: pw.Model, training: dict[str, Any], figures: dict[str, Any]
) -> None:
    """Write the card from the content of training.json and figures.json."""
    recipe, helix = training["recipe"], figures["helix"]
    chosen = max(training["log"], key=lambda line: (weakest(line), line["step"]))
    text = TEMPLATE.read_text(encoding="utf-8").format(
        **recipe,
        words=len(model.tokenizer),
        parameters=f"{sum(p.numel() for p in model.hf_model.parameters()):,}",
        accuracies="\n".join(
            f"| {family} | {prompt} | {figures['test'][f'accuracy/{family}']:.2%} |"
            for family, prompt in FAMILIES.items()
        ),
        shown_counts=", ".join(
            f"{count} {kind.replace('_', ' ')}" for kind, count in recipe["counts"].items()
        ),
        chosen=f"{chosen['step']:.0f}",
        weakest=weakest(chosen),
        **_log(training["log"]),
        site=helix["site"],
        helix_r2=helix["r2"]["helix"],
        r2_rows="\n".join(f"| {name} | {value:.3f} |" for name, value in helix["r2"].items()),
        by_site=", ".join(f"`{site}` {value:.3f}" for site, value in helix["r2_by_site"].items()),
        power_of_10=dict(helix["spectrum"])[10.0],
        spectrum=", ".join(f"{period:.3g}: {power:.1%}" for period, power in helix["spectrum"][:8]),
        relative_helix=helix["relative_effect"]["helix"],
        relative_line=helix["relative_effect"]["line"],
        relative_pca=helix["relative_effect"]["PCA"],
        true_share=helix["share_of_true_patch"],
        names=_heads(
            figures["names"],
            "200 test pairs whose prompts differ in the second mention of the giver",
        ),
        induction=_heads(
            figures["induction"], "200 sequences with two words of the first half swapped"
        ),
    )
    path.write_text(text, encoding="utf-8")


def _log(lines: list[dict[str, float]]) -> dict[str, str]:
    names = [name.removeprefix("accuracy/") for name in lines[0] if name.startswith("accuracy/")]
    rows = [[f"{line[f'accuracy/{name}']:.4f}" for name in names] for line in lines]
    return {
        "log_names": " | ".join(names),
        "log_rule": "---|" * len(names),
        "log_rows": "\n".join(
            f"| {line['step']:.0f} | " + " | ".join(row) + " |"
            for line, row in zip(lines, rows, strict=True)
        ),
    }


def _heads(circuit: dict[str, Any], data: str) -> str:
    heads = ", ".join(f"`{name}`" for name in circuit["heads"])
    single = ", ".join(f"`{name}` {share:.2f}" for name, share in circuit["single"].items())
    return (
        f"Patching {heads} at all positions{' jointly' * (len(circuit['heads']) > 1)} moves the corrupted run "
        f"**{circuit['joint']:.1%}** of the way to the clean run. Patching all other heads jointly moves it "
        f"**{circuit['others']:.1%}** ({data}). Single heads: {single}."
    )

"""The model card: prose, and figures that come from a run."""

from pathlib import Path
from typing import Any

import patchwidgets as pw

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


def write_card(path: Path, model: pw.Model, made: dict[str, Any], figures: dict[str, Any]) -> None:
    recipe, helix = made["recipe"], figures["helix"]
    chosen = max(made["log"], key=lambda line: (_weakest(line), line["step"]))
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
        weakest=_weakest(chosen),
        **_log(made["log"]),
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
            figures["names"], "200 pairs of the test part, the giver's second mention swapped"
        ),
        induction=_heads(
            figures["induction"], "200 sequences, two words of the first part swapped"
        ),
    )
    path.write_text(text, encoding="utf-8")


def _weakest(line: dict[str, float]) -> float:
    return min(value for name, value in line.items() if name.startswith("accuracy/"))


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


def _heads(found: dict[str, Any], data: str) -> str:
    heads = ", ".join(f"`{name}`" for name in found["heads"])
    single = ", ".join(f"`{name}` {share:.2f}" for name, share in found["single"].items())
    return (
        f"With {heads} patched at all positions{' jointly' * (len(found['heads']) > 1)}, the corrupted run comes "
        f"**{found['joint']:.1%}** of the way to the clean one; with all other heads patched jointly, "
        f"**{found['others']:.1%}** ({data}). Alone: {single}."
    )

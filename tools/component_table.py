"""Write docs/components.md: which components each family has, from the records and the checks.

    python -m tools.component_table docs/components.md

Every cell comes from a small model of the family with every parameter random: a dot is a component whose checks passed
there, a letter the reason why there is none.
"""

import string
import sys
from pathlib import Path

from patchwidgets.models.architectures import ARCHITECTURES
from patchwidgets.models.model import Model
from patchwidgets.sites import COMPONENTS
from tests.support.families import CASES, random_model
from tests.support.toy_tokenizer import toy_tokenizer

_INTRO = """# Components by architecture

Written by `python -m tools.component_table docs/components.md`; a test holds it to the code. Each row is a small model
with *every* parameter random (biases, norms and gates too) that passed every check of
[`patchwidgets/models/verification.py`](../patchwidgets/models/verification.py), by reading and by writing.
`tests/models/test_families.py` and `tests/models/test_attention.py` hold the same models to relations that do not
depend on the hooks' own arithmetic.

• exact. A letter: refused, for the reason below the table. `embed`, `resid_pre`, `resid_post`, `attn_out` and `mlp_out`
are exact everywhere.

"""
_ALWAYS = {"embed", "resid_pre", "resid_post", "attn_out", "mlp_out"}


def table() -> str:
    """The whole page."""
    shown = [component for component in COMPONENTS if component not in _ALWAYS]
    reasons: dict[str, str] = {}
    with_record: list[str] = []
    without: list[str] = []
    for case, (family, _) in CASES.items():
        model = Model(random_model(case), toy_tokenizer(61))
        if missing := _ALWAYS - set(model.components):
            raise AssertionError(f"{case} lacks {missing}")
        cells = [_cell(model, component, reasons) for component in shown]
        rows = with_record if family in ARCHITECTURES else without
        rows.append(f"| {case} | {' | '.join(cells)} |")
    head = f"| | {' | '.join(shown)} |\n|---|{':-:|' * len(shown)}\n"
    return (
        _INTRO
        + head
        + "\n".join(with_record)
        + "\n\n## Without a record\n\nFound in the structure of the model, and believed because every check passed. "
        "Any other family is tried in the same way.\n\n"
        + head
        + "\n".join(without)
        + "\n\n## Reasons\n\n"
        + "\n".join(f"- **{letter}**: {reason}" for reason, letter in reasons.items())
        + "\n"
    )


def _cell(model: Model, component: str, reasons: dict[str, str]) -> str:
    if component in model.components:
        return "•"
    reason = model.refused[component]
    return reasons.setdefault(reason, string.ascii_lowercase[len(reasons)])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(table(), encoding="utf-8")

"""Write docs/components.md: which components each model family has, according to the checks.

    python -m tools.component_table docs/components.md

Every cell comes from a small model of the family with random parameters. A dot is a component whose checks passed; a
letter stands for the reason why the component is refused.
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

`python -m tools.component_table docs/components.md` writes this page, and a test keeps it up to date. Each row is a
small model in which *every* parameter is random (biases, norms and gates too). It passed every check of
[`patchwidgets/models/verification.py`](../patchwidgets/models/verification.py), which read and write every site.
`tests/models/test_families.py` and `tests/models/test_attention.py` check the same models with identities that do not
depend on the arithmetic of the hooks.

A dot (•) is a component that is read and written exactly. A letter is one that is refused, for the reason below the
tables. `embed`, `resid_pre`, `resid_post`, `attn_out` and `mlp_out` are exact in every model, so they have no column.

"""
_IN_EVERY_MODEL = {"embed", "resid_pre", "resid_post", "attn_out", "mlp_out"}


def table() -> str:
    """Return the whole page."""
    columns = [component for component in COMPONENTS if component not in _IN_EVERY_MODEL]
    reasons: dict[str, str] = {}
    with_record: list[str] = []
    without_record: list[str] = []
    for case, (family, _) in CASES.items():
        model = Model(random_model(case), toy_tokenizer(61))
        if missing := _IN_EVERY_MODEL - set(model.components):
            raise AssertionError(f"{case} lacks {missing}")
        cells = [_cell(model, component, reasons) for component in columns]
        rows = with_record if family in ARCHITECTURES else without_record
        rows.append(f"| {case} | {' | '.join(cells)} |")
    head = f"| | {' | '.join(columns)} |\n|---|{':-:|' * len(columns)}\n"
    return (
        _INTRO
        + head
        + "\n".join(with_record)
        + "\n\n## Without a record\n\npatchwidgets found the parts of these models by their structure, and every check "
        "passed.\nIt tries any other family in the same way.\n\n"
        + head
        + "\n".join(without_record)
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

"""axe looks at what a page shows and says what keeps people from using it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator

_SCRIPT = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
_RUN = (
    """(root) => axe.run(root, {resultTypes: ["violations"]}).then(({violations}) => violations)"""
)


def serious(root: Locator) -> list[str]:
    """What axe finds serious or critical inside an element, each with where it is."""
    # Evaluated, not added as a tag: a page's own rules about scripts do not concern its test.
    root.page.evaluate(_SCRIPT.read_text(encoding="utf-8"))
    found = root.evaluate(_RUN)
    return [_told(each) for each in found if each["impact"] in ("serious", "critical")]


def _told(violation: dict[str, Any]) -> str:
    places = [node["html"][:200] for node in violation["nodes"][:3]]
    return f"{violation['id']}: {violation['help']} {json.dumps(places)}"

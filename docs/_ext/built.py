"""What is computed while the site is built, kept until the package changes."""

import hashlib
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


def cache() -> Path:
    """Where it is kept."""
    folder = ROOT / "build" / "docs-cache"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@lru_cache
def fingerprint() -> str:
    """A word that changes with any file of the package, its front end and its weights included."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "patchwidgets").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def kept(name: str, *made_from: str) -> Path:
    """The file of this name that was made from these texts by this package; it may not be there yet."""
    digest = hashlib.sha256("\0".join([fingerprint(), *made_from]).encode()).hexdigest()[:16]
    folder = cache() / digest
    folder.mkdir(exist_ok=True)
    return folder / name

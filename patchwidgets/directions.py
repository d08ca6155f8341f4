"""The direction of a patch: which run is patched, and with the activations of which run. Costs nothing."""

from typing import Literal

from patchwidgets.errors import PatchError
from patchwidgets.guesses.answering import did_you_mean
from patchwidgets.guesses.names import DIRECTIONS

RunName = Literal["clean", "corrupted"]
"""The name of one of the two unpatched runs, and of its prompt."""

Direction = Literal["denoise", "noise"]
"""``denoise`` patches the corrupted run with clean activations, ``noise`` the clean run with corrupted ones."""


def host_name(direction: Direction) -> RunName:
    """Return the name of the run that is patched."""
    return "corrupted" if direction == "denoise" else "clean"


def source_name(direction: Direction) -> RunName:
    """Return the name of the run whose activations are written into the host."""
    return "clean" if direction == "denoise" else "corrupted"


def opposite(direction: Direction) -> Direction:
    """Return the other direction."""
    return "noise" if direction == "denoise" else "denoise"


def checked_direction(direction: str) -> Direction:
    """Return the direction unchanged, if it is one.

    Raises
    ------
    PatchError
        It is neither ``"denoise"`` nor ``"noise"``.
    """
    if direction == "denoise":
        return "denoise"
    if direction == "noise":
        return "noise"
    raise PatchError(
        f"Unknown direction {direction!r}; expected 'denoise' (clean into corrupted) or "
        f"'noise' (corrupted into clean).{did_you_mean(direction, ('denoise', 'noise'), DIRECTIONS)}"
    )

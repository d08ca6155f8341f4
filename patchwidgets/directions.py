"""Which run is patched, and with the activations of which run. Plain data; costs nothing."""

from typing import Any, Literal

from patchwidgets.errors import PatchError

RunName = Literal["clean", "corrupted"]
"""One of the two unpatched runs, and its prompt."""

Direction = Literal["denoise", "noise"]
"""``denoise`` patches the corrupted run with clean activations, ``noise`` the clean run with corrupted ones."""


def host_name(direction: Direction) -> RunName:
    """The run that is patched."""
    return "corrupted" if direction == "denoise" else "clean"


def source_name(direction: Direction) -> RunName:
    """The run whose activations are spliced in."""
    return "clean" if direction == "denoise" else "corrupted"


def opposite(direction: Direction) -> Direction:
    """The other direction."""
    return "noise" if direction == "denoise" else "denoise"


def checked_direction(direction: Any) -> Direction:
    """A direction as it is.

    Raises
    ------
    PatchError
        Something else.
    """
    if direction not in ("denoise", "noise"):
        raise PatchError(
            f"Unknown direction {direction!r}; expected 'denoise' (clean into corrupted) or "
            "'noise' (corrupted into clean)."
        )
    return direction  # type: ignore[no-any-return]

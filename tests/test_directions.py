"""Directions: which run is the host, which the source, and what is no direction."""

import pytest

from patchwidgets.directions import checked_direction, host_name, opposite, source_name
from patchwidgets.errors import PatchError


def test_who_is_patched_with_what() -> None:
    assert (host_name("denoise"), source_name("denoise")) == ("corrupted", "clean")
    assert (host_name("noise"), source_name("noise")) == ("clean", "corrupted")
    assert (opposite("denoise"), opposite("noise")) == ("noise", "denoise")


def test_what_is_no_direction() -> None:
    assert checked_direction("noise") == "noise"
    for wrong in ("backwards", "Denoise", None):
        with pytest.raises(PatchError, match=f"Unknown direction {wrong!r}; expected 'denoise'"):
            checked_direction(wrong)

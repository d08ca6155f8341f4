"""Cutting attention from a query to a key: a source of a patch of a pattern. Plain data; costs nothing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from patchwidgets.errors import PatchError, shown
from patchwidgets.sites import Position, Site, parse_pos, print_pos
from patchwidgets.sources.source import SourceData

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, repr=False)
class Cut(SourceData):
    """A pattern without some keys; `cut` documents the fields."""

    kind: ClassVar[str] = "cut"
    keys: tuple[Position, ...]
    renormalise: bool = True

    def __post_init__(self) -> None:
        if not self.keys:
            raise PatchError(
                "cut() cuts nothing; name one or more keys, as in cut('S2') or cut(9)."
            )
        if not isinstance(self.renormalise, bool):
            raise PatchError(f"renormalise is {shown(self.renormalise)}; expected True or False.")

    def check(self, site: Site) -> None:
        """Refuse anything but a pattern."""
        if site.component != "pattern":
            pattern = f"L{site.layer or 0}.H{site.index or 0}.pattern@-1"
            raise PatchError(
                f"{site}: cut() takes attention away from keys, so it goes into a pattern, as in "
                f"Patch('{pattern}', pw.sources.cut('S2'))."
            )

    def combined(self, host: "Tensor", value: "Tensor") -> "Tensor":
        """Return the pattern without the keys where `value` is 1.

        Raises
        ------
        PatchError
            Of a row that attended to something, nothing is left.
        """
        exact = host if host.dtype.itemsize >= 4 else host.float()  # sums in half precision are off
        kept = exact * (1 - value.to(exact))
        before, after = exact.sum(-1, keepdim=True), kept.sum(-1, keepdim=True)
        if bool(((after == 0) & (before != 0)).any()):
            raise PatchError(
                f"{self} leaves nothing of a row of the pattern: all of its attention goes to these keys. Cut fewer "
                "keys or later queries, or write zeros with pw.sources.zero()."
            )
        return kept * (before / after.where(after != 0, 1)) if self.renormalise else kept

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Return the keys as `cut` takes them, and whether the rest is scaled up if it is not."""
        keys = [print_pos(key) if isinstance(key, tuple) else key for key in self.keys]
        return keys, {} if self.renormalise else {"renormalise": False}


def cut(*keys: int | str | tuple[int | None, int | None], renormalise: bool = True) -> Cut:
    """Cut attention to some keys, in a patch of a pattern: its queries no longer see them.

    ``Patch("L23.H3.pattern@-1", cut("S2"))`` takes away what head 3 of layer 23 reads at S2 from the last position. The
    probability of each key becomes 0. By default, the other keys of the query are scaled up to the former sum, as if
    the key had been masked before the softmax; with ``renormalise=False`` they stay as they are, so that the head only
    loses what it read there.

    Parameters
    ----------
    keys
        Positions: indices, ranges such as ``"3:7"``, or names of the task. They count in the clean prompt, as in sites;
        in a corrupted host their counterparts are cut.
    renormalise
        Whether the rest of the row is scaled up.

    Raises
    ------
    SiteError, PatchError
        No position, or no key at all. When it is used: a component that is no pattern, a key after all queries, or a
        query of which nothing is left.

    Examples
    --------
    >>> r = exp.flip().patch(pw.Patch("L1.H2.pattern@-1", pw.sources.cut(2)))
    >>> r
    PatchResult(L1.H2.pattern@-1 = cut(2), noise: ...)
    >>> r.pattern("L1.H2").sel(query=14, key=2).sel(run=["clean", "patched"]).values.round(2)
    array([0.99, 0.  ])
    """
    return Cut(tuple(map(_position, keys)), renormalise)


def _position(key: object) -> Position:
    if isinstance(key, str):
        return parse_pos(key.strip(), f"cut({key!r})")
    if isinstance(key, int) and not isinstance(key, bool):
        return key
    is_range = isinstance(key, tuple | list) and len(key) == 2
    if is_range and all(end is None or type(end) is int for end in key):  # type: ignore[attr-defined]
        return tuple(key)  # type: ignore[arg-type, return-value]
    raise PatchError(
        f"cut({shown(key)}): expected a position, as in cut(9), cut('S2') or cut('3:7')."
    )

"""A set of nodes or edges as frozen data, with the operations of a set. Costs nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from patchwidgets.edges import Path
from patchwidgets.errors import SiteError, listed, shown
from patchwidgets.guesses.answering import Answering
from patchwidgets.guesses.attributes import CIRCUIT
from patchwidgets.methods.circuits.members import (
    Kind,
    Member,
    in_order,
    kind_of,
    parse_member,
    scores_of,
)
from patchwidgets.sites import Site


@dataclass(frozen=True, init=False, repr=False)
class MemberSet(Answering):
    """What `Circuit` is as a set; it documents the parameters."""

    advice = CIRCUIT
    members: frozenset[Member]
    _scores: tuple[tuple[Member, float], ...]

    def __init__(
        self, members: Iterable[str | Member] = (), scores: Mapping[Any, float] | None = None
    ) -> None:
        if isinstance(members, str | Site | Path) or not isinstance(members, Iterable):
            raise SiteError(
                f"Expected a list of sites or edges, as in pw.Circuit(['embed', 'L9.H6']); got {shown(members)}."
            )
        found = frozenset(map(parse_member, members))
        kind_of(found)
        scored = scores_of(scores or {})
        if unknown := [str(member) for member in scored if member not in found]:
            raise SiteError(f"Scores of {listed(unknown, by=', ')}, which are not in the circuit.")
        object.__setattr__(self, "members", found)
        object.__setattr__(self, "_scores", tuple((m, scored[m]) for m in in_order(scored)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemberSet) and self.members == other.members

    def __hash__(self) -> int:
        return hash(self.members)

    @classmethod
    def _scored(cls, members: Iterable[Member], scores: Mapping[Member, float]) -> Self:
        chosen = list(members)
        return cls(chosen, {member: scores[member] for member in chosen if member in scores})

    @property
    def kind(self) -> Kind | None:
        """``"nodes"`` or ``"edges"``; None for an empty circuit, which goes with both."""
        return kind_of(self.members)

    @property
    def scores(self) -> dict[Member, float]:
        """The scores of those members that have one."""
        return dict(self._scores)

    def __iter__(self) -> Iterator[Member]:
        return iter(in_order(self.members))

    def __len__(self) -> int:
        return len(self.members)

    def __contains__(self, member: object) -> bool:
        if not isinstance(member, str | Site | Path):
            return False
        return parse_member(member) in self.members

    def __or__(self, other: "MemberSet") -> Self:
        return self._joined(other, self.members | other.members)

    def __and__(self, other: "MemberSet") -> Self:
        return self._joined(other, self.members & other.members)

    def __sub__(self, other: "MemberSet") -> Self:
        return self._joined(other, self.members - other.members)

    def __xor__(self, other: "MemberSet") -> Self:
        return self._joined(other, self.members ^ other.members)

    def __le__(self, other: "MemberSet") -> bool:
        return self.members <= other.members

    def __lt__(self, other: "MemberSet") -> bool:
        return self.members < other.members

    def _joined(self, other: "MemberSet", members: Iterable[Member]) -> Self:
        return self._scored(members, other.scores | self.scores)

    def __repr__(self) -> str:
        if not self.members:
            return "Circuit(nothing)"
        names = listed([str(member) for member in self], by=", ")
        kind = str(self.kind)
        return f"Circuit({len(self)} {kind if len(self) > 1 else kind[:-1]}: {names})"

"""Edges into one receiver, or from one sender: which carries most, and what is said of the others."""

from patchwidgets.course.verdict import Foreseen
from patchwidgets.facade.experiment import Experiment


class Carried:
    """What each edge into a receiver, or from a sender, carries.

    Parameters
    ----------
    exp
        The experiment that is swept.
    receivers, senders
        One of the two, as in ``exp.sweep_paths``.
    batch
        Patched runs at once.

    Attributes
    ----------
    effects
        By the edge's other end.
    """

    def __init__(
        self,
        exp: Experiment,
        *,
        receivers: str | None = None,
        senders: str | None = None,
        batch: int,
    ) -> None:
        swept = exp.sweep_paths(receivers, senders, batch=batch, progress=False)
        self._edges = {edge.split("->")[0 if receivers else 1]: edge for edge in swept.site_names()}
        self.effects: dict[str, float] = dict(
            zip(self._edges, swept.effect.values.tolist(), strict=True)
        )
        self.best, self._second = sorted(
            self.effects, key=lambda end: self.effects[end], reverse=True
        )[:2]

    @property
    def praise(self) -> str:
        """What the right answer hears."""
        carries, next_one = self.effects[self.best], self.effects[self._second]
        return f"{self._edges[self.best]} carries {carries:+.2f}, the next one {next_one:+.2f}."

    def foreseen(self) -> list[Foreseen[str]]:
        """What the other ends hear."""
        return [self._said(end) for end in self.effects]

    def _said(self, end: str) -> Foreseen[str]:
        effect = self.effects[end]
        but = "another one has more" if effect > 0 else "it works against the answer"
        return (
            lambda given: given == end,
            f"{self._edges[end]} carries {effect:+.2f}; {but}.",
        )

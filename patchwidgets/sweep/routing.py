"""In a mixture of experts, how often routers chose otherwise in a sweep's passes than before. Costs nothing."""

from dataclasses import dataclass

from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.passes import FinalStates, Recording


@dataclass
class RoutingFlips:
    """How often experts were chosen otherwise in the unpatched rows of a pass than in the recorded run.

    Rounding can tip a router between two experts, and an effect then includes that jump.

    Attributes
    ----------
    known
        Whether the model's routers were found.
    flips, choices
        How many of how many choices differed; a choice is one token in one layer.
    """

    known: bool
    flips: int = 0
    choices: int = 0

    def count(self, group: Group, recording: Recording, final: FinalStates) -> None:
        """Compare the unpatched rows of a group's pass with the recorded run."""
        for key, chosen in final.choices.items():
            recorded = recording.host[key][:, group.start :]
            differs = chosen[: len(recorded)] != recorded
            self.flips += int(differs.any(-1).sum())
            self.choices += differs[..., 0].numel()

    def forget(self) -> None:
        """Begin to count anew."""
        self.flips = self.choices = 0

    def add(self, flips: int, choices: int) -> None:
        """Add what was counted elsewhere."""
        self.flips += flips
        self.choices += choices

    def __str__(self) -> str:
        if not self.known:
            return "which experts were chosen is not known: no router was found"
        return f"{self.flips:,} of {self.choices:,} choices of experts flipped in unpatched rows"

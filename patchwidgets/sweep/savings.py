"""Which computations a sweep leaves out because their outcome is known beforehand. Plain data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Savings:
    """Computations to leave out; each can be switched off, and results change by no more than rounding.

    Parameters
    ----------
    equal
        Where both prompts begin alike, source and host activations are equal: a patch from the source does nothing.
    cone
        A patch changes only a cone of positions, its own and later ones; earlier ones come from the host's recorded
        keys and values.
    descent
        A pass descends the layers, from the first to the last. A patch changes no earlier layer than its own, so its
        row joins a shared pass there.
    unembed
        Metrics that read only answer and foil tokens need only these rows of the unembedding.
    join_below
        A pass costs about as much as this many tokens, however few it has, since the weights have to be read. Rows
        that would cost less than that start earlier than they need to, in the pass of other rows. 0 joins none.
    """

    equal: bool = True
    cone: bool = True
    descent: bool = True
    unembed: bool = True
    join_below: int = 32

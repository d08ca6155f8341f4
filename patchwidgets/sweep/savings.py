"""What a sweep leaves out because it is known beforehand. Plain data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Savings:
    """What is left out because it is known; each can be switched off, and no result changes.

    Parameters
    ----------
    equal
        Activations of the paired run where both prompts begin alike are the host's: nothing to do.
    cone
        A patch changes no earlier position: these come from the host's keys and values.
    descent
        A patch changes no earlier layer: rows join the batch where they begin.
    unembed
        Of the unembedding only the rows that the metrics read.
    join_below
        A pass costs about as much as this many tokens, however few it has, since the weights have to be read: rows
        that cost less begin earlier than they need to, in the pass of other rows. 0 joins none.
    """

    equal: bool = True
    cone: bool = True
    descent: bool = True
    unembed: bool = True
    join_below: int = 32

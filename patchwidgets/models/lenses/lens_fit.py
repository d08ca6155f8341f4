"""How a Jacobian lens was fitted, as plain data: what its file says about it. Costs nothing."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class LensFit:
    """How a Jacobian lens was fitted.

    Attributes
    ----------
    model, weights, dtype
        The name of the model, `weights_checksum` of its weights, and the dtype in which it ran.
    target
        The stream into which the lens carries all others.
    n_prompts, n_tokens, n_positions
        How many prompts, how many tokens they have, and over how many of these the Jacobians are averaged.
    skip_first
        How many positions at the beginning of each prompt are left out, as sources and as targets: attention sinks. The
        last position is left out, too.
    text
        What the prompts are, in words.
    sampling_error
        By stream, how far the matrix may be from that of endless text, as a part of its length: half the distance
        between the matrices of every other prompt and of the rest. For a single prompt it says nothing: 0.5.
    versions
        Of the packages.
    """

    model: str
    weights: str
    dtype: str
    target: str
    n_prompts: int
    n_tokens: int
    n_positions: int
    skip_first: int
    text: str
    sampling_error: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

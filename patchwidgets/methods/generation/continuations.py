"""What two runs say after a prompt, side by side: plain data, shown as text, as HTML and as a table. Costs nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from patchwidgets.directions import Direction, RunName, host_name
from patchwidgets.errors import listed
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.sites import Patch
from patchwidgets.tokens import isolated, printable

if TYPE_CHECKING:
    import pandas as pd

_SHOWN_PAIRS, _SHOWN_PROMPT = 4, 100


@dataclass(frozen=True)
class Continuation:
    """What one run says after a prompt.

    Attributes
    ----------
    ids, tokens
        The generated tokens, up to and with the end token if there is one.
    text
        The same as text.
    ended
        Whether it ended with an end token of the model, and not because enough tokens were there.
    """

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    text: str
    ended: bool


@dataclass(frozen=True)
class FirstDifference:
    """The first token in which two continuations differ; up to there both runs have read the same tokens.

    Attributes
    ----------
    index
        Which of the generated tokens, from 0.
    host, patched
        The token of each run.
    host_margin, patched_margin
        How far the logit of a run's own token lies above that of the other run's token, in each run. Greedy tokens have
        margins from 0 on: a margin within the noise floor may be rounding.
    """

    index: int
    host: str
    patched: str
    host_margin: float
    patched_margin: float


@dataclass(frozen=True)
class GeneratedPair:
    """Both continuations of the host prompt of one pair.

    Attributes
    ----------
    prompt
        The host prompt as text.
    host, patched
        What the unpatched and the patched run say.
    first_difference
        None where they say the same.
    """

    prompt: str
    host: Continuation
    patched: Continuation
    first_difference: FirstDifference | None


@dataclass(frozen=True, eq=False, repr=False)
class Generation:
    """What the host prompts of an experiment are continued with, unpatched and patched; `Experiment.generate` makes it.

    Attributes
    ----------
    pairs
        The two continuations of each pair; ``len`` and indexing are theirs.
    patches
        What was patched jointly.
    direction
        Says which prompts are the host's.
    every_step
        Whether the patches also act on the generated tokens.
    max_new_tokens, temperature, seed
        As asked for.
    noise_floor
        How much rounding alone moves the difference of two logits.
    seconds
        How long it took.

    Examples
    --------
    >>> generation = exp.generate("L0.H1", max_new_tokens=3)
    >>> print(generation.meaning)
    greedy; patched in the prompt only: later tokens are computed as always, from the patched prompt's keys and values
    """

    pairs: tuple[GeneratedPair, ...]
    patches: tuple[Patch, ...]
    direction: Direction
    every_step: bool
    max_new_tokens: int
    temperature: float
    seed: int | None
    noise_floor: float
    seconds: float

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites that were patched, as strings."""
        return tuple(str(patch.site) for patch in self.patches)

    @property
    def host_name(self) -> RunName:
        """Which prompts are continued: ``"clean"`` or ``"corrupted"``."""
        return host_name(self.direction)

    @property
    def meaning(self) -> str:
        """How tokens were chosen, and on which of them the patches acted, in words."""
        chosen = (
            f"sampled at temperature {self.temperature:g} with seed {self.seed}, the same noise in both runs"
            if self.temperature
            else "greedy"
        )
        where = (
            "patched in the prompt, and what is patched at its last position again at every generated token"
            if self.every_step
            else "patched in the prompt only: later tokens are computed as always, from the patched prompt's keys and "
            "values"
        )
        return f"{chosen}; {where}"

    @property
    def n_different(self) -> int:
        """For how many pairs the two runs say different things."""
        return sum(pair.first_difference is not None for pair in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, pair: int) -> GeneratedPair:
        return self.pairs[pair]

    def __iter__(self) -> Iterator[GeneratedPair]:
        return iter(self.pairs)

    def is_rounding(self, pair: int = 0) -> bool:
        """Whether the runs of a pair part at a token that rounding may have decided: a margin within the noise floor.

        Examples
        --------
        >>> exp.generate("L0.H1", max_new_tokens=3).is_rounding()
        False
        """
        first = self.pairs[pair].first_difference
        return first is not None and _is_close(first, self.noise_floor)

    def __repr__(self) -> str:
        lines = [f"Generation({listed(self.sites) or 'nothing'}, {self.direction}; {self.meaning})"]
        for pair in self.pairs[:_SHOWN_PAIRS]:
            prompt = pair.prompt
            if len(prompt) > _SHOWN_PROMPT:
                prompt = f"…{prompt[-_SHOWN_PROMPT:]}"
            lines.append(f"{self.host_name} prompt: {isolated(printable(prompt))!r}")
            lines += [
                f"  host     {_quoted(pair.host)}",
                f"  patched  {_quoted(pair.patched)}",
                f"  {self._difference_in_words(pair)}",
            ]
        if len(self.pairs) > _SHOWN_PAIRS:
            lines.append(
                f"… {len(self.pairs) - _SHOWN_PAIRS} more pairs; {self.n_different} of {len(self.pairs)} differ. "
                "See to_frame()."
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        title = escape(f"{listed(self.sites) or 'nothing'}, {self.direction}; {self.meaning}")
        head = "".join(f"<th>{name}</th>" for name in ("pair", "prompt", "host", "patched", ""))
        rows = [
            f"<tr><td>{i}</td><td>{_cell(pair.prompt)}</td><td>{_marked(pair, pair.host)}</td>"
            f"<td>{_marked(pair, pair.patched)}</td><td>{_cell(self._difference_in_words(pair))}</td></tr>"
            for i, pair in enumerate(self.pairs)
        ]
        return (
            f'<table class="patchwidgets-generation" style="text-align:left"><caption>{title}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )

    def to_frame(self) -> "pd.DataFrame":
        """A table with one row for each pair; what belongs to a difference is missing where there is none.

        Examples
        --------
        >>> frame = exp.generate("L0.H1", max_new_tokens=3).to_frame()
        >>> frame[["first_difference", "host_token", "patched_token"]]
              first_difference host_token patched_token
        pair
        0                    0       John          Mary
        """
        with Uninterrupted():
            import pandas as pd

        frame = pd.DataFrame([_row(pair) for pair in self.pairs]).rename_axis("pair")
        return frame.astype({"first_difference": "Int64"})

    def _difference_in_words(self, pair: GeneratedPair) -> str:
        first = pair.first_difference
        if first is None:
            return f"the same for {len(pair.host.ids)} tokens"
        close = " (within the noise floor)" if _is_close(first, self.noise_floor) else ""
        host, patched = (isolated(printable(token)) for token in (first.host, first.patched))
        return f"differs from token {first.index} on: {host!r} and {patched!r}{close}"


def _row(pair: GeneratedPair) -> dict[str, object]:
    first = pair.first_difference
    return {
        "prompt": pair.prompt,
        "host": pair.host.text,
        "patched": pair.patched.text,
        "first_difference": None if first is None else first.index,
        "host_token": None if first is None else first.host,
        "patched_token": None if first is None else first.patched,
        "host_margin": None if first is None else first.host_margin,
        "patched_margin": None if first is None else first.patched_margin,
        "host_ended": pair.host.ended,
        "patched_ended": pair.patched.ended,
    }


def _is_close(first: FirstDifference, noise_floor: float) -> bool:
    return min(abs(first.host_margin), abs(first.patched_margin)) <= noise_floor


def _quoted(continuation: Continuation) -> str:
    return f"{isolated(printable(continuation.text))!r}{' (ended)' if continuation.ended else ''}"


def _cell(text: str) -> str:
    return escape(isolated(printable(text)))


def _marked(pair: GeneratedPair, continuation: Continuation) -> str:
    """The tokens of a continuation as HTML, with the first one that differs marked."""
    first = pair.first_difference
    tokens: Sequence[str] = [_cell(token) for token in continuation.tokens]
    if first is None:
        return "".join(tokens)
    i = first.index
    return f"{''.join(tokens[:i])}<mark>{tokens[i]}</mark>{''.join(tokens[i + 1 :])}"

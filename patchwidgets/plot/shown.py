"""What a figure shows of a patch or a path: of one pair, or the mean over all. Costs the reach, a pass or two."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from patchwidgets.directions import RunName, source_name
from patchwidgets.edges import Path
from patchwidgets.errors import PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.reach import Reach
from patchwidgets.experiment.reading import Reading
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.methods.paths.traced import TracedPath, trace_path
from patchwidgets.models.top_tokens import TopToken, check_pair
from patchwidgets.plot.texts import NO_BREAK
from patchwidgets.sites import Patch
from patchwidgets.sources.ablations import Mean, Noise, Resample, Zero
from patchwidgets.tasks import Pair

Lane = Literal["clean", "patched", "corrupted"]
LANES: tuple[Lane, ...] = ("clean", "patched", "corrupted")
N_TOKENS = 6
"""Next tokens of each run."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A result, and which of its pairs are shown.

    Attributes
    ----------
    result
        A patch, or a path with its logits.
    pair
        The number of one pair; None: numbers over all pairs, beside the prompt and the next tokens of the first one.
    reading
        The first metric of what is shown.
    tokens
        The next tokens of each run, of the pair whose prompt is shown.
    """

    result: PatchResult | TracedPath
    pair: int | None
    reading: Reading
    tokens: dict[Lane, Sequence[TopToken]]

    @classmethod
    def of(cls, result: Any, pair: int | None = None) -> "Shown":
        """What is shown of a result.

        Raises
        ------
        PatchError
            It is no result of a patch or a path.
        TaskError
            There is no such pair.
        """
        if not isinstance(result, PatchResult | PathResult):
            raise PatchError(
                f"Expected what exp.patch(...) or exp.path(...) returns; got {type(result).__name__}."
            )
        exp = result.experiment
        check_pair(pair, len(exp.pairs))
        pair = None if pair is None or len(exp.pairs) == 1 else pair % len(exp.pairs)
        if isinstance(result, PathResult) and not isinstance(result, TracedPath):
            result = trace_path(exp, result.path, result.frozen)
        assert isinstance(result, PatchResult | TracedPath)
        first = next(iter(result.readings.values()))
        # Means over pairs would stand beside a prompt that never has them.
        prompt = pair or 0
        tokens: dict[Lane, Sequence[TopToken]] = {
            "clean": exp.clean.top_tokens(N_TOKENS, prompt),
            "patched": result.run_tokens(N_TOKENS, prompt),
            "corrupted": exp.corrupted.top_tokens(N_TOKENS, prompt),
        }
        return cls(result, pair, first if pair is None else first.of_pair(pair), tokens)

    @property
    def experiment(self) -> BaseExperiment:
        """The experiment of the result."""
        return self.result.experiment

    @property
    def host(self) -> RunName:
        """The run that is patched."""
        return self.experiment.host_name

    @property
    def source(self) -> RunName:
        """The other run."""
        return source_name(self.experiment.direction)

    def prompt_of(self, lane: Lane) -> RunName:
        """The prompt that runs in a lane."""
        return self.host if lane == "patched" else lane

    @property
    def patches(self) -> tuple[Patch, ...]:
        """What is patched; nothing for a path."""
        return self.result.patches if isinstance(self.result, PatchResult) else ()

    @property
    def path(self) -> Path | None:
        """The path that is followed."""
        return self.result.path if isinstance(self.result, TracedPath) else None

    @property
    def one_pair(self) -> Pair | None:
        """The pair that all is about; None for a mean over several."""
        pairs = self.experiment.pairs
        if self.pair is None and len(pairs) > 1:
            return None
        return pairs[self.pair or 0]

    @property
    def prompts(self) -> Pair:
        """The pair whose tokens are shown."""
        return self.experiment.pairs[self.pair or 0]

    @property
    def which_pair(self) -> str:
        """Whose tokens are shown: "pair 4 of 32"; nothing for a task of one pair."""
        count = len(self.experiment.pairs)
        if count < 2:
            return ""
        return f"pair {(self.pair or 0) + 1} of {count}".replace(" ", NO_BREAK)

    @property
    def of_what(self) -> str:
        """What the numbers are, if they are of several pairs: "mean of 32 pairs"."""
        if self.one_pair is not None:
            return ""
        count = len(self.experiment.pairs)
        return f"{'median' if self.reading.metric.median else 'mean'} of {count} pairs"

    @property
    def only_ablates(self) -> bool:
        """Whether information is only taken away: then nothing moves towards the other run."""
        kinds = (Zero, Mean, Resample, Noise)
        return bool(self.patches) and all(isinstance(each.source, kinds) for each in self.patches)

    def reach(self) -> Reach | None:
        """How far every component moved at the last position; None where nothing is patched."""
        if isinstance(self.result, TracedPath):
            return self.result.reach(self.pair)
        return self.result.reach(pair=self.pair) if self.patches else None

    def value(self, lane: Lane) -> float:
        """The metric of a run."""
        return self.reading.metric.mean(getattr(self.reading, lane))

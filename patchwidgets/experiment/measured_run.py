"""An unpatched run together with the values of an experiment's metrics. Costs nothing."""

from collections.abc import Iterable, Mapping, Sequence

from patchwidgets.directions import RunName
from patchwidgets.errors import MetricError, TaskError
from patchwidgets.experiment.followed import followed_in, places_in
from patchwidgets.models.answer_tokens import AnswerSpec, several_tokens
from patchwidgets.models.lenses.numbers import Followed
from patchwidgets.models.lenses.streams import Places
from patchwidgets.models.logit_attribution import LogitAttribution
from patchwidgets.models.run import Run
from patchwidgets.models.run_attribution import AttributedRun
from patchwidgets.sites import Position
from patchwidgets.tasks import Pair

Tokens = list[tuple[int, ...]]
"""For each pair the token ids of the alternatives."""


class MeasuredRun(Run):
    """The clean or the corrupted run of an experiment, with the values of its metrics.

    It shares the recordings of `run`: what one of them has recorded, the other has too.

    Attributes
    ----------
    run
        The same run without metrics, shared by experiments that differ in direction or metrics.
    name
        Which of the two runs it is.
    pairs
        The pairs whose prompts ran.
    values
        By the name of the metric, its value over all pairs; the experiment's first metric first.
    """

    def __init__(
        self, run: Run, name: RunName, pairs: Sequence[Pair], values: Mapping[str, float]
    ) -> None:
        super().__init__(
            run.layout, run.tokenizer, run.prompts, run.batches, run.logits, run.weights
        )
        self.run = run
        self.name: RunName = name
        self.pairs = pairs
        self.values = dict(values)

    @property
    def value(self) -> float:
        """The first metric of the experiment, over all pairs."""
        return next(iter(self.values.values()))

    def logit_attribution(
        self,
        answer: AnswerSpec | None = None,
        foil: AnswerSpec | None = None,
        pos: int | str = -1,
        neurons: int | Iterable[int] = (),
        scale_of: AttributedRun | None = None,
    ) -> LogitAttribution:
        """Split the logit difference of the task, or of other tokens, into the parts that each component writes.

        Parameters
        ----------
        answer, foil
            By default those of the task; otherwise as in `Run.logit_attribution`.
        pos
            Where the logits are read: an index into this run's prompts, or a name of the task.
        neurons, scale_of
            As in `Run.logit_attribution`.

        Raises
        ------
        MetricError
            An answer has several tokens.
        AnswerError, TaskError, SiteError, RefusedError, WeightsChangedError
            As in `Run.logit_attribution`.

        Examples
        --------
        >>> exp.corrupted.logit_attribution()
        LogitAttribution(21 parts sum to -6.15...; logit difference of the run -6.15...; largest: L1.H0 -3.39, ...)
        >>> clean = exp.clean.logit_attribution(scale_of=exp.corrupted)
        >>> change = clean["L1.mlp_out"] - exp.corrupted.logit_attribution()["L1.mlp_out"]
        >>> round(change, 1)  # its direct effect, with the norm frozen at the host's scale
        4.9
        """
        answers, foils = self.answer_ids(answer, foil, pos)
        return self.attribute(answers, foils, pos, neurons, scale_of)

    def answer_ids(
        self, answer: AnswerSpec | None, foil: AnswerSpec | None, pos: int | str
    ) -> tuple[Tokens, Tokens | None]:
        """Return an answer and a foil as token ids; without any, those of the task."""
        if answer is not None:
            return super().answer_ids(answer, foil, pos)
        if foil is not None:
            raise TaskError(
                "A foil without an answer: give both, or neither for those of the task."
            )
        if any(pair.long_answers for pair in self.pairs):
            raise MetricError(several_tokens("An answer or foil of the task has several tokens"))
        foils = [pair.foils for pair in self.pairs if pair.foils is not None]
        return [pair.answers for pair in self.pairs], foils or None

    def positions(self, pos: int | str) -> list[int]:
        """Return a position, given as an index or as a name of the task, as an index into each prompt of this run."""
        if isinstance(pos, int):
            return super().positions(pos)
        columns = (pair.columns_at(pos)[0] for pair in self.pairs)
        return [of_pair[self.name == "corrupted"] for of_pair in columns]

    def places(self, pos: Position) -> Places:
        """Return where each prompt of this run is read: an index counts in it, a name in the clean prompt."""
        return (
            places_in(self.name, self.pairs, pos) if isinstance(pos, str) else super().places(pos)
        )

    def followed(self, answer: AnswerSpec | None, foil: AnswerSpec | None) -> Followed:
        """Return the tokens to follow in each prompt: by default the answers and foils of the task."""
        if answer is None and foil is None:
            return followed_in(self.pairs)
        return super().followed(answer, foil)

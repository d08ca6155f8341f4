"""What a run knows of direct logit attribution. Costs what `patchwidgets.models.attribute` says."""

from collections.abc import Iterable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import SiteError, TaskError, shown
from patchwidgets.guesses.answering import Answering
from patchwidgets.guesses.attributes import RUN
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.answer_tokens import AnswerSpec, answer_tokens
from patchwidgets.models.attribute import Asked, attribute
from patchwidgets.models.batches import Batch
from patchwidgets.models.layout import Layout
from patchwidgets.models.logit_attribution import LogitAttribution
from patchwidgets.models.one_position import read_one_position
from patchwidgets.models.patterns import rows_of_one_length
from patchwidgets.models.weights_mark import WeightsMark
from patchwidgets.models.written import Written, checked_head, written
from patchwidgets.sites import Site, index_of
from patchwidgets.tokens import Tokenizer


class AttributedRun(Answering):
    """A run whose logits can be split into parts; `patchwidgets.models.run.Run` documents the attributes."""

    advice = RUN

    def __init__(
        self,
        layout: Layout,
        tokenizer: Tokenizer,
        prompts: list[tuple[int, ...]],
        batches: list[Batch],
        logits: Float[Tensor, "prompt vocabulary"],
        weights: WeightsMark,
    ) -> None:
        self.layout = layout
        self.tokenizer = tokenizer
        self.prompts = prompts
        self.batches = batches
        self.logits = logits
        self.weights = weights

    def logit_attribution(
        self,
        answer: AnswerSpec,
        foil: AnswerSpec | None = None,
        pos: int = -1,
        neurons: int | Iterable[int] = (),
        scale_of: "AttributedRun | None" = None,
    ) -> LogitAttribution:
        """Split the logit difference of two next tokens into the parts that each component writes.

        Parameters
        ----------
        answer, foil
            A text with its space, or a token id; a tuple of alternatives; or a list of these, one for each prompt.
            Without a foil the logit of the answer is split.
        pos
            Where the logits are read; negative positions count from the end of each prompt.
        neurons
            Layers whose MLP is split into neurons: their numbers, or one number.
        scale_of
            Take the final norm with the scale that it has in this run of as many prompts, at the same `pos`. Then the
            parts of two runs can be compared: their differences are direct effects with the norm frozen.

        Returns
        -------
        LogitAttribution
            Its `total` is the logit difference of this run, up to rounding.

        Raises
        ------
        MetricError, AnswerError, TaskError
            An answer has several tokens or none, or there is not one for each prompt.
        SiteError
            A position or a layer is out of range, or `scale_of` has another number of prompts.
        RefusedError
            The model has no neurons, a final norm that cannot be frozen, or logits that are no sum of parts.
        WeightsChangedError
            The weights have changed since the run.

        Examples
        --------
        >>> parts = model.run("12+34=").logit_attribution(" 46", " 47")
        >>> parts
        LogitAttribution(21 parts sum to +11.7126; logit difference of the run +11.7126; largest: L3.mlp_out +8.47, ...)
        >>> bool(abs(parts.total - parts.logit_diff) < 1e-4)
        True
        """
        answers, foils = self.answer_ids(answer, foil, pos)
        return self.attribute(answers, foils, pos, neurons, scale_of)

    def written(
        self, site: str | Site, pos: int | str = -1, *, k: int = 5, pair: int = 0
    ) -> Written:
        """The tokens that a head writes: its part of their logits, with the final norm's scale frozen.

        What the head adds to the residual stream at one position goes through the final norm, with the scale that the
        norm has there in this run, and through the output embedding. Of a token it is what `logit_attribution` says of
        the head for this token alone. Direct: what the head does through later components is theirs.

        Parameters
        ----------
        site
            A head, such as ``"L23.H3"``.
        pos
            Where, in this run's prompt; in the runs of an experiment also a name of the task.
        k
            How many tokens of each sort.
        pair
            The index of a prompt.

        Raises
        ------
        SiteError, LensError
            No head, a position out of range, or too many tokens.
        RefusedError
            Attention whose heads cannot be told apart in what it adds, a final norm that cannot be frozen, or logits
            that are no sum of parts.
        TaskError
            There is no such prompt.
        WeightsChangedError
            The weights have changed since the run.

        Examples
        --------
        >>> exp.clean.written("L1.H2")
        Written(up: ' Mary' +3.40, ' office' +1.65, ...; down: ' Adam' -1.62, ...)
        """
        head = checked_head(self.layout, site, k)
        rows = rows_of_one_length(pair, [[len(prompt) for prompt in self.prompts]])
        self.weights.check()
        ids = torch.tensor([self.prompts[rows[0]]])
        at = self.positions(pos)[rows[0]]
        found = written(self.layout, self.tokenizer, ids, head, at, k, self.edits(rows))
        self.weights.check()
        return found

    def answer_ids(
        self, answer: AnswerSpec | None, foil: AnswerSpec | None, pos: int | str
    ) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]] | None]:
        """Return an answer and a foil that follow a position of each prompt, as token ids of their alternatives."""
        if answer is None:
            raise TaskError("This run belongs to no experiment, so it has no answer; give one.")
        ends = zip(self.prompts, self.positions(pos), strict=True)
        before, n_tokens = [ids[: i + 1] for ids, i in ends], self.logits.shape[-1]
        answers = answer_tokens(self.tokenizer, answer, before, n_tokens)
        foils = None if foil is None else answer_tokens(self.tokenizer, foil, before, n_tokens)
        return answers, foils

    def attribute(
        self,
        answers: list[tuple[int, ...]],
        foils: list[tuple[int, ...]] | None,
        pos: int | str,
        neurons: int | Iterable[int],
        scale_of: "AttributedRun | None",
    ) -> LogitAttribution:
        """Do what `logit_attribution` does, with token ids for each prompt."""
        if isinstance(neurons, bool):
            raise SiteError(
                f"neurons={neurons}: expected the layers whose MLP is split into neurons, as in "
                f"neurons=[{self.layout.n_layers - 1}], or neurons=range({self.layout.n_layers}) for all of "
                f"{self.layout.name}."
            )
        self.weights.check()
        asked = Asked(
            answers,
            foils,
            self.positions(pos),
            [neurons] if isinstance(neurons, int) else list(neurons),
            None if scale_of is None else self._streams(scale_of, pos),
        )
        batches = [(batch.rows, batch.ids) for batch in self.batches]
        attribution = attribute(self.layout, batches, asked, self.edits)
        self.weights.check()
        return attribution

    def edits(self, _rows: list[int]) -> Mapping[Key, Edit]:
        """Return what is written into some prompts of equal length while they run: nothing, but in a patched run."""
        return {}

    def positions(self, pos: int | str) -> list[int]:
        """Return a position as an index into each prompt; only a run of an experiment knows names."""
        if not isinstance(pos, int):
            raise SiteError(
                f"A run has no named positions; got pos={shown(pos)}. Give an index, such as -1."
            )
        return [index_of(pos, len(ids)) for ids in self.prompts]

    def _streams(self, other: "AttributedRun", pos: int | str) -> Float[Tensor, "prompt d_model"]:
        """Return the last residual streams of another run."""
        if other.layout is not self.layout or len(other.prompts) != len(self.prompts):
            raise SiteError(
                f"scale_of needs a run of the same model with {len(self.prompts)} prompts; got {shown(other)}."
            )
        other.weights.check()
        positions, key = other.positions(pos), ("resid_post", self.layout.n_layers - 1)
        streams = torch.empty(len(positions), self.layout.d_model, dtype=self.layout.hf_model.dtype)
        for batch in other.batches:
            rows = [positions[row] for row in batch.rows]
            read = read_one_position(self.layout, batch.ids, [key], rows, other.edits(batch.rows))
            streams[batch.rows] = read.activations[key].to(streams)
        return streams

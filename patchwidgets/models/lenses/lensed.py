"""Reading a run by a lens: `Run.lens`. Costs a pass to record the streams, and as much as a token for each of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import SiteError, TaskError, shown
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import LENS_ARGUMENTS
from patchwidgets.hooks.hook_points import Activation
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.answer_tokens import AnswerSpec, answer_tokens
from patchwidgets.models.layout import Layout
from patchwidgets.models.lenses.dataset import lens_dataset
from patchwidgets.models.lenses.numbers import Followed
from patchwidgets.models.lenses.request import LensRequest, Method
from patchwidgets.models.lenses.result import LensResult
from patchwidgets.models.lenses.streams import Places, Streams, keys_to_record, streams_of
from patchwidgets.models.weights_mark import WeightsMark
from patchwidgets.sites import Position, indices_of
from patchwidgets.tokens import Tokenizer

NOTHING_FOLLOWED = "No token is followed; name one with lens(answer=' Mary')."


class Lensed:
    """A run that can be read by a lens: what `lens` needs of it."""

    layout: Layout
    tokenizer: Tokenizer
    prompts: list[tuple[int, ...]]
    logits: Float[Tensor, "prompt vocabulary"]
    weights: WeightsMark

    def recorded(
        self, keys: Iterable[Key], rows: Sequence[int] | None = None
    ) -> Iterator[tuple[list[int], Mapping[Key, Activation]]]:
        """Yield the prompts of each batch that holds one of these, and its activations with at least these keys."""
        raise NotImplementedError

    @answers(LENS_ARGUMENTS)
    def lens(
        self,
        component: str = "resid_post",
        pos: Position = -1,
        *,
        layers: Sequence[int] | None = None,
        method: Method = "logit",
        answer: AnswerSpec | None = None,
        foil: AnswerSpec | None = None,
        k: int = 5,
    ) -> LensResult:
        """Read a residual stream in every layer as if it were the last one: what the model would say by now.

        The logit lens (nostalgebraist 2020) takes the stream as it is; the Jacobian lens (Gurnee et al. 2026) first
        carries it to the last layer by an average Jacobian. In both the rest is the model's own code: final norm,
        output embedding, soft caps, scales. At the last stream both are the model's own logits. Before it, neither is
        what the model computes: they can disagree, and each has been reported to be the better one on some models.

        Parameters
        ----------
        component
            ``"resid_post"``, ``"resid_mid"``, ``"resid_pre"``, or ``"embed"`` (what an embedding alone would say).
        pos
            Where, in this run's own prompts: an index, a range or None for all positions; in the runs of an experiment
            also a name of the task.
        layers
            Which layers; all by default.
        method
            ``"logit"``; ``"jacobian"``, with the lens that was fitted on this model; or a `JacobianLens`.
        answer, foil
            Tokens to follow: a text such as ``" Mary"`` or a token id, a tuple of alternatives, or a list with one of
            these for each prompt. In the runs of an experiment those of the task by default.
        k
            How many top tokens to list.

        Raises
        ------
        LensError
            Not a stream, no fitted lens, one of another model, or a model whose logits do not come from its last
            stream alone.
        SiteError, RefusedError
            A layer, stream or position that this model or prompt does not have.
        TaskError, AnswerError, MetricError
            An answer or foil that is not one token.
        WeightsChangedError
            The weights have changed since the run.

        Examples
        --------
        >>> read = exp.clean.lens("resid_mid", k=3)
        >>> [top.token for top in read.top_tokens(layer=3, k=2)]
        [' Mary', ' John']
        >>> jacobian = exp.clean.lens("resid_mid", method="jacobian", k=3)
        >>> read.to_xarray().answer_prob.shape == jacobian.to_xarray().answer_prob.shape
        True
        """
        request = LensRequest.of(self.layout, component, layers, method, k)
        followed = self.followed(answer, foil)
        streams = self.lens_streams(request, self.places(pos))
        return LensResult(
            lens_dataset(self.layout, self.tokenizer, request, {"run": streams}, followed),
            request.jacobian,
        )

    def lens_streams(
        self, request: LensRequest, places: Places, rows: Sequence[int] | None = None
    ) -> Streams:
        """Return what a lens reads of this run, or of some of its prompts, each at its places."""
        self.weights.check()
        recorded = self.recorded(keys_to_record(self.layout, request), rows)
        return streams_of(self.layout, request, recorded, self.prompts, places, self.logits, rows)

    def places(self, pos: Position) -> Places:
        """Return where each prompt is read at a position.

        Raises
        ------
        SiteError
            A position out of range, an empty range, or a name.
        """
        if isinstance(pos, str):
            raise SiteError(f"A run has no named positions; give an index instead of {shown(pos)}.")
        return [indices_of(pos, len(prompt), {}) for prompt in self.prompts]

    def followed(self, answer: AnswerSpec | None, foil: AnswerSpec | None) -> Followed:
        """Return the tokens to follow in each prompt.

        Raises
        ------
        TaskError, AnswerError, MetricError
            Not one token, or not one for each prompt; or a foil without an answer.
        """
        if answer is None:
            if foil is not None:
                raise TaskError("A foil without an answer: give both, or an answer alone.")
            return Followed(reason=NOTHING_FOLLOWED)
        n_tokens = self.logits.shape[-1]
        answers, foils = (
            None
            if spec is None
            else list(map(list, answer_tokens(self.tokenizer, spec, self.prompts, n_tokens)))
            for spec in (answer, foil)
        )
        return Followed(answers, foils)

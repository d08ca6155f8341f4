"""A model of transformers with its tokenizer, ready to be patched.

Making a `Model` runs two short forward passes, which check reading and writing at every site: none with
``verify="off"``, and two per guess for a family without a record. `Model.run` costs one pass per batch of prompts.

The transformers object is never changed: passes run a view of it (`patchwidgets.models.view`), and no weight is folded,
centred or copied. Only `Model.patching` puts hooks on it, for as long as its block lasts.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from typing import Any

from patchwidgets.errors import SiteError
from patchwidgets.guesses.answering import Answering, answers
from patchwidgets.guesses.arguments import RUN_ARGUMENTS
from patchwidgets.guesses.attributes import MODEL
from patchwidgets.hooks.hooks import hooked
from patchwidgets.hooks.interrupts import UserBlock
from patchwidgets.models.attached import check_dictionaries
from patchwidgets.models.attaching import with_dictionaries
from patchwidgets.models.compiled import eager
from patchwidgets.models.dictionaries import Dictionary
from patchwidgets.models.edits import refuse_other_dictionaries
from patchwidgets.models.indexing import key_of
from patchwidgets.models.origin import Origin
from patchwidgets.models.resolve import resolve, sites_of
from patchwidgets.models.run import Run, run_prompts
from patchwidgets.models.sizes import Sizes
from patchwidgets.models.user_edits import check_own_source, user_edits
from patchwidgets.models.verification import Verify, verified_layout
from patchwidgets.models.wrappers import refuse_other_logits, refuse_tokenizer, unwrapped
from patchwidgets.sites import (
    Component,
    Patch,
    Patchable,
    Site,
)
from patchwidgets.tokens import Tokenizer, encode, token_strings


class Model(Sizes, Answering):
    """A causal language model with its tokenizer, ready to be patched; `load` and `wrap` return one.

    Parameters
    ----------
    hf_model, tokenizer
        From transformers.
    name
        Shown in the widget, in files and in messages; by default the name that transformers knows.
    verify
        ``"strict"``: a failed check is an error. ``"warn"``: it is a warning. ``"off"``: nothing is checked. A family
        without a record is always checked strictly.

    Attributes
    ----------
    hf_model, tokenizer, name
        As given.
    n_layers, n_heads, n_kv_heads, d_model, d_mlp
        Sizes.
    dtype, device
        The dtype of the weights and the device of the input embeddings, as text.
    components, refused
        The components that the model has; those that it does not have, each with the reason.
    dictionaries
        The dictionaries of its streams, by site.
    checks
        The report of the checks.
    origin
        Where `load` found it; None for a model that was in memory.

    Raises
    ------
    ModelError
        Not a causal language model, or a family without a record whose components cannot be identified.
    VerificationError
        A check failed; the message names the identity, the layer and the gap.

    Examples
    --------
    >>> model.n_layers, model.n_heads, model.d_model
    (4, 4, 128)
    >>> print(model.checks)
    15 identities hold in every layer (largest relative gap ...)
    """

    advice = MODEL
    origin: Origin | None = None

    def __init__(
        self,
        hf_model: Any,
        tokenizer: Tokenizer,
        name: str | None = None,
        verify: Verify = "strict",
    ) -> None:
        refuse_tokenizer(tokenizer)
        self.hf_model = hf_model
        self.tokenizer = tokenizer
        self.layout, self.checks = verified_layout(unwrapped(hf_model), verify, name)
        refuse_other_logits(hf_model, self.layout)

    def __repr__(self) -> str:
        sizes = f"{self.n_layers} layers × {self.n_heads} heads, d_model {self.d_model}"
        return f"Model({self.name!r}, {sizes}, {self.dtype}, {self.device})"

    def sites(self, component: Component) -> tuple[Site, ...]:
        """Return every site of a component: one per layer, or per layer and head. Single neurons are not listed.

        Raises
        ------
        RefusedError
            The model does not have the component.

        Examples
        --------
        >>> heads = model.sites("z")
        >>> len(heads), str(heads[9])
        (16, 'L2.H1')
        """
        return sites_of(self.layout, component)

    def resolve(self, site: str | Site) -> Site:
        """Return the site in the form that this model uses, if the model has it.

        Raises
        ------
        RefusedError
            The model does not have the component, or has it only per key-value head.
        SiteError
            The text is not a site, or its layer, head or neuron is out of range.

        Examples
        --------
        >>> model.resolve("L3.N100@-1").component
        'neuron'
        """
        return resolve(self.layout, site)

    @property
    def dictionaries(self) -> dict[str, Dictionary]:
        """The dictionaries of the model's streams, by site."""
        return {
            str(each.dictionary.site): each.dictionary for each in self.layout.dictionaries.values()
        }

    def with_dictionaries(self, *dictionaries: Dictionary) -> "Model":
        """Return this model with dictionaries, on which features such as ``L2.resid_post.F123`` are sites.

        It is the same transformers model; this object stays without them. A stream has one dictionary at a time: one
        that is given for a stream that has one takes its place.

        Parameters
        ----------
        dictionaries
            From `wrap_dictionary`. Each is tried on some vectors of its stream.

        Raises
        ------
        ModelError
            A dictionary of another width, that is not deterministic, or does not return what it should.
        SiteError, RefusedError
            The model does not have the stream.

        Examples
        --------
        >>> dictionary = pw.wrap_dictionary("L2.mlp_out", lambda x: x.relu(), lambda f: f)
        >>> model.with_dictionaries(dictionary).dictionaries
        {'L2.mlp_out': Dictionary('L2.mlp_out', L2.mlp_out, 128 features)}
        """
        made = copy(self)
        made.layout = with_dictionaries(self.layout, dictionaries)
        return made

    def encode(self, text: str, bos: bool | None = None, chat: bool = False) -> list[int]:
        """Return the token ids of a prompt.

        Parameters
        ----------
        text
            The prompt.
        bos
            Whether the prompt begins with the beginning token. None follows the tokenizer's default.
        chat
            Wrap the text as one user turn of the tokenizer's chat template.

        Raises
        ------
        TaskError
            The tokenizer has no beginning token or no chat template, or the prompt has no tokens.

        Examples
        --------
        >>> model.token_strings(model.encode("12+34="))
        ['<bos>', ' 12', ' +', ' 34', ' =']
        """
        return encode(self.tokenizer, text, bos, chat)

    def token_strings(self, ids: Sequence[int]) -> list[str]:
        """Return the text of each id by itself, with its leading space; parts of a character as bytes, ``‹E6 97›``."""
        return token_strings(self.tokenizer, ids)

    @answers(RUN_ARGUMENTS)
    def run(
        self,
        text: str | Sequence[str],
        record: Iterable[str | Site] = (),
        bos: bool | None = None,
        chat: bool = False,
    ) -> Run:
        """Run one or several prompts without patches.

        Parameters
        ----------
        text
            A prompt or a list of prompts.
        record
            Sites to record in the same pass. Reading another site later costs another pass.
        bos, chat
            As for `encode`.

        Raises
        ------
        SiteError, RefusedError
            The model does not have a site that is to be recorded.
        TaskError
            A prompt cannot be encoded.

        Examples
        --------
        >>> run = model.run("12+34=", record=["L1.resid_post"])
        >>> run["L1.resid_post@-1"].shape
        torch.Size([1, 1, 128])
        """
        texts = [text] if isinstance(text, str) else list(text)
        prompts = [self.encode(each, bos, chat) for each in texts]
        return run_prompts(
            self.layout, self.tokenizer, prompts, [self.resolve(site) for site in record]
        )

    def patching(self, *patches: Patchable) -> AbstractContextManager[None]:
        """Patch every prompt that *you* run through ``hf_model`` inside the block, also with ``generate``.

        Only the prompt is patched, not the tokens generated after it. Positions are indices into the prompt.

        Parameters
        ----------
        patches
            Each with a source of its own: a `Run`, a tensor, ``"host"`` with a `fn`, or `sources.zero`,
            `sources.steer` or `sources.cut`.

        Raises
        ------
        PatchError
            A patch has no source of its own or does not fit the prompt, or the model did not run in the block.
        SiteError, RefusedError
            The model does not have a site, or a site names its position.
        WeightsChangedError
            The weights have changed since the run of a source.

        Examples
        --------
        >>> import torch
        >>> ids = torch.tensor([model.encode("12+34=")])
        >>> other = model.run("12+35=")
        >>> with model.patching(pw.Patch("L2.resid_post@-1", source=other)):
        ...     logits = model.hf_model(ids).logits[0, -1]
        >>> model.token_strings([int(logits.argmax())])
        [' 47']
        """
        checked = [Patch.of(patch) for patch in patches]
        for patch in checked:
            check_own_source(patch)
            if isinstance(patch.site.pos, str):
                raise SiteError(
                    f"{patch.site}: there is no task here to name positions; write {patch.site.name} with an index "
                    f"instead of {patch.site.pos!r}."
                )
            self.resolve(patch.site)
        refuse_other_dictionaries(self.layout, checked)
        check_dictionaries(self.layout.dictionaries, {key_of(patch.site) for patch in checked})
        return UserBlock(self._patched(checked))

    @contextmanager
    def _patched(self, patches: Sequence[Patch]) -> Iterator[None]:
        layout = self.layout
        with (
            eager(self.hf_model),
            hooked(layout.outer_modules, layout.hook_points, user_edits(patches)),
        ):
            yield

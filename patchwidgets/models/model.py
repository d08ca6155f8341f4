"""A model that is already in memory, as patchwidgets sees it: its sizes, its sites, its tokens.

Making a `Model` runs two short forward passes that check the reading and the writing of every site. The
transformers object is never changed: hooks are taken off again, every module goes back into the mode it was in,
and nothing is folded, centred or copied.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor

from patchwidgets.errors import PatchError
from patchwidgets.hooks.hooks import Key, hooked
from patchwidgets.models.edits import user_edits
from patchwidgets.models.resolve import resolve, sites_of
from patchwidgets.models.run import Run, run_prompts
from patchwidgets.models.verification import Verify, verified_layout
from patchwidgets.sites import (
    COMPONENTS,
    Component,
    Patch,
    Site,
)
from patchwidgets.tokens import Tokenizer, encode, token_strings


class Model:
    """A causal language model with its tokenizer, ready to be patched.

    Parameters
    ----------
    hf_model, tokenizer
        As transformers loaded them.
    name
        Shown in the widget, in files and in the repr.
    verify
        ``"strict"``: a failed check is an error. ``"warn"``: it is logged. ``"off"``: nothing is checked. A family
        without a record is always checked strictly.

    Raises
    ------
    ModelError
        Not a causal language model, or one of a family without a record whose parts cannot be made out.
    VerificationError
        A check failed; the message names the identity, the layer and the gap.

    Attributes
    ----------
    checks
        The report of the checks.
    """

    def __init__(
        self,
        hf_model: Any,
        tokenizer: Tokenizer,
        name: str | None = None,
        verify: Verify = "strict",
    ) -> None:
        self.hf_model = hf_model
        self.tokenizer = tokenizer
        self.layout, self.checks = verified_layout(hf_model, verify, name)

    def __repr__(self) -> str:
        sizes = f"{self.n_layers} layers × {self.n_heads} heads, d_model {self.d_model}"
        return f"Model({self.name!r}, {sizes}, {self.dtype}, {self.device})"

    @property
    def name(self) -> str:
        """Shown in the widget, in files and in messages."""
        return self.layout.name

    @property
    def n_layers(self) -> int:
        """How many blocks."""
        return self.layout.n_layers

    @property
    def n_heads(self) -> int:
        """Query heads per layer."""
        return self.layout.n_heads

    @property
    def n_kv_heads(self) -> int:
        """Key-value heads per layer."""
        return self.layout.n_kv_heads

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.layout.d_model

    @property
    def d_mlp(self) -> int | None:
        """Neurons per layer; None where a layer has no one set of neurons, as in a mixture of experts."""
        return self.layout.d_mlp

    @property
    def dtype(self) -> str:
        """The dtype of the weights, as in ``float32``."""
        return str(self.hf_model.dtype).removeprefix("torch.")

    @property
    def device(self) -> str:
        """The device of the input embeddings."""
        return str(self.layout.device)

    @property
    def components(self) -> tuple[Component, ...]:
        """The components that this model has."""
        present = {component for component, _ in self.layout.hook_points}
        return tuple(component for component in COMPONENTS if component in present)

    @property
    def refused(self) -> dict[str, str]:
        """The components that this model does not have, with the reason."""
        return dict(self.layout.refused)

    def sites(self, component: Component) -> tuple[Site, ...]:
        """Every site of a component: per layer, and per head where it has heads; single neurons are not listed."""
        return sites_of(self.layout, component)

    def resolve(self, site: str | Site) -> Site:
        """The site, checked against this model.

        Raises
        ------
        RefusedError
            The model does not have the component, or not for single query heads.
        SiteError
            Layer, head or neuron out of range.
        """
        return resolve(self.layout, site)

    def encode(self, text: str, bos: bool | None = None, chat: bool = False) -> list[int]:
        """The ids of a prompt; see `patchwidgets.tokens.encode`."""
        return encode(self.tokenizer, text, bos, chat)

    def token_strings(self, ids: Sequence[int]) -> list[str]:
        """Ids as the text each of them adds."""
        return token_strings(self.tokenizer, ids)

    def run(
        self,
        text: str | Sequence[str],
        record: Iterable[str | Site] = (),
        bos: bool | None = None,
        chat: bool = False,
    ) -> Run:
        """Run one or several prompts, unpatched.

        Parameters
        ----------
        text
            A prompt or a list of prompts.
        record
            Sites to record in the same pass; others are recorded when they are first asked for.
        bos, chat
            As in `Task`.
        """
        texts = [text] if isinstance(text, str) else list(text)
        prompts = [self.encode(each, bos, chat) for each in texts]
        return run_prompts(
            self.layout, self.tokenizer, prompts, [self.resolve(site) for site in record]
        )

    def patching(self, *patches: Patch) -> AbstractContextManager[dict[Key, Tensor]]:
        """Patch every prompt that *you* run through ``hf_model`` inside the block, ``generate`` included.

        Positions are absolute, in the prompt only; tokens generated after it are left alone. Each patch needs a
        source of its own: a `Run`, a tensor or a `fn`.

        Raises
        ------
        PatchError
            A patch without a source of its own; one that does not fit the prompt; the model was not run in the block.
        """
        for patch in patches:
            if isinstance(patch.source, str) and patch.source != "host":
                raise PatchError(
                    f"{patch.site}: no clean and corrupted run here; give Patch(site, source=model.run(...))."
                )
            self.resolve(patch.site)
        return hooked(self.layout.bodies, self.layout.hook_points, user_edits(patches))

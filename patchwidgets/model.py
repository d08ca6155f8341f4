"""A model that is already in memory, as patchwidgets sees it: its sizes, its sites, its tokens.

Making a `Model` runs two short forward passes that check the reading and the writing of every site. The
transformers object is never changed: hooks are taken off again, every module goes back into the mode it was in,
and nothing is folded, centred or copied.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from torch import Tensor

from patchwidgets.checks import Verify, examine
from patchwidgets.errors import PatchError, RefusedError, SiteError
from patchwidgets.hooks import Key, hooked
from patchwidgets.patching import user_edits
from patchwidgets.run import Run
from patchwidgets.sites import (
    COMPONENTS,
    HEAD_COMPONENTS,
    NEURON_COMPONENTS,
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
        self.anatomy, self.checks = examine(hf_model, verify)
        self.name = name or getattr(hf_model.config, "_name_or_path", "") or type(hf_model).__name__

    def __repr__(self) -> str:
        sizes = f"{self.n_layers} layers × {self.n_heads} heads, d_model {self.d_model}"
        return f"Model({self.name!r}, {sizes}, {self.dtype}, {self.device})"

    n_layers = property(lambda self: self.anatomy.n_layers, doc="How many blocks.")
    n_heads = property(lambda self: self.anatomy.n_heads, doc="Query heads per layer.")
    n_kv_heads = property(lambda self: self.anatomy.n_kv_heads, doc="Key-value heads per layer.")
    d_model = property(lambda self: self.anatomy.d_model, doc="Width of the residual stream.")
    d_mlp = property(lambda self: self.anatomy.d_mlp, doc="Neurons per layer, or None.")

    @property
    def dtype(self) -> str:
        """The dtype of the weights, as in ``float32``."""
        return str(self.hf_model.dtype).removeprefix("torch.")

    @property
    def device(self) -> str:
        """The device of the input embeddings."""
        return str(self.anatomy.device)

    @property
    def components(self) -> tuple[Component, ...]:
        """The components that this model has."""
        present = {component for component, _ in self.anatomy.taps}
        return tuple(component for component in COMPONENTS if component in present)

    @property
    def refused(self) -> dict[str, str]:
        """The components that this model does not have, with the reason."""
        return dict(self.anatomy.refused)

    def sites(self, component: Component) -> tuple[Site, ...]:
        """Every site of a component: per layer, and per head where it has heads (neurons are not listed one by one)."""
        self.resolve(Site(component, None if component == "embed" else 0))
        if component == "embed":
            return (Site("embed"),)
        if component not in HEAD_COMPONENTS:
            return tuple(Site(component, layer) for layer in range(self.n_layers))
        kv = component in ("k", "v") and self.n_kv_heads < self.n_heads
        return tuple(
            Site(component, layer, head, kv=kv)
            for layer in range(self.n_layers)
            for head in range(self.n_kv_heads if kv else self.n_heads)
        )

    def resolve(self, site: str | Site) -> Site:
        """The site, checked against this model.

        Raises
        ------
        RefusedError
            The model does not have the component, or not for single query heads.
        SiteError
            Layer, head or neuron out of range.
        """
        site = Site.parse(site)
        if site.layer is not None and site.layer >= self.n_layers:
            raise SiteError(
                f"{site}: layer {site.layer} is out of range; {self.name} has layers 0 to {self.n_layers - 1}."
            )
        if site.index is not None:
            self._check_index(site)
        if reason := self.anatomy.refused.get(site.component):
            raise RefusedError(f"No {site.name} here: {reason}")
        if site.component in ("k", "v") and site.index is not None:
            return self._resolve_shared(site)
        return site

    def _resolve_shared(self, site: Site) -> Site:
        """A key or value by its key-value head; by its query head where each has its own."""
        if self.n_kv_heads == self.n_heads:
            return replace(site, kv=False)
        if site.kv or site.index is None:
            return site
        shared = self.n_heads // self.n_kv_heads
        first = site.index // shared * shared
        kv = replace(site, index=site.index // shared, kv=True)
        raise RefusedError(
            f"No {site.name} here: H{site.index} reads KV{kv.index}, shared with "
            f"H{first}–H{first + shared - 1}. Use {kv.name}."
        )

    def _check_index(self, site: Site) -> None:
        if site.component in NEURON_COMPONENTS:
            unit, count = "neuron", self.d_mlp
        elif site.kv:
            unit, count = "key-value head", self.n_kv_heads
        else:
            unit, count = "head", self.n_heads
        if count is not None and site.index is not None and site.index >= count:
            raise SiteError(
                f"{site}: {unit} {site.index} is out of range; {self.name} has {unit}s 0 to {count - 1}."
            )

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
        return Run(self, prompts, [self.resolve(site) for site in record])

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
        return hooked(self.anatomy.bodies, self.anatomy.taps, user_edits(patches))

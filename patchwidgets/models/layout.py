"""The layout of a transformers model: its sizes, the hook point of each component, and what it does not have.

Costs nothing: no model runs.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import torch
from torch import nn

from patchwidgets.errors import ModelError
from patchwidgets.hooks.hook_points import (
    ATTENTION_PARTS,
    AnyHookPoint,
    AttentionHookPoint,
    AttentionPart,
    GroupedHookPoint,
    HookPoint,
    PatternHookPoint,
)
from patchwidgets.hooks.hooks import Key
from patchwidgets.hooks.placement import execution_device
from patchwidgets.models.architectures import Architecture, find_record, is_mixture
from patchwidgets.models.attached import Attached
from patchwidgets.models.discovery import discover
from patchwidgets.models.limits import Limits
from patchwidgets.models.routers import refuse_token_dropping, routers


class Layout:
    """Sizes and hook points of one model.

    Parameters
    ----------
    hf_model
        A causal language model of transformers.
    architecture
        The record of its family, or one that was discovered.
    name
        Used in messages; by default the name of the transformers model.

    Attributes
    ----------
    blocks
        The decoder blocks.
    n_layers, n_heads, n_kv_heads, d_model, d_mlp
        Sizes. `d_mlp` is None for a model without neurons, such as a mixture of experts.
    parallel
        Whether attention and MLP of a block read the same residual stream.
    scale
        The model multiplies ``attn_out`` and ``mlp_out`` by this number before it adds them.
    hook_points
        By component and layer.
    refused
        The components that the model does not have, each with the reason.
    dictionaries
        Those that it was given, by stream and layer; see `attaching`.
    limits
        How many tokens and positions it knows.
    mixture, routers
        Whether the model has experts; the hook points of their routers.
    """

    def __init__(self, hf_model: Any, architecture: Architecture, name: str | None = None) -> None:
        self.hf_model = hf_model
        self.name = name or getattr(hf_model.config, "_name_or_path", "") or type(hf_model).__name__
        self.config = hf_model.config.get_text_config()
        self.limits = Limits(hf_model, self.name)
        self.architecture = architecture
        self.blocks = self._current_blocks()
        self.n_layers = len(self.blocks)
        self.n_heads: int = self.config.num_attention_heads
        self.n_kv_heads: int = _n_kv_heads(self.config)
        self.d_model: int = self.config.hidden_size
        self.parallel = _flag(self.config, self.architecture.parallel)
        self.mixture = any(is_mixture(block) for block in self.blocks)
        self.refused = dict(_refusals(self))
        multiplier = self.architecture.multiplier
        self.scale = float(getattr(self.config, multiplier)) if multiplier else 1.0
        self.hook_points: dict[Key, AnyHookPoint] = {
            ("embed", None): HookPoint(hf_model.get_input_embeddings(), "output")
        }
        for layer, block in enumerate(self.blocks):
            self.hook_points |= {
                (component, layer): hook_point
                for component, hook_point in self._block_hook_points(block)
            }
        self.dictionaries: dict[Key, Attached] = {}
        self._modules, self._inside_blocks = set(hf_model.modules()), _inside(self.blocks)
        self.routers = routers(hf_model, self.blocks, self.config)
        self.d_mlp = (
            _width(self.hook_points[("neuron", 0)].module)
            if ("neuron", 0) in self.hook_points
            else None
        )

    @property
    def model_type(self) -> str:
        """The family, by its name in transformers."""
        return str(self.config.model_type)

    @property
    def device(self) -> torch.device:
        """Where token ids go: the device of the input embedding.

        If accelerate offloads its weights, this is the device on which the embedding runs.
        """
        embedding = self.hf_model.get_input_embeddings()
        device: torch.device = embedding.weight.device
        if device.type != "meta":
            return device
        return execution_device(embedding) or torch.device("cpu")

    @property
    def devices(self) -> tuple[torch.device, ...]:
        """Every device on which a part of the model runs, that of the embedding first."""
        found = {self.device: None}
        for module in self.hf_model.modules():
            if (device := execution_device(module)) is not None:
                found[device] = None
        weights = (parameter.device for parameter in self.hf_model.parameters())
        found |= dict.fromkeys(weights)
        return tuple(device for device in found if device.type != "meta")

    @property
    def all_hook_points(self) -> dict[Key, AnyHookPoint]:
        """Every hook point, including those of the routers."""
        return self.hook_points | self.routers

    @property
    def outer_modules(self) -> tuple[nn.Module, nn.Module]:
        """The modules around the decoder blocks: the model, and its submodule that runs them."""
        return self.hf_model, self.hf_model.get_submodule(
            self.architecture.layers.rpartition(".")[0]
        )

    def check_modules(
        self, modules: Collection[nn.Module], passed_over: Iterable[nn.Module] = ()
    ) -> None:
        """Check that the blocks consist of the same modules as when the layout was made.

        Parameters
        ----------
        modules
            All modules of the model as it is now, but for those inside of blocks that are passed over.
        passed_over
            These blocks.

        Raises
        ------
        ModelError
            A module was added, removed or replaced, so hook points may be elsewhere.
        """
        found = set(modules)
        if found == self._modules:
            return
        missing = self._modules - found
        if found <= self._modules and missing <= _inside(passed_over):
            return
        if _inside(self._current_blocks()) != self._inside_blocks:
            raise ModelError(
                "The modules of the model's layers have changed since it was loaded or wrapped: something was "
                "replaced, or an adapter was added. Call pw.wrap(hf_model, tokenizer) and make the experiment again."
            )

    def _current_blocks(self) -> list[nn.Module]:
        return list(self.hf_model.get_submodule(self.architecture.layers))

    def output_projection(self, component: str, layer: int) -> nn.Module | None:
        """Return the linear module from ``z`` to ``attn_out``, or from ``neuron`` to ``mlp_out``.

        None if there is no such module, or if a norm follows it.
        """
        output = {"z": "attn_out", "neuron": "mlp_out"}[component]
        if (component, layer) not in self.hook_points:
            return None
        module = self.hook_points[(component, layer)].module
        return module if self.hook_points[(output, layer)].module is module else None

    def received(self, layer: int) -> dict[str, AnyHookPoint]:
        """Return where q, k and v of a layer are made from the residual stream, by their names.

        They are the hook points of these sites. Families that still turn or clip them inside their own attention code
        have no such sites, but what reads the stream can be replaced there all the same.
        """
        if self.architecture.qkv == "kernel" and self.refused.keys() & {"q", "k", "v"}:
            return {}
        points = dict(self._attention_hook_points(self.blocks[layer]))
        return {part: point for part, point in points.items() if part != "pattern"}

    def _block_hook_points(self, block: nn.Module) -> Iterator[tuple[str, AnyHookPoint]]:
        a, module = self.architecture, block.get_submodule
        yield "resid_pre", HookPoint(block, "input")
        yield "resid_post", HookPoint(block, "output")
        yield "z", HookPoint(module(a.z), "input", n_heads=self.n_heads)
        yield "attn_out", HookPoint(module(a.attn_out), "output", scale=self.scale)
        yield "mlp_out", HookPoint(module(a.mlp_out), "output", scale=self.scale)
        if a.mlp_input is not None and not self.parallel:
            yield "resid_mid", HookPoint(module(a.mlp_input), "input", in_place=True)
        for part, hook_point in self._attention_hook_points(block):
            if part not in self.refused:
                yield part, hook_point
        if a.neuron is not None:
            yield "neuron", HookPoint(module(a.neuron), "input")
        if a.neuron_pre is not None:
            yield (
                "neuron_pre",
                HookPoint(
                    module(a.neuron_pre), "output", chunk=(0, 2) if a.fused_gate_up else None
                ),
            )
        if a.neuron_up is not None:
            yield (
                "neuron_up",
                HookPoint(module(a.neuron_up), "output", chunk=(1, 2) if a.fused_gate_up else None),
            )

    def _attention_hook_points(self, block: nn.Module) -> Iterator[tuple[str, AnyHookPoint]]:
        a, module = self.architecture, block.get_submodule
        attention = module(a.z.rpartition(".")[0])
        heads: dict[AttentionPart, int] = {
            "q": self.n_heads,
            "k": self.n_kv_heads,
            "v": self.n_kv_heads,
        }
        for i, (part, n) in enumerate(heads.items()):
            if a.qkv == "separate":
                yield part, HookPoint(attention.get_submodule(f"{part}_proj"), "output", n)
            elif a.fused is not None and a.qkv == "thirds":
                yield part, HookPoint(module(a.fused), "output", n, chunk=(i, 3))
            elif a.fused is not None and a.qkv == "grouped":
                yield (
                    part,
                    GroupedHookPoint(
                        module(a.fused),
                        "output",
                        self.n_kv_heads,
                        part=part,
                        n_queries=self.n_heads // self.n_kv_heads,
                    ),
                )
        if a.pattern is not None:
            yield "pattern", PatternHookPoint(module(a.pattern), "output")
        if a.qkv == "kernel":
            yield from ((part, AttentionHookPoint(attention, part)) for part in ATTENTION_PARTS)


def layouts(hf_model: Any, name: str | None = None) -> Iterator[Layout]:
    """Yield the layout from the family's record or, without a record, every layout that is possible, likely ones first.

    Raises
    ------
    ModelError
        A family without a record whose components cannot be identified, or experts that drop tokens.
    """
    refuse_token_dropping(hf_model)
    record = find_record(hf_model.config)
    for architecture in discover(hf_model) if record is None else [record]:
        try:
            layout = Layout(hf_model, architecture, name)
        except AttributeError as error:
            raise ModelError(
                f"{type(hf_model).__name__} does not have the modules of its family ({error}). If something was put "
                "into its layers, take it out; or correct the record, in patchwidgets/models/architectures.py or in "
                "the package that adds it."
            ) from error
        yield layout


def _refusals(layout: Layout) -> Iterator[tuple[str, str]]:
    """Yield the components that a model does not have, each with the reason and what to use instead."""
    a = layout.architecture
    if layout.parallel or a.mlp_input is None:
        yield "resid_mid", "attention and MLP run in parallel. Use resid_pre or resid_post."
    if a.neuron is None:
        reason = "the MLP is a mixture of experts without one set of neurons. Use mlp_out."
        if not layout.mixture:
            reason = "no module is known whose input is the neurons. Use mlp_out."
        yield from ((component, reason) for component in ("neuron_pre", "neuron_up", "neuron"))
    elif a.neuron_pre is None:
        for component in ("neuron_pre", "neuron_up"):
            yield (
                component,
                "no module's output is known to be the neurons before their non-linearity. Use neuron.",
            )
    elif a.neuron_up is None:
        yield "neuron_up", "the MLP has no gate. Use neuron_pre or neuron."
    yield from _attention_refusals(a, layout.config)


def _attention_refusals(a: Architecture, config: Any) -> Iterator[tuple[AttentionPart, str]]:
    """Yield the parts of attention that cannot be hooked. Of several reasons for a part, the last one counts."""
    if a.qkv == "none":
        reason = "the family has attention code of its own, and no record says how to reach into it. Use z."
        yield from ((part, reason) for part in ATTENTION_PARTS)
        return
    if a.qkv != "kernel" and a.pattern is None:
        yield "pattern", "the family keeps its probabilities inside its attention code. Use z."
    if _flag(config, a.rotary_inside):
        reason = "the family rotates queries and keys inside its attention code. Use z or v."
        yield from (("q", reason), ("k", reason))
    if getattr(getattr(config, "attn_config", None), "clip_qkv", None):
        reason = "the model clips it after its projection (clip_qkv). Use z."
        yield from (("q", reason), ("k", reason), ("v", reason))
    if a.qkv == "kernel" and getattr(config, "reorder_and_upcast_attn", False):
        reason = "reorder_and_upcast_attn uses other attention code. Use z."
        yield from ((part, reason) for part in ATTENTION_PARTS)


def _inside(blocks: Iterable[nn.Module]) -> set[nn.Module]:
    return {module for block in blocks for module in block.modules()}


def _flag(config: Any, value: bool | str) -> bool:
    return value if isinstance(value, bool) else bool(getattr(config, value))


def _n_kv_heads(config: Any) -> int:
    if getattr(config, "multi_query", False) and not getattr(
        config, "new_decoder_architecture", False
    ):
        return 1
    for name in ("num_key_value_heads", "num_kv_heads"):
        if (n := getattr(config, name, None)) is not None:
            return int(n)
    return int(config.num_attention_heads)


def _width(projection: nn.Module) -> int:
    """Return the number of inputs of a Linear or of GPT-2's Conv1D."""
    weight: Any = projection.weight
    n_in = getattr(projection, "in_features", None)
    return int(weight.shape[0] if n_in is None else n_in)

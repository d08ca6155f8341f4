"""Where things are in a family without a record, guessed from the names and shapes of its modules. Costs no run.

Several records may fit what a block looks like; they are tried in order, and the first that passes every check of
`patchwidgets.models.verification` is believed. None is believed unchecked.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

from torch import nn

from patchwidgets.errors import ModelError
from patchwidgets.models.architectures import Architecture

_ATTENTION = re.compile(r"attention|attn", re.IGNORECASE)
_MLP = re.compile(r"mlp|ffn|feed_?forward|moe|ff$|experts", re.IGNORECASE)
_OUT = ("o_proj", "out_proj", "c_proj", "dense", "wo", "proj")
_DOWN = ("down_proj", "c_proj", "fc2", "fc_out", "dense_4h_to_h", "w2", "wo")
_FUSED = ("gate_up_proj",)
_PAIRS = (("gate_proj", "up_proj"), ("w1", "w3"), ("wi_0", "wi_1"))
_PLAIN = ("c_fc", "fc1", "fc_in", "dense_h_to_4h", "up_proj", "wi")


def discover(hf_model: Any) -> list[Architecture]:
    """Records that could describe a model, most likely first.

    Raises
    ------
    ModelError
        No list of blocks, or no attention or MLP in them, can be made out; or the layers are not of one kind.
    """
    config = hf_model.config.get_text_config()
    layers, blocks = _layers(hf_model, config.num_hidden_layers)
    block, d_model = blocks[0], config.hidden_size
    z = _output_projection(block, d_model)
    base = replace(
        Architecture(layers=layers, z=z, attn_out=z, **_mlp(blocks, layers)),
        qkv="kernel" if hf_model._can_set_attn_implementation() else "none",
        multiplier="residual_multiplier" if hasattr(config, "residual_multiplier") else None,
    )
    found = list(_candidates(base, _norms(block), _child(block, _MLP)))
    found += [replace(each, qkv="none") for each in found if base.qkv != "none"]
    fitting = [each for each in found if _fits(each, blocks)]
    if not fitting:
        raise ModelError(
            f"No record for the family {hf_model.config.model_type!r}, and its layers are not of one kind: {z} or the "
            "MLP is not in each. patchwidgets needs the same components in every layer."
        )
    return fitting


def _layers(hf_model: nn.Module, n: int) -> tuple[str, nn.ModuleList]:
    """The first list of as many modules as the config says there are layers, each with attention in it."""
    for name, module in hf_model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == n and _child(module[0], _ATTENTION):
            return name, module
    raise ModelError(
        f"No record for the family {hf_model.config.model_type!r}, and no list of {n} blocks with attention in "  # type: ignore[union-attr]
        "them among its modules. Add a record to patchwidgets/models/architectures.py."
    )


def _child(block: nn.Module, pattern: re.Pattern[str]) -> str | None:
    """The direct child that is no norm whose class or name says what it is."""
    for name, child in block.named_children():
        norm = "norm" in type(child).__name__.lower() or isinstance(child, nn.Dropout)
        other = pattern is _MLP and _ATTENTION.search(type(child).__name__)
        if (
            not norm
            and not other
            and (pattern.search(type(child).__name__) or pattern.search(name))
        ):
            return name
    return None


def _norms(block: nn.Module) -> list[str]:
    return [n for n, child in block.named_children() if "norm" in type(child).__name__.lower()]


def _output_projection(block: nn.Module, d_model: int) -> str:
    attention = _child(block, _ATTENTION) or ""
    for name, module in block.get_submodule(attention).named_modules():
        weight = getattr(module, "weight", None)
        if name.rpartition(".")[2] in _OUT and weight is not None and d_model in weight.shape:
            return f"{attention}.{name}"
    raise ModelError(
        f"No output projection in {type(block).__name__}.{attention}: expected one named {', '.join(_OUT)}. "
        "Add a record to patchwidgets/models/architectures.py."
    )


def _mlp(blocks: nn.ModuleList, layers: str) -> dict[str, Any]:
    """The fields of a record that the MLP decides; some layers may have a mixture of experts and others none."""
    block = next((each for each in blocks if is_mixture(each)), blocks[0])
    name = _child(block, _MLP)
    mlp = block if name is None else block.get_submodule(name)
    prefix = "" if name is None else f"{name}."
    children = dict(mlp.named_children())
    down = next((each for each in _DOWN if each in children), None)
    if down is None or is_mixture(block):
        if name is None:
            raise ModelError(
                f"No MLP in the blocks {layers}: expected a child named mlp or ffn. "
                "Add a record to patchwidgets/models/architectures.py."
            )
        return {"mlp_out": name, "neuron": None, "neuron_pre": None, "neuron_up": None}
    found = {
        "mlp_out": prefix + down,
        "neuron": prefix + down,
        "neuron_pre": None,
        "neuron_up": None,
    }
    for fused in _FUSED:
        if fused in children:
            path = prefix + fused
            return found | {"neuron_pre": path, "neuron_up": path, "fused_gate_up": True}
    for gate, up in _PAIRS:
        if gate in children and up in children:
            return found | {"neuron_pre": prefix + gate, "neuron_up": prefix + up}
    plain = next((each for each in _PLAIN if each in children), None)
    return found | {"neuron_pre": None if plain is None else prefix + plain}


def is_mixture(block: nn.Module) -> bool:
    """Whether there are experts in it."""
    return any(name.rpartition(".")[2] == "experts" for name, _ in block.named_modules())


def _fits(record: Architecture, blocks: nn.ModuleList) -> bool:
    """Whether every module that a record names is in every block."""
    paths = (record.z, record.attn_out, record.mlp_out, record.mlp_input, record.neuron_pre)
    names = [{name for name, _ in block.named_modules()} for block in blocks]
    return all(path in known for path in paths if path is not None for known in names)


def _candidates(base: Architecture, norms: list[str], mlp: str | None) -> Iterator[Architecture]:
    """Norms before each part, after each part, around each part; attention and MLP side by side."""
    for norm in norms[1:]:
        yield replace(base, mlp_input=norm)
    if len(norms) == 4:
        for after, before, last in permutations(norms[1:]):
            yield replace(base, attn_out=after, mlp_input=before, mlp_out=last)
    if len(norms) == 2:
        yield replace(base, attn_out=norms[0], mlp_input=mlp, mlp_out=norms[1])
    yield replace(base, mlp_input=None, parallel=True)

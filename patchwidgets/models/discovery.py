"""Records for a family that has none, guessed from the names and shapes of its modules. Runs no model.

Several records may fit the modules of a block. They are tried in order, and the first that passes every check of
`patchwidgets.models.verification` is used; none is used without these checks.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

from torch import nn

from patchwidgets.errors import ModelError
from patchwidgets.models.architectures import Architecture, is_mixture

_ATTENTION = re.compile(r"attention|attn", re.IGNORECASE)
_MLP = re.compile(r"mlp|ffn|feed_?forward|moe|ff$|experts", re.IGNORECASE)
_OUTPUT = ("o_proj", "out_proj", "c_proj", "dense", "wo", "proj")
_DOWN = ("down_proj", "c_proj", "fc2", "fc_out", "dense_4h_to_h", "w2", "wo")
_FUSED = ("gate_up_proj",)
_GATE_AND_UP = (("gate_proj", "up_proj"), ("w1", "w3"), ("wi_0", "wi_1"))
_UP = ("c_fc", "fc1", "fc_in", "dense_h_to_4h", "up_proj", "wi")


def discover(hf_model: Any) -> list[Architecture]:
    """Return the records that could describe a model, the most likely first.

    Raises
    ------
    ModelError
        No list of blocks with attention and an MLP is found, or the blocks do not all have the same modules.
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
    candidates = list(_candidates(base, _norms(block), _child(block, _MLP)))
    candidates += [replace(each, qkv="none") for each in candidates if base.qkv != "none"]
    fitting = [each for each in candidates if _fits(each, blocks)]
    if not fitting:
        raise ModelError(
            f"No record for the family {hf_model.config.model_type!r}, and its layers are not of one kind: some lack "
            f"{z} or the MLP. patchwidgets needs the same components in every layer; use another model."
        )
    return fitting


def _layers(hf_model: nn.Module, n: int) -> tuple[str, nn.ModuleList]:
    """Return the first module list with `n` modules and attention in them, and its path."""
    for name, module in hf_model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == n and _child(module[0], _ATTENTION):
            return name, module
    raise ModelError(
        f"No record for the family {hf_model.config.model_type!r}, and no list of {n} blocks with attention in "  # type: ignore[union-attr]
        "them among its modules. State-space and recurrent models, such as Mamba, have no attention to patch: use a "
        "transformer. For a transformer, add a record to patchwidgets/models/architectures.py."
    )


def _child(block: nn.Module, pattern: re.Pattern[str]) -> str | None:
    """Return the name of the first child whose class or name matches, leaving out norms and dropout."""
    for name, child in block.named_children():
        class_name = type(child).__name__
        if "norm" in class_name.lower() or isinstance(child, nn.Dropout):
            continue
        if pattern is _MLP and _ATTENTION.search(class_name):
            continue
        if pattern.search(class_name) or pattern.search(name):
            return name
    return None


def _norms(block: nn.Module) -> list[str]:
    return [n for n, child in block.named_children() if "norm" in type(child).__name__.lower()]


def _output_projection(block: nn.Module, d_model: int) -> str:
    attention = _child(block, _ATTENTION) or ""
    for name, module in block.get_submodule(attention).named_modules():
        weight = getattr(module, "weight", None)
        if name.rpartition(".")[2] in _OUTPUT and weight is not None and d_model in weight.shape:
            return f"{attention}.{name}"
    raise ModelError(
        f"No output projection in {type(block).__name__}.{attention}: expected one named {', '.join(_OUTPUT)}. "
        "Add a record, as docs/extending.md says."
    )


def _mlp(blocks: nn.ModuleList, layers: str) -> dict[str, Any]:
    """Return the fields of a record that depend on the MLP.

    If any layer is a mixture of experts, the record describes all layers as mixtures.
    """
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
                "Add a record, as docs/extending.md says."
            )
        return {"mlp_out": name, "neuron": None, "neuron_pre": None, "neuron_up": None}
    fields = {
        "mlp_out": prefix + down,
        "neuron": prefix + down,
        "neuron_pre": None,
        "neuron_up": None,
    }
    for fused in _FUSED:
        if fused in children:
            path = prefix + fused
            return fields | {"neuron_pre": path, "neuron_up": path, "fused_gate_up": True}
    for gate, up in _GATE_AND_UP:
        if gate in children and up in children:
            return fields | {"neuron_pre": prefix + gate, "neuron_up": prefix + up}
    up_only = next((each for each in _UP if each in children), None)
    return fields | {"neuron_pre": None if up_only is None else prefix + up_only}


def _fits(record: Architecture, blocks: nn.ModuleList) -> bool:
    """Return whether every block has every module that a record names."""
    residual = (record.attn_out, record.mlp_input, record.mlp_out)
    paths = (record.z, *residual, record.neuron_pre, record.neuron_up, record.neuron)
    names = [{name for name, _ in block.named_modules()} for block in blocks]
    return all(path in known for path in paths if path is not None for known in names)


def _candidates(base: Architecture, norms: list[str], mlp: str | None) -> Iterator[Architecture]:
    """Vary where the norms are: before attention and MLP, before and after both, only after; then in parallel."""
    for norm in norms[1:]:
        yield replace(base, mlp_input=norm)
    if len(norms) == 4:
        for after, before, last in permutations(norms[1:]):
            yield replace(base, attn_out=after, mlp_input=before, mlp_out=last)
    if len(norms) == 2:
        yield replace(base, attn_out=norms[0], mlp_input=mlp, mlp_out=norms[1])
    yield replace(base, mlp_input=None, parallel=True)

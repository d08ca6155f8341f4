"""Are a model's weights all there, and can torch compute with them exactly? Reads names, dtypes and headers of files.

transformers fills in random numbers for tensors that a checkpoint lacks, and no check of a model's structure can see
that.
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

from patchwidgets.errors import LoadError, ModelError, ModelWarning, listed, shown, warn

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}
"""The dtypes in which torch can run a whole model."""
_EXPERT = re.compile(r"(.*\.experts\.)([0-9]{1,6})(\..*)")
_REAL = ("F64", "F32", "F16", "BF16")
"""What safetensors calls numbers that need no scale."""
_REPAIR = "Download or save the model again, or correct its config.json."


def refuse_incomplete(source: str, info: Mapping[str, Collection[Any]]) -> None:
    """Refuse a checkpoint in which tensors are missing or have another size than the model; log what is left unused.

    Parameters
    ----------
    source
        The folder or the name on the hub.
    info
        The loading report of transformers, which leaves out tied weights and buffers that are never saved.

    Raises
    ------
    LoadError
        Tensors are missing or have another size.
    """
    if missing := info["missing_keys"]:
        raise LoadError(
            f"The checkpoint {source!r} lacks tensors that its config asks for: {first_of(missing)}. "
            f"transformers would fill in random numbers. {_REPAIR}"
        )
    if mismatched := info["mismatched_keys"]:
        sizes = [f"{key} ({list(stored)}, expected {list(own)})" for key, stored, own in mismatched]
        raise LoadError(
            f"Tensors of the checkpoint {source!r} have another size than its config asks for: "
            f"{first_of(sizes)}. {_REPAIR}"
        )
    if unused := info["unexpected_keys"]:
        warn(
            f"{len(unused)} tensors of the checkpoint {source!r} have no place in the model and are not used: "
            f"{first_of(unused)}. If they belong to another part, such as a vision tower, all is well; if not, correct "
            "its config.json.",
            ModelWarning,
        )


def refuse_impossible_counts(source: str, folder: Path, config: Any) -> None:
    """Refuse a config that asks for more layers, heads or experts than a checkpoint can hold, before they are made.

    transformers makes all modules first: with 10**20 layers that never ends, and takes all memory.

    Raises
    ------
    LoadError
        There are more layers than tensors, or more of anything else than numbers in all tensors.
    """
    sizes = [math.prod(shape) for _, _, shape in _stored(folder)]
    if not sizes:
        return
    text_config = config.get_text_config()
    n_layers = getattr(text_config, "num_hidden_layers", 0)
    for name, count in {**text_config.to_dict(), "num_hidden_layers": n_layers}.items():
        limit = len(sizes) if name == "num_hidden_layers" else sum(sizes)
        is_count = name.startswith(("num_", "n_")) and name not in ("n_positions", "n_ctx")
        if is_count and isinstance(count, int) and count > limit:
            raise LoadError(
                f"The config of {source!r} asks for {name} = {shown(count)}, and its checkpoint has {len(sizes)} "
                f"tensors with {sum(sizes):,} numbers. {_REPAIR}"
            )


def refuse_missing_experts(source: str, folder: Path) -> None:
    """Refuse a checkpoint in which an expert, or a tensor of one, is missing among others of the same kind.

    transformers stacks experts in the order of their numbers: where one is missing, the others would move up.

    Raises
    ------
    LoadError
        The numbers of some tensors of experts are not 0, 1, 2, ….
    """
    numbers: dict[tuple[str, str], set[int]] = {}
    for key, _, _ in _stored(folder):
        if expert := _EXPERT.fullmatch(key):
            numbers.setdefault((expert[1], expert[3]), set()).add(int(expert[2]))
    most: dict[str, int] = {}
    for (before, _), found in numbers.items():
        most[before] = max(most.get(before, 0), *found)
    missing = [
        f"{before}{i}{after}"
        for (before, after), found in numbers.items()
        for i in range(most[before] + 1)
        if i not in found
    ]
    if missing:
        raise LoadError(
            f"The checkpoint {source!r} lacks tensors of experts: {first_of(missing)}. transformers would take another "
            f"expert in the place of a missing one. {_REPAIR}"
        )


def refuse_other_dtypes(
    source: str, folder: Path, hf_model: Any, unused: Collection[str] = ()
) -> None:
    """Refuse a checkpoint or an adapter whose weights are not stored as real numbers, complete in themselves.

    transformers casts whatever it finds: integers and floats of 8 bits without their scales, and complex numbers
    without their imaginary part. Left alone are quantised checkpoints, whose method knows what the numbers mean,
    buffers, parameters that are whole numbers in the model too, and what is not used. The rest are weights, whatever
    their names: transformers renames some and stacks others.

    Parameters
    ----------
    source, folder
        The name, and where its safetensors are.
    hf_model
        The model that was made of it.
    unused
        The keys that have no place in the model.

    Raises
    ------
    LoadError
        A weight is stored as something else.
    """
    if getattr(hf_model, "is_quantized", False):
        return
    # GPT-2's old files hold masks, which the model makes itself: transformers leaves them out of its report.
    skipped = getattr(hf_model, "_keys_to_ignore_on_load_unexpected", None) or ()
    no_weights = [name for name, _ in hf_model.named_buffers()]
    no_weights += [
        name for name, each in hf_model.named_parameters() if not each.is_floating_point()
    ]
    others = [
        f"{key} ({dtype})"
        for key, dtype, _ in _stored(folder)
        if dtype not in _REAL
        and key not in unused
        and not any(re.search(pattern, key) for pattern in skipped)
        and not any(_same(key, name) for name in no_weights)
    ]
    if others:
        raise LoadError(
            f"Weights of {source!r} are not stored as floating-point numbers: {first_of(others)}. They would be cast "
            f"as they are. {_REPAIR}"
        )


def _stored(folder: Path) -> Iterator[tuple[str, str, list[int]]]:
    """Name, dtype and shape of each tensor of a checkpoint, from the headers of its files."""
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for key in file.keys():  # noqa: SIM118  no mapping
                tensor = file.get_slice(key)
                yield key, str(tensor.get_dtype()), tensor.get_shape()


def _same(key: str, name: str) -> bool:
    """Return whether a key of a checkpoint names a tensor, with or without the prefix of the model's class."""
    return key == name or key.endswith(f".{name}") or name.endswith(f".{key}")


def refuse_unusable(hf_model: Any) -> None:
    """Refuse weights without values, and those with which a model cannot compute or not exactly.

    Raises
    ------
    ModelError
        Weights are on the meta device though nothing brings them in, or are in a dtype for storage only, or a prompt's
        result depends on the other prompts of its batch.
    """
    _refuse_without_values(hf_model)
    if hf_model.dtype not in DTYPES.values():
        raise ModelError(
            f"The weights of {type(hf_model).__name__} are {str(hf_model.dtype).removeprefix('torch.')}, in which "
            f"torch cannot run a model. Load it with one of dtype={', '.join(map(repr, DTYPES))}."
        )
    threshold = _quantization(hf_model).get("llm_int8_threshold")
    if getattr(hf_model, "is_loaded_in_8bit", False) and threshold:
        raise ModelError(
            f"LLM.int8() of bitsandbytes with llm_int8_threshold={threshold} cannot be patched exactly: it looks for "
            "outliers in the whole batch, so a prompt's result depends on what runs beside it, and patches run beside "
            "each other. Use BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=0.0), or 4 bits."
        )


def quantization(hf_model: Any) -> str:
    """Return the name of the method with which a model's weights are quantised, such as ``gptq``."""
    method = _quantization(hf_model).get("quant_method", "unknown method")
    return str(getattr(method, "value", method))


def _quantization(hf_model: Any) -> dict[str, Any]:
    config = getattr(hf_model.config, "quantization_config", None) or {}
    settings: dict[str, Any] = config if isinstance(config, dict) else config.to_dict()
    return settings


def _refuse_without_values(hf_model: nn.Module) -> None:
    with_hook: set[nn.Module] = set()
    for module in hf_model.modules():  # parents come before their children
        if module in with_hook or hasattr(module, "_hf_hook"):
            with_hook |= {module, *module.children()}
    names = [
        f"{path}.{name}"
        for path, module in hf_model.named_modules()
        if module not in with_hook
        for name, tensor in (*module._parameters.items(), *module._buffers.items())
        if tensor is not None and tensor.device.type == "meta"
    ]
    if names:
        raise ModelError(
            f"Weights of {type(hf_model).__name__} are on the meta device and have no values: "
            f"{first_of(names)}. Load them with from_pretrained; accelerate may offload them."
        )


def first_of(names: Iterable[str]) -> str:
    """Name the first three in order, and say how many more there are."""
    return listed(sorted(names), most=3, by=", ")

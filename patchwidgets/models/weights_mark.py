"""Have a model's weights changed since something was recorded? Costs 2.5 ms for the 273 tensors of SmolLM2.

What is compared of each parameter, and of each buffer that belongs to the state dict:

- the version that PyTorch counts up at every change in place: optimizer steps, ``load_state_dict``, edits under
  ``torch.no_grad()``, of a single number too;
- whether it is the same object, its dtype and its shape, which show a parameter that was replaced or converted;
- some of its numbers. They show a merged adapter, and edits that count no version (through ``.data``, through NumPy, of
  inference tensors), if they touch a whole column (of one expert too, where experts are stacked), 17 rows in succession
  (a head's) or the whole tensor;
- which adapters of PEFT are active or merged, and their scales.

Not seen: smaller edits that count no version, weights that accelerate keeps elsewhere, and whatever else a module
computes with: settings (of the config, or copied from it into an attribute), buffers that are never saved, a replaced
``forward``, the user's own hooks. A hook that is registered after recording acts in later passes alone, so register it
first.
"""

import hashlib
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from patchwidgets.arrays import NDArray
from patchwidgets.errors import RefusedError, WeightsChangedError
from patchwidgets.hooks.interrupts import Uninterrupted

_ROW_STEP = 16
"""Of every how many rows one number is compared. Single numbers that are far apart cost most of the time."""
_MAX_NUMBERS = 65_536
"""The most numbers of one row, or of a vector, that are compared."""
_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""By the bytes of a number: integers of this size, because NaN is not equal to itself."""


class _State(NamedTuple):
    """What is compared of a tensor beside its numbers. A tensor that is elsewhere (on ``meta``) cannot be compared."""

    is_elsewhere: bool
    version: int
    dtype: torch.dtype
    shape: torch.Size


class _Sample(NamedTuple):
    """Numbers of all tensors of one dtype on one device, whose bits are read as integers.

    Attributes
    ----------
    indices
        The index of each of these tensors among all tensors.
    numbers
        Their numbers, one tensor after the other.
    """

    indices: list[int]
    numbers: Shaped[NDArray[Any], "number"]


class WeightsMark:
    """What the weights of a model were when the mark was made.

    Parameters
    ----------
    hf_model
        The model.
    """

    def __init__(self, hf_model: nn.Module) -> None:
        self._hf_model = hf_model
        tensors, self._adapters = _tensors_and_adapters(hf_model)
        self._states = [(weakref.ref(tensor), _state(tensor)) for tensor in tensors]
        self._samples = _samples(tensors)

    def check(self) -> None:
        """Check that the weights are still the same.

        Raises
        ------
        WeightsChangedError
            They are not; the message names the first tensor that differs.
        """
        what = self._changed(*_tensors_and_adapters(self._hf_model))
        if what is not None:
            raise WeightsChangedError(
                f"{what} changed since the run was recorded, so its activations and values are those of another model. "
                "Make the run or the experiment again, as in pw.Experiment(model, task). To patch activations of the "
                "weights as they were, read them before the change: value = run['L9.H6'], pw.Patch('L9.H6', value)."
            )

    def _changed(self, tensors: Sequence[Tensor], adapters: Sequence[str]) -> str | None:
        """Return what differs, in words, or None."""
        if len(tensors) != len(self._states):
            return f"The number of weight tensors (it was {len(self._states)}, now it is {len(tensors)})"
        if adapters != self._adapters:
            return "Which adapters are active, merged or scaled"
        for i, ((same, before), tensor) in enumerate(zip(self._states, tensors, strict=True)):
            now = _state(tensor)
            is_other = same() is not tensor or now != before
            if is_other and not (now.is_elsewhere or before.is_elsewhere):
                return f"The weights {self._name(i)}"
        samples = _samples(tensors)
        if samples.keys() == self._samples.keys() and all(
            one.indices == samples[kind].indices
            and np.array_equal(one.numbers, samples[kind].numbers)
            for kind, one in self._samples.items()
        ):
            return None
        first = self._first_difference(tensors)
        return None if first is None else f"The weights {self._name(first)}"

    def _first_difference(self, tensors: Sequence[Tensor]) -> int | None:
        """Return the index of the first tensor that is here, was here before, and has other numbers."""
        different = []
        for indices, numbers in self._samples.values():
            end = 0
            for i in indices:
                parts = _numbers(tensors[i].detach())
                start, end = end, end + sum(map(len, parts))
                if _is_readable(tensors[i]) and not np.array_equal(
                    numbers[start:end], _bits(parts)
                ):
                    different.append(i)
        return min(different, default=None)

    def _name(self, index: int) -> str:
        names = [
            f"{path}.{name}" if path else name
            for path, module in self._hf_model.named_modules()
            for name, _ in _tensors_of(module)
        ]
        return names[index]


def weights_checksum(hf_model: nn.Module) -> str:
    """Return a SHA-256 of the class, and of all weights their names, shapes and some numbers: the same in any process.

    The numbers are those that `WeightsMark` compares, in bfloat16. So a model that is loaded in float32 and one that is
    loaded in bfloat16 have the same, and a fine-tuned one has another.

    Raises
    ------
    RefusedError
        Weights are not in memory, so that nothing says which they are.
    """
    digest = hashlib.sha256(type(hf_model).__name__.encode())
    for path, module in hf_model.named_modules():
        for name, tensor in _tensors_of(module):
            if tensor.numel() == 0:
                continue
            if not _is_readable(tensor):
                raise RefusedError(
                    f"The weights {path}.{name} are offloaded or quantised, so nothing says whether they are those of "
                    "another model. Load the model without device_map and quantisation."
                )
            digest.update(f"{path}.{name} {tuple(tensor.shape)}\n".encode())
            numbers = [part.flatten().to(torch.bfloat16) for part in _numbers(tensor.detach())]
            digest.update(_bits(numbers).tobytes())
    return digest.hexdigest()


def _tensors_and_adapters(hf_model: nn.Module) -> tuple[list[Tensor], list[str]]:
    """Return all parameters and lasting buffers, and the settings of PEFT's layers.

    What modules share comes several times, because weights that are moved to and fro are not always shared.
    """
    tensors: list[Tensor] = []
    adapters = []
    for module in hf_model.modules():
        tensors += [tensor for _, tensor in _tensors_of(module)]
        if "merged_adapters" in module.__dict__:
            names = ("_active_adapter", "_disable_adapters", "merged_adapters", "scaling")
            adapters.append(str([getattr(module, name, None) for name in names]))
    return tensors, adapters


def _tensors_of(module: nn.Module) -> list[tuple[str, Tensor]]:
    if not module._parameters and not module._buffers:
        return []
    tensors: dict[str, Tensor | None] = {**module._parameters}
    if module._buffers:
        passing = module._non_persistent_buffers_set
        tensors |= {name: each for name, each in module._buffers.items() if name not in passing}
    return [(name, tensor) for name, tensor in tensors.items() if tensor is not None]


def _state(tensor: Tensor) -> _State:
    version = -1 if tensor.is_inference() else tensor._version
    return _State(tensor.is_meta, version, tensor.dtype, tensor.shape)


def _samples(tensors: Sequence[Tensor]) -> dict[tuple[torch.dtype, torch.device], _Sample]:
    by_kind: dict[tuple[torch.dtype, torch.device], tuple[list[int], list[Tensor]]] = {}
    with Uninterrupted(), torch.no_grad():
        for i, tensor in enumerate(tensors):
            if _is_readable(tensor):
                indices, parts = by_kind.setdefault((tensor.dtype, tensor.device), ([], []))
                indices.append(i)
                parts += _numbers(tensor)
    return {kind: _Sample(indices, _bits(parts)) for kind, (indices, parts) in by_kind.items()}


def _bits(parts: Sequence[Tensor]) -> Shaped[NDArray[Any], "number"]:
    with Uninterrupted(), torch.no_grad():
        numbers = torch.cat(list(parts))
    bits: NDArray[Any] = numbers.view(_INTEGERS[numbers.dtype.itemsize]).cpu().numpy()
    return bits


def _is_readable(tensor: Tensor) -> bool:
    """Whether a tensor is here, in plain memory (a quantised one may wrap several others)."""
    is_plain = not hasattr(tensor, "__tensor_flatten__") and tensor.layout is torch.strided
    return is_plain and not tensor.is_meta and tensor.numel() > 0


def _numbers(tensor: Tensor) -> list[Tensor]:
    """Return the middle row of each matrix, and one number of each 16th or 17th row, always from the next column."""
    if tensor.ndim < 2:
        return [_thinned(tensor.reshape(-1))]
    size, n_columns = tensor.numel(), tensor.shape[-1]
    rows = _thinned(tensor.select(-2, tensor.shape[-2] // 2)).flatten()
    if n_columns == size:
        return [rows]
    step = _ROW_STEP * n_columns + 1
    if tensor.is_contiguous():
        n = (size - 1) // step + 1
        return [rows, tensor.as_strided((n,), (step,), tensor.storage_offset())]
    chosen = torch.arange(0, size, step, device=tensor.device)
    return [rows, tensor[torch.unravel_index(chosen, tensor.shape)]]


def _thinned(rows: Tensor) -> Tensor:
    """Return at most `_MAX_NUMBERS` numbers of each row."""
    return rows[..., :: max(1, -(-rows.shape[-1] // _MAX_NUMBERS))]

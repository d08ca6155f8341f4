"""Devices that are not there: tensors say that they are on ``away:0`` or ``away:1``, and their numbers lie on the CPU.

What a GPU refuses is refused here too: tensors of two devices in one operation, `Tensor.numpy`, and an index on another
device than the tensor. The kernels are the CPU's, so results are equal to the last bit. PyTorch keeps the device for
the rest of the process: call it in a process of its own (`tests.support.own_process.alone`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode

NAME = "away"
_ATEN = torch.ops.aten
_INDEXING = {
    _ATEN.index.Tensor,
    _ATEN.index_put.default,
    _ATEN.index_put_.default,
    _ATEN._index_put_impl_.default,
    _ATEN._unsafe_index.Tensor,
}
_MOVES = {_ATEN._to_copy.default, _ATEN.copy_.default}


class AwayTensor(Tensor):
    """A tensor that says it is elsewhere."""

    inner: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(
        cls, inner: Tensor, device: torch.device | None = None, requires_grad: bool = False
    ) -> "AwayTensor":
        if isinstance(inner, AwayTensor):  # accelerate makes a parameter's class of a tensor
            device, inner = device or inner.device, inner.inner
        made: AwayTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=device,
            requires_grad=requires_grad,
        )
        made.inner = inner
        return made

    def __repr__(self) -> str:
        return f"AwayTensor({self.device}, {self.inner!r})"

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, _types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return _run(func, args, kwargs or {})


class _Dispatch(TorchDispatchMode):
    """Makes tensors away too, which no tensor that is away asks for."""

    def __torch_dispatch__(
        self, func: Any, _types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return _run(func, args, kwargs or {})


class _Functions(TorchFunctionMode):
    """Does what PyTorch has no hook for below its functions: lists into tensors, tensors into lists."""

    def __torch_function__(
        self, func: Any, _types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.tensor:
            device = kwargs.pop("device", None)
            made = func(*args, **kwargs)
            return made if device is None else made.to(device)
        if func is Tensor.new_tensor:
            device = kwargs.pop("device", args[0].device)
            like = args[0].inner if isinstance(args[0], AwayTensor) else args[0]
            return func(like, *args[1:], **kwargs).to(device)
        if func is Tensor.tolist and isinstance(args[0], AwayTensor):
            return args[0].inner.tolist()
        if func in (Tensor.__getitem__, Tensor.__setitem__):
            args = (args[0], _without_lists(args[1]), *args[2:])
        return func(*args, **kwargs)


@contextmanager
def devices_away() -> Iterator[None]:
    """Let ``away:0``, ``away:1``, … be devices inside the block."""
    if torch._C._get_privateuse1_backend_name() != NAME:
        backend_registration._setup_privateuseone_for_python_backend(NAME)
    with _Functions(), _Dispatch():
        yield


def _without_lists(index: Any) -> Any:
    """An index whose lists are tensors."""
    if isinstance(index, tuple):
        return tuple(map(_without_lists, index))
    if isinstance(index, list):
        return torch.tensor(index) if index else torch.empty(0, dtype=torch.long)
    return index


def _run(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Run an operation on the numbers themselves; what it returns is on the device on which a GPU would return it."""
    _refuse_two_devices(func, args, kwargs)
    device, tensors = _device(func, args, kwargs), _tensors([*args, *kwargs.values()])
    inner_args = _with_tensors(args, _inner)
    inner_kwargs = {name: _with_tensors(each, _inner) for name, each in kwargs.items()}
    if inner_kwargs.get("device") is not None:
        inner_kwargs |= {"device": torch.device("cpu"), "pin_memory": False}
        if not any(argument.name == "pin_memory" for argument in func._schema.arguments):
            del inner_kwargs["pin_memory"]
    result = func(*inner_args, **inner_kwargs)
    known = {id(t.inner): t for t in tensors if isinstance(t, AwayTensor)}  # of operations in place

    def away(tensor: Tensor) -> Tensor:
        if id(tensor) in known:
            return known[id(tensor)]
        return tensor if device.type == "cpu" else AwayTensor(tensor, device)

    return _with_tensors(result, away)


def _device(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> torch.device:
    """Where the result of an operation is."""
    asked = kwargs.get("device")
    if asked is not None:
        device = torch.device(asked)
        return torch.device(NAME, 0) if device.type == NAME and device.index is None else device
    tensors = _tensors(
        args[:1] if func in _MOVES or func in _INDEXING else [*args, *kwargs.values()]
    )
    away = [each.device for each in tensors if isinstance(each, AwayTensor)]
    return away[0] if away else torch.device("cpu")


def _refuse_two_devices(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    if func in _MOVES:
        return
    tensors = _tensors([*args, *kwargs.values()])
    if func in _INDEXING:  # indices may be on the CPU
        indices = {id(each) for each in _tensors(args[1])}
        tensors = [t for t in tensors if id(t) not in indices or t.device.type != "cpu"]
    found = {t.device for t in tensors if t.ndim or t.device.type != "cpu"}
    if len(found) > 1:
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but {func} got {sorted(map(str, found))}"
        )


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    """The tensors in the arguments of an operation, which may be in lists."""
    found = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += _tensors(value)
    return found


def _with_tensors(value: Any, replaced: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return replaced(value)
    if type(value) in (list, tuple):
        return type(value)(_with_tensors(each, replaced) for each in value)
    return value


def _inner(tensor: Tensor) -> Tensor:
    return tensor.inner if isinstance(tensor, AwayTensor) else tensor

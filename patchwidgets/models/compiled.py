"""Models that `torch.compile` compiled run as written while our hooks act: compiled code may not know of them.

Costs a walk over the modules, and nothing more for a model that is not compiled.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

_LOCK = threading.Lock()
_STANCES: list[Any] = []
"""One entry per open ``with`` block; the first is torch's stance from before, which holds for all threads."""


def _renew_lock() -> None:
    """Replace the lock in the child of a fork: another thread may have held it."""
    global _LOCK  # noqa: PLW0603
    _LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def eager(hf_model: nn.Module) -> Iterator[None]:
    """Run no compiled code inside the ``with`` block, if any part of a model is compiled."""
    # torch.compile imports dynamo, which takes seconds; without it nothing is compiled.
    if "torch._dynamo" not in sys.modules or not any(map(_is_compiled, hf_model.modules())):
        yield
        return
    with _LOCK:
        _STANCES.append(None if _STANCES else torch.compiler.set_stance("force_eager"))
    try:
        yield
    finally:
        with _LOCK:
            if len(_STANCES) == 1:
                _STANCES[0].__exit__(None, None, None)
                _STANCES.clear()
            else:
                _STANCES.pop()


def _is_compiled(module: nn.Module) -> bool:
    """Return whether a module is, or its ``compile()`` or its ``forward`` made, a compiled one."""
    if "_orig_mod" in module._modules or module._compiled_call_impl is not None:
        return True
    return hasattr(module.__dict__.get("forward"), "_torchdynamo_orig_callable")

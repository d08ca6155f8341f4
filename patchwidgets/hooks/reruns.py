"""Running a layer again, in the midst of a pass, on another residual stream than the one that reached it.

Its other arguments (masks, rotations) are those of the pass. Costs what the caller's runs cost.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

Stream = Float[Tensor, "row pos d_model"]
Rerun = Callable[[Stream], object]
"""Runs the layer on a stream. Hooks on the layer itself do not act in it, those on its parts do."""


class Enough(Exception):
    """Raised in a hook to end a run whose rest nobody needs."""


@contextmanager
def before_blocks(
    blocks: Sequence[nn.Module], act: Callable[[int, Stream, Rerun], None]
) -> Iterator[None]:
    """Call a function before each layer of a pass, with what reaches the layer and a function that runs it again.

    Parameters
    ----------
    blocks
        The decoder blocks of the view that runs.
    act
        Called with the number of the layer, its residual stream, and the function that runs it.
    """
    with ExitStack() as stack:
        for layer, block in enumerate(blocks):
            before = partial(_before, partial(act, layer))
            handle = block.register_forward_pre_hook(before, with_kwargs=True)
            stack.callback(handle.remove)
        yield


def _before(
    act: Callable[[Stream, Rerun], None],
    block: nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    def rerun(stream: Stream) -> object:
        if args:
            return block.forward(stream, *args[1:], **kwargs)
        return block.forward(**kwargs | {"hidden_states": stream})

    act(args[0] if args else kwargs["hidden_states"], rerun)

"""Where gradients are taken: in the host run, or with input embeddings on the way to the source's.

Costs a forward pass for each point; gradients cost a backward pass each.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.methods.estimates.methods import Method
from patchwidgets.models.backward import BackwardPass
from patchwidgets.sweep.differentiable import AtColumns, Way

EMBED: Key = ("embed", None)


def embeddings_on_the_way(
    way: Way, host: AtColumns, source: AtColumns, method: Method
) -> Iterator[Edit | None]:
    """Yield for each point of a method what to write into the embeddings; None for the host itself.

    Parameters
    ----------
    host, source
        The embeddings of both runs. Positions without a counterpart keep the host's.
    """
    for point in method.points:
        yield None if point == 0 else way.host.writing(host + point * (source - host))


def differentiable(
    way: Way, keys: Sequence[Key], embeddings: Edit | None
) -> AbstractContextManager[BackwardPass]:
    """Run the host's prompts, perhaps with other embeddings, for gradients at some activations."""
    kept = [EMBED, *(key for key in keys if key != EMBED)]
    edits = None if embeddings is None else {EMBED: embeddings}
    return way.host.backward_pass(kept, list(way.host.experiment.metrics), edits)

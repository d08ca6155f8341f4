"""The steps of paths on a model: what a path's beginning writes, and where its rows run. Plain data; costs nothing.

All paths of a computation share their beginnings: ``L20.H0->L23.H3.q`` and ``L20.H0->logits`` begin with the same
sender, and ``L20.H0->L23.H3.q->logits`` goes on from the first. A *step* is one such beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from patchwidgets.edges import Path, Receiver, comes_after, parse_sender
from patchwidgets.errors import SiteError
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.layout import Layout
from patchwidgets.models.model import Model
from patchwidgets.sites import Site

Half = tuple[int, bool]
"""Half a layer: its number, and whether it is the MLP's half. The order of the residual stream."""


@dataclass(frozen=True)
class Step:
    """The beginning of a path, up to a component that writes into the stream.

    Parameters
    ----------
    sender
        The first component.
    receivers
        Those on the way; what the last one changes is written into the stream.
    """

    sender: Site
    receivers: tuple[Receiver, ...] = ()

    @property
    def before(self) -> "Step":
        """The step from which the last receiver of this one reads."""
        return replace(self, receivers=self.receivers[:-1])

    @property
    def half(self) -> Half:
        """Where it writes into the stream; the embedding before layer 0."""
        last = self.receivers[-1] if self.receivers else self.sender
        if last.layer is None:
            return (-1, True)
        return (last.layer, last.component not in ("z", "attn_out", "q", "k", "v"))


def step_of(path: Path) -> Step:
    """The step from which the last receiver of a path reads."""
    return Step(path.sender, path.receivers[:-1])


def reads_key(layout: Layout, receiver: Receiver) -> Key:
    """Where the difference shows that a receiver brings about: in its q, k or v, what its MLP adds, the last stream."""
    if receiver.component == "logits":
        return ("resid_post", layout.n_layers - 1)
    if receiver.component == "mlp_in":
        return ("mlp_out", receiver.layer)
    return (receiver.component, receiver.layer)


def joining_layer(layout: Layout, receiver: Receiver) -> int:
    """The first layer that a receiver changes; the number of all layers for the logits."""
    if receiver.layer is None:
        return layout.n_layers
    return receiver.layer + (receiver.component == "mlp_in")


def checked_path(model: Model, path: str | Path) -> Path:
    """Return a path in the form that this model uses, if the model has it.

    Raises
    ------
    SiteError
        A layer or head that is out of range, or a receiver that reads the stream before its sender has written.
    RefusedError
        Something that the model does not have, such as the key of one of several heads that share it.
    """
    path = Path.parse(path)
    sender = model.resolve(path.sender)
    receivers = tuple(checked_receiver(model, receiver) for receiver in path.receivers)
    ends: Sequence[Site | Receiver] = (sender, *receivers)
    for before, after in zip(ends, receivers, strict=False):
        if not comes_after(before, after, model.layout.parallel):
            raise SiteError(
                f"No edge from {before} to {after}: in {model.name}, attention and MLP of a layer run in parallel and "
                "read the same stream. Choose an MLP of a later layer."
            )
    return Path(sender, receivers)


def checked_receiver(model: Model, receiver: str | Site | Receiver) -> Receiver:
    """Return a receiver in the form that this model uses; errors are as in `checked_path`."""
    receiver = Receiver.parse(receiver)
    if receiver.site is not None:
        return Receiver.parse(model.resolve(receiver.site))
    if receiver.component == "mlp_in":
        model.resolve(Site("mlp_out", receiver.layer))
    return receiver


def checked_sender(model: Model, sender: str | Site) -> Site:
    """Return a sender in the form that this model uses; errors are as in `checked_path`."""
    return model.resolve(parse_sender(sender))

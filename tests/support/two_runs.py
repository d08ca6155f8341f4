"""The effect of a path by its definition, one pair at a time: a run with everything frozen, then one that is live.

Written with plain edits of whole prompts: no row joins anywhere, no cache, no difference is added.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from patchwidgets.edges import Path, Receiver
from patchwidgets.facade import Experiment
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.forward import forward
from patchwidgets.sites import Site

Metric = Callable[[Tensor, int], float]
"""From the logits of a run at the last position and the number of the pair."""


def logit_diff(experiment: Experiment, logits: Tensor, pair: int) -> float:
    ids = experiment.pairs[pair]
    assert ids.foils is not None
    return float(logits[ids.answers[0]] - logits[ids.foils[0]])


class TwoRuns:
    """The two runs of one pair, and `effect`: the metric of the last run of a path minus that of the host."""

    def __init__(self, experiment: Experiment, pair: int, frozen: tuple[str, ...]) -> None:
        self.experiment, self.number, self.frozen = experiment, pair, frozen
        self.layout = experiment.model.layout
        self.pair = experiment.pairs[pair]
        host_is_clean = experiment.host_name == "clean"
        prompts = [self.pair.clean, self.pair.corrupted]
        host, source = prompts if host_is_clean else prompts[::-1]
        self.ids = torch.tensor([host])
        keys = list(self.layout.hook_points)
        self.host = forward(self.layout, self.ids, record=keys)
        self.source = forward(self.layout, torch.tensor([source]), record=keys).activations
        columns = self.pair.columns
        self.places = list(columns) if host_is_clean else [(j, i) for i, j in columns]

    def effect(self, path: Path) -> float:
        edits, half = self._sender(path.sender)
        for receiver in path.receivers:
            key, value = self._received(receiver, edits, half)
            edits, half = (
                {key: self._write(receiver, value)},
                (key[1], key[0] in ("mlp_out", "resid_post")),
            )
        logits = forward(self.layout, self.ids, edits).logits[0, -1]
        return logit_diff(self.experiment, logits, self.number) - logit_diff(
            self.experiment, self.host.logits[0, -1], self.number
        )

    def _sender(self, site: Site) -> tuple[dict[Key, Edit], tuple[int, bool]]:
        key = (site.component, site.layer)
        wanted = self._positions(site.pos)
        places = [(h, s) for h, s in self.places if h in wanted]

        def write(activation: Tensor) -> Tensor:
            changed = activation.clone()
            for host, source in places:
                unit = ... if site.index is None else site.index
                changed[0, host, unit] = self.source[key][0, source, unit]
            return changed

        layer = -1 if site.layer is None else site.layer
        return {key: write}, (layer, site.component not in ("z", "attn_out"))

    def _received(
        self, receiver: Receiver, edits: dict[Key, Edit], half: tuple[int, bool]
    ) -> tuple[Key, Tensor]:
        """What a receiver reads while everything between is frozen."""
        if receiver.component == "logits":
            key: Key = ("resid_post", self.layout.n_layers - 1)
        elif receiver.component == "mlp_in":
            key = ("mlp_out", receiver.layer)
        else:
            key = (receiver.component, receiver.layer)
        frozen = dict(edits)
        for layer in range(self.layout.n_layers):
            # An MLP is frozen once it has been read.
            if (layer, False) > half:
                frozen[("attn_out", layer)] = self._as_host(("attn_out", layer))
            if (layer, True) > half and "mlp" in self.frozen and ("mlp_out", layer) != key:
                frozen[("mlp_out", layer)] = self._as_host(("mlp_out", layer))
        return key, forward(self.layout, self.ids, frozen, record=[key]).activations[key]

    def _as_host(self, key: Key) -> Edit:
        return lambda _activation: self.host.activations[key].clone()

    def _write(self, receiver: Receiver, value: Tensor) -> Edit:
        positions = self._positions(receiver.pos)

        def write(activation: Tensor) -> Tensor:
            changed = activation.clone()
            for pos in positions:
                unit = ... if receiver.index is None else receiver.index
                changed[0, pos, unit] = value[0, pos, unit]
            return changed

        return write

    def _positions(self, pos: object) -> list[int]:
        """Positions of the host prompt; names and numbers count in the clean prompt."""
        n = self.ids.shape[1]
        if pos is None:
            return list(range(n))
        clean = self.pair.indices(pos)  # type: ignore[arg-type]
        if self.experiment.host_name == "clean":
            return clean
        return [self.pair.counterparts[i] for i in clean]

"""What a patch or a path did, in one sentence, in the explorer's words. Costs nothing beside the result."""

from collections.abc import Sequence

import numpy as np

from patchwidgets.directions import Direction, host_name, source_name
from patchwidgets.edges import Path, Receiver
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.reading import Reading
from patchwidgets.plot.numbers import metric_number, percent, plain_number, signed
from patchwidgets.plot.shown import Lane, Shown
from patchwidgets.plot.texts import short
from patchwidgets.sites import Patch, Site, print_pos
from patchwidgets.sources.ablations import Mean, Noise, Resample, Zero
from patchwidgets.sources.attention import Cut
from patchwidgets.sources.moved import At, Steer, SteerDifference
from patchwidgets.sources.source import SourceData
from patchwidgets.tokens import visible

MOST_NAMED = 3
"""Sites that are named one by one."""
KINDS = {"z": "heads", "attn_out": "attn_out", "mlp_out": "MLPs"}
PARTS = {"q": "queries", "k": "keys", "v": "values"}
LONGEST_TOKEN, LONGEST_LABEL, LONGEST_REASON = 40, 60, 300
VERBS = ("Corrupting", "Changing", "Giving", "Cutting", "Setting", "Noise", "Steering", "Writing")
"""With which sentences begin; names of sites stay as they are."""
PATCHED: Lane = "patched"


def finding(shown: Shown) -> str:
    """Say what a patch or a path did."""
    reading, exp, patches = shown.reading, shown.experiment, shown.patches
    scope = _scope(shown)
    if shown.path is not None:
        effect = signed(reading.effect, reading.noise_floor)
        return f"{scope}{path_name(shown.path)} carries {effect} of the {_label(reading)}."
    if not patches:
        return f"Nothing patched: the patched run is the {shown.host} run."
    if reading.reason is not None:
        return short(reading.reason, LONGEST_REASON)
    put = not_frozen(patches)
    if not put:
        return (
            f"{scope}{patch_name(patches, exp)}, and nothing else is patched: all stays as it was."
        )
    several = exp.direction == "denoise" and len(put) > 1
    said = _done(patches, exp, reading.share, several)
    top = _top_change(shown, several)
    comma = "," if top.startswith(" and") and ":" in said else ""
    begin = (
        f"{said[0].lower() if said.startswith(VERBS) else said[0]}" if scope else said[0].upper()
    )
    return f"{scope}{begin}{said[1:]}{comma}{top}."


def _scope(shown: Shown) -> str:
    """What a finding is about: "In pair 4, …", "Over all 32 pairs, …"."""
    count = len(shown.experiment.pairs)
    if count < 2:
        return ""
    return f"Over all {count} pairs, " if shown.pair is None else f"In pair {shown.pair + 1}, "


def numbers(shown: Shown) -> str:
    """Say from which value to which the metric went, and what that is as effect and recovery."""
    reading = shown.reading
    metric, floor = reading.metric, reading.noise_floor
    ends = [metric_number(shown.value(lane), metric, floor) for lane in (shown.host, PATCHED)]
    recovery = "undefined" if np.isnan(reading.recovery) else plain_number(reading.recovery)
    return (
        f"{_label(reading)} {ends[0]} → {ends[1]}: effect {signed(reading.effect, floor)}, "
        f"recovery {recovery}"
    )


def _label(reading: Reading) -> str:
    return short(visible(reading.metric.label).replace("␣", " "), LONGEST_LABEL)


def _is_frozen(patch: Patch) -> bool:
    return patch.fn is None and isinstance(patch.source, str) and patch.source == "host"


def not_frozen(patches: Sequence[Patch]) -> list[Patch]:
    """The patches that put something in; the others keep what the host has there."""
    return [patch for patch in patches if not _is_frozen(patch)]


def patch_name(patches: Sequence[Patch], experiment: BaseExperiment) -> str:
    """What is patched: "L23.H3 and L20.H0", "7 sites", "L23.H3 with L24.H4 frozen"."""
    put = not_frozen(patches)
    if not put:
        return f"{_sites_name(patches, experiment)} frozen"
    return _sites_name(put, experiment) + _besides_frozen(patches, experiment)


def _besides_frozen(patches: Sequence[Patch], experiment: BaseExperiment) -> str:
    """What follows the name of a patch: "with L24.H4 frozen"; nothing where nothing is."""
    frozen = [patch for patch in patches if _is_frozen(patch)]
    return f" with {_sites_name(frozen, experiment)} frozen" if frozen else ""


def _sites_name(patches: Sequence[Patch], experiment: BaseExperiment) -> str:
    """Sites: "L23.H3 and L20.H0", "7 sites", "all heads but L20.H0"."""
    but = _all_but([patch.site for patch in patches], experiment)
    if but is not None:
        return but
    if len(patches) > MOST_NAMED:
        return f"{len(patches)} sites"
    return _listed([_one_patch(patch) for patch in patches])


def _one_patch(patch: Patch) -> str:
    if not isinstance(patch.source, Cut):
        return str(patch.site)
    keys = ", ".join(f"@{'all' if key is None else print_pos(key)}" for key in patch.source.keys)
    pos = "all" if patch.site.pos is None else print_pos(patch.site.pos)
    return f"{patch.site.at(None).name.removesuffix('.pattern')} @{pos} → {keys}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _all_but(sites: Sequence[Site], experiment: BaseExperiment) -> str | None:
    """The name of sites that are most of their kinds."""
    model, positions = experiment.model, {site.pos for site in sites}
    kinds = list(dict.fromkeys(site.component for site in sites))
    whole = all(site.component != "z" or site.index is not None for site in sites)
    if len(sites) < 2 or len(positions) > 1 or not set(kinds) <= set(KINDS) or not whole:
        return None
    cells = {(site.component, site.layer, site.index) for site in sites}
    everything = [
        Site(kind, layer, index)
        for kind in kinds
        for layer in range(model.n_layers)
        for index in (range(model.n_heads) if kind == "z" else (None,))
    ]
    left = [site for site in everything if (site.component, site.layer, site.index) not in cells]
    if len(left) >= len(sites):
        return None
    [pos] = positions
    named = f"all {_listed([KINDS[kind] for kind in kinds])}"
    if left:
        some = f"{len(left)} of them" if len(left) > MOST_NAMED else _listed([str(s) for s in left])
        named += f" but {some}"
    return named + ("" if pos is None else f" @{print_pos(pos)}")


def path_name(path: Path) -> str:
    """A path in words: "L20.H0 → L23.H3 through its queries"."""
    return " → ".join([str(path.sender), *map(_through, path.receivers)])


def _through(receiver: Receiver) -> str:
    if receiver.layer is None:
        return "the logits"
    if receiver.component == "mlp_in":
        return f"L{receiver.layer}’s MLP"
    return f"{receiver_owner(receiver)} through its {PARTS[receiver.component]}"


def receiver_owner(receiver: Receiver) -> str:
    """The head that reads: ``L23.H3`` of ``L23.H3.q``."""
    return receiver.name.rsplit(".", 1)[0]


def _of_difference(share: float) -> str:
    if share == 0:
        return "exactly 0"
    return f"{'under 0.1 %' if abs(share) < 0.0005 else percent(share)} of the difference"


def _done(patches: Sequence[Patch], experiment: BaseExperiment, share: float, several: bool) -> str:
    direction, put = experiment.direction, not_frozen(patches)
    made = _made(put, _sites_name(put, experiment), direction)
    if made is not None:
        return _changed(made + _besides_frozen(patches, experiment), direction, share)
    name = patch_name(patches, experiment)
    if direction == "noise":
        return _changed(f"Corrupting {name}", direction, share)
    s, part = "" if several else "s", _of_difference(share)
    if share > 1.05:
        return f"{name} overshoot{s}: {part}"
    if share >= 0.05:
        return f"{name} restore{s} {part}"
    if share > -0.05:
        return f"{name} change{s} {'nothing' if share == 0 else 'little'}: {part}"
    return f"{name} push{'' if several else 'es'} away from the clean answer: {part}"


def _changed(did: str, direction: Direction, share: float) -> str:
    part = _of_difference(share)
    if -0.05 < share < 0.05:
        return f"{did} changes {'nothing' if share == 0 else 'little'}: {part}"
    if direction == "noise":
        if share <= -0.05:
            return f"{did} helps the answer: {_of_difference(-share)}"
        return f"{did} costs {part}"
    if share <= -0.05:
        return f"{did} pushes away from the clean answer: {part}"
    return f"{did} overshoots: {part}" if share > 1.05 else f"{did} restores {part}"


def _made(patches: Sequence[Patch], name: str, direction: Direction) -> str | None:
    """What was done with a source of its own, the same for all patches; None for values of the other run."""
    kinds = {_kind(patch, direction) for patch in patches}
    if kinds == {"source"}:
        return None
    source, their = patches[0].source, "their" if len(patches) > 1 else "its"
    if len(kinds) > 1 or patches[0].fn is not None:
        return f"Changing {name}"
    if isinstance(source, str):
        return f"Giving {name} {their} {source} value"
    return _with(source, name, their, direction)


def _with(source: object, name: str, their: str, direction: Direction) -> str:
    match source:
        case Cut():
            return f"Cutting {name}"
        case Zero():
            return f"Setting {name} to zero"
        case Mean():
            over = "positions" if source.per is None else "pairs"
            return f"Setting {name} to {their} mean over {over}"
        case Resample():
            return f"Giving {name} {their} values in other prompts"
        case Noise():
            return f"Noise on {name}"
        case Steer() | SteerDifference():
            return f"Steering {name} by α = {plain_number(source.alpha)}"
        case At():
            runs = {"source": source_name(direction), "host": host_name(direction)}
            run = runs.get(source.run, source.run) if isinstance(source.run, str) else "own"
            return f"Giving {name} the {run} value of {source.site}"
        case _:
            return f"Writing into {name}"


def _kind(patch: Patch, direction: Direction) -> str:
    """Patches of one kind are told in one sentence."""
    if patch.fn is not None:
        return "fn"
    if isinstance(patch.source, SourceData):
        return str(patch.source)
    if not isinstance(patch.source, str):
        return "own"
    return "source" if patch.source == source_name(direction) else patch.source


def _top_change(shown: Shown, several: bool) -> str:
    """Say what the new top token is, if it changed. Only an answer on top is a success."""
    pair, exp = shown.one_pair, shown.experiment
    if pair is None:
        return ""
    before, after = shown.tokens[shown.host][0], shown.tokens["patched"][0]
    if before.id == after.id:
        return ""
    denoise = exp.direction == "denoise"
    token = short(visible(after.token), LONGEST_TOKEN)
    if after.id in (pair.first_tokens if denoise else pair.foils or ()):
        back = " back" if denoise and after.id == shown.tokens["clean"][0].id else ""
        return f" and put{'' if several else 's'} {token}{back} on top"
    return f"; the top token becomes {token}"

"""What a lane says of its run: what it is, and its metric. Costs nothing."""

from patchwidgets.plot.finding import not_frozen, patch_name, receiver_owner
from patchwidgets.plot.lanes.places import taken_from, word_of
from patchwidgets.plot.numbers import metric_number
from patchwidgets.plot.shown import Lane, Shown
from patchwidgets.tokens import visible


def role_of(shown: Shown, lane: Lane, *, in_lines: bool) -> str:
    """What a run is, for several lines or for one, in which what is patched stands first."""
    pair = f", {shown.which_pair}" if shown.which_pair else ""
    if lane == shown.host:
        return f"host{pair}"
    if lane != "patched":
        used = shown.path is not None or any(taken_from(p, shown) == lane for p in shown.patches)
        return f"{'source' if used or not shown.patches else 'not used'}{pair}"
    prompt = f"{shown.host} prompt{pair}"
    if shown.path is not None:
        seen = _seen(shown)
        return f"{prompt}; {seen}" if in_lines else f"{seen} in the {prompt}"
    if not shown.patches:
        return f"{prompt}, nothing patched"
    words = list(dict.fromkeys(word_of(patch, shown) for patch in not_frozen(shown.patches)))
    word = words[0] if len(words) == 1 else "changed" if words else ""
    name = f"{word} {patch_name(shown.patches, shown.experiment)}".lstrip()
    return f"{prompt} with {name}" if in_lines else f"{name} in the {prompt}"


def _seen(shown: Shown) -> str:
    """What the first receiver of a path sees."""
    assert shown.path is not None
    first, sender = shown.path.receivers[0], shown.path.sender
    if first.layer is None:
        return f"the logits see {shown.source} {sender}"
    owner = receiver_owner(first)
    reads = f"{owner}.{first.component}" if first.component in ("q", "k", "v") else f"{owner}’s MLP"
    return f"{reads} sees {shown.source} {sender}"


def metric_of(shown: Shown, lane: Lane) -> tuple[str, str]:
    """The metric of a run, and its number."""
    reading = shown.reading
    label = visible(reading.metric.label).replace("␣", " ")
    label = f"{shown.of_what.split()[0]} {label}" if shown.of_what else label
    return label, metric_number(shown.value(lane), reading.metric, reading.noise_floor)

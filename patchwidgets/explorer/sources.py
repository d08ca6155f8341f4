"""What a page may put into a host: sources as names or as checked data (``docs/protocol.md``). Costs nothing."""

import json
from dataclasses import dataclass
from typing import Any

from patchwidgets.errors import PatchError, ProtocolError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.sites import Patch, Site, parse_pos
from patchwidgets.sources.ablations import Mean, mean, noise, resample, zero
from patchwidgets.sources.files import from_data, to_data
from patchwidgets.sources.moved import At, at, steer
from patchwidgets.sources.source import RUN_CHOICES, DrawnSource, SourceData

LONGEST_SOURCE = 100_000
"""Characters of a source as JSON: some hundred prompts to take a mean over."""
MOST_DRAWS, MOST_KEYS = 100, 1000
"""Of one source; each draw is a run of its own."""
DRAWS = 5
"""How many draws a page is offered: enough to see how much they vary."""
SEED = 0
"""Of the draws that a page is offered, so that a click gives the number of the map."""

PatchSource = str | SourceData
"""What one patch writes."""


@dataclass(frozen=True)
class AnotherPosition:
    """The site's own activation at another position: what `sources.at` is for every site.

    Attributes
    ----------
    pos
        An index or a name.
    run
        As in `sources.at`.
    """

    pos: int | str
    run: str = "source"


ChosenSource = PatchSource | AnotherPosition
"""What a page has chosen for whatever it patches."""


def source_at(site: Site, source: ChosenSource) -> PatchSource:
    """What a chosen source is at a site."""
    if isinstance(source, AnotherPosition):
        return at(site.at(source.pos), source.run)
    return source


def checked_source(value: Any) -> PatchSource:
    """Read what one patch writes.

    Raises
    ------
    ProtocolError
        Neither the name of a run nor a source as data, or one that is too large.
    PatchError, SiteError, TaskError
        Data with a field that the source does not have, or with another form.
    """
    if isinstance(value, str) and value in RUN_CHOICES:
        return value
    if not isinstance(value, dict):
        raise ProtocolError(
            f"Expected a source: one of {', '.join(RUN_CHOICES)}, or {{kind, …}}; got {shown(value)}."
        )
    source_text(value)
    source = from_data(value)
    assert isinstance(source, SourceData)
    if isinstance(source, DrawnSource) and source.n > MOST_DRAWS:
        raise ProtocolError(f"Expected at most {MOST_DRAWS} draws; got {shown(source.n)}.")
    return source


def checked_choice(value: Any) -> ChosenSource:
    """Read a source for whatever is patched: as `checked_source`, or another position of the site itself."""
    if not isinstance(value, dict) or value.get("kind") != "at" or "pos" not in value:
        return checked_source(value)
    source_text(value)
    pos, run = value["pos"], value.get("run", "source")
    if isinstance(pos, str):
        pos = parse_pos(pos, f"another position {shown(pos)}")
    if not isinstance(pos, int | str) or isinstance(pos, bool):
        raise PatchError(
            f"another position is {shown(value['pos'])}; expected one position: an index or a name."
        )
    if run not in RUN_CHOICES or set(value) - {"kind", "pos", "run"}:
        raise PatchError(
            f"Expected another position as {{kind: 'at', pos, run}}; got {shown(value)}."
        )
    return AnotherPosition(pos, run)


def choice_data(source: object) -> Any:
    """Return a source as `checked_choice` reads it.

    Raises
    ------
    PatchError
        It holds a tensor or a `Run`, which is no data.
    """
    if isinstance(source, AnotherPosition):
        run = {} if source.run == "source" else {"run": source.run}
        return {"kind": "at", "pos": source.pos, **run}
    return to_data(source)


def offered(experiment: BaseExperiment) -> list[dict[str, Any]]:
    """The sources beside the two runs that a page offers for this experiment, with what speaks against each."""
    several = len(experiment.pairs) > 1
    lone = None if several else "there are no other prompts; give the experiment a dataset of pairs"
    differs = experiment.pairs[0].differing()
    choices: list[tuple[ChosenSource, str | None]] = [
        (zero(), None),
        (_usual_mean(experiment), None),
        (resample(n=DRAWS, seed=SEED), lone),
        (noise(n=DRAWS, seed=SEED), None),
        (steer("clean - corrupted"), None),
        (AnotherPosition(differs[0] if differs else -1), None),
    ]
    return [{"source": choice_data(source), "reason": reason} for source, reason in choices]


def check_at_site(patch: Patch, experiment: BaseExperiment) -> None:
    """Refuse a source that does not go with its site, or that reads a site which the model does not have.

    Raises
    ------
    PatchError, SiteError, RefusedError
        It does not.
    """
    if isinstance(patch.source, SourceData):
        patch.source.check(patch.site)
    if isinstance(patch.source, At):
        experiment.model.resolve(patch.source.site)


def _usual_mean(experiment: BaseExperiment) -> Mean:
    """At each position, where there are several pairs of one length; else over positions."""
    lengths = {len(prompt) for pair in experiment.pairs for prompt in (pair.clean, pair.corrupted)}
    return mean() if len(experiment.pairs) > 1 and len(lengths) == 1 else mean(per=None)


def source_text(value: dict[str, Any]) -> str:
    """The JSON of a source that is data, if its size is one that a page may send; it may still name no source.

    Raises
    ------
    ProtocolError
        It has no kind, too many keys or too many characters, or is no JSON.
    """
    if not isinstance(value.get("kind"), str):
        raise ProtocolError(f"Expected a source with a kind; got {shown(value)}.")
    keys = value.get("keys", [])
    if not isinstance(keys, list) or not len(keys) <= MOST_KEYS or value.get("keys") == []:
        raise ProtocolError(f"Expected 1 to {MOST_KEYS:,} keys to cut; got {shown(keys)}.")
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"Expected a source as JSON; got {shown(value)}.") from error
    if len(text) > LONGEST_SOURCE:
        raise ProtocolError(
            f"Expected a source of at most {LONGEST_SOURCE:,} characters; got {len(text):,}."
        )
    return text

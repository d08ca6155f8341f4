"""What the page saves as a file: what is shown as a Mermaid chart, or the explorer as a page.

A chart costs one patch; a page a sweep in each direction, and a patch for each one so far.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from patchwidgets.errors import ProtocolError, listed, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import unpatched
from patchwidgets.explorer.kept import kept
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.requests import PatchRequest, checked_patch_request
from patchwidgets.explorer.shown_pair import number_of
from patchwidgets.explorer.views import Views
from patchwidgets.methods.paths.traced import TracedPath, trace_path

Format = Literal["mermaid", "page"]
MEDIA_TYPES: dict[Format, tuple[str, str]] = {
    "mermaid": ("text/vnd.mermaid", "mmd"),
    "page": ("text/html", "html"),
}
"""The media type of each format, and how names of its files end."""
LONGEST_STEM = 60
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.@+_]+")


@dataclass(frozen=True)
class ExportRequest:
    """A request for a file. It holds everything that the file depends on.

    Attributes
    ----------
    format
        What sort of file.
    patched
        What is shown.
    """

    format: Format
    patched: PatchRequest


def check(content: Message, experiment: BaseExperiment) -> ExportRequest:
    """Read a request for a file.

    Raises
    ------
    ProtocolError
        An unknown format, or a field is missing or has another form.
    SiteError, MetricError
        The experiment does not have a site or the metric.
    """
    given = content.get("format")
    if given not in tuple(MEDIA_TYPES):
        known = " or ".join(map(repr, get_args(Format)))
        raise ProtocolError(f"Expected format {known}; got {shown(given)}.")
    patched = checked_patch_request(content, experiment)
    return ExportRequest(given, replace(patched, id=0))


def answer(views: Views, request: ExportRequest) -> tuple[Message, Buffers]:
    """A chart as a message. A page has the history too, which the session keeps: it hands the text to `file`."""
    return file(request, kept(views, "export", request, lambda: chart(views, request.patched)))


def file(request: ExportRequest, text: str) -> tuple[Message, Buffers]:
    """A file as a message, with its content in the buffer."""
    content = text.encode()
    media_type, ending = MEDIA_TYPES[request.format]
    return {
        "kind": "export",
        "format": request.format,
        "name": f"{_stem(request.patched)}.{ending}",
        "media_type": media_type,
        "buffers": [{"name": "content", "dtype": "uint8", "shape": [len(content)]}],
    }, [content]


def chart(views: Views, request: PatchRequest) -> str:
    """What a request for a patch gives as a Mermaid chart; of a dataset, of the pair that it is about."""
    outcome = outcome_of(views, request)
    several = len(outcome.experiment.pairs) > 1
    return outcome.to_mermaid(number_of(outcome.experiment, request.pair) if several else None)


def outcome_of(views: Views, request: PatchRequest) -> PatchResult | TracedPath:
    """What a request for a patch gives, with the prompts that are shown."""
    experiment = views.of(request.direction, request.metric)
    if request.path is not None:
        return trace_path(experiment, request.path)
    if not request.patches:
        return unpatched(experiment)
    (outcome,) = views.patching(views.edits).run(experiment, [request.to_patches()])
    return outcome


def _stem(request: PatchRequest) -> str:
    """A name that any system takes: what is patched, and the direction."""
    patched = listed(request.sites, most=3, by="+") or "nothing"
    return f"{_NOT_IN_NAMES.sub('-', patched)[:LONGEST_STEM].strip('-.')}-{request.direction}"

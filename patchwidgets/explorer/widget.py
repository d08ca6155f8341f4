"""The explorer as a Jupyter widget: traits and dispatch only. A `PatchSession` answers its messages."""

import base64
import logging
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from patchwidgets.directions import Direction, checked_direction
from patchwidgets.errors import LoadError, PatchError, listed
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.explorer import kernel_interrupts
from patchwidgets.explorer.chosen import (
    ChosenPatch,
    asked_of,
    at_position,
    checked_pair,
    checked_position,
    position_of,
)
from patchwidgets.explorer.fields import ShownPair
from patchwidgets.explorer.history_list import HistoryList
from patchwidgets.explorer.map_fields import TOTAL, checked_field
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.requests import PatchRequest, checked_sites, chosen_at
from patchwidgets.explorer.saved_explorer import SavedExplorer
from patchwidgets.explorer.saved_page import STATIC, Part
from patchwidgets.explorer.session import PatchSession
from patchwidgets.explorer.single_sites import COMPONENTS, checked_components
from patchwidgets.explorer.sources import (
    ChosenSource,
    checked_choice,
    choice_data,
)
from patchwidgets.files.envelope import write
from patchwidgets.guesses.answering import Answering
from patchwidgets.guesses.attributes import EXPLORER
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.methods.paths.traced import TracedPath
from patchwidgets.sites import Component, Patchable
from patchwidgets.sources.source import SourceData
from patchwidgets.storage import write_file

_LOG = logging.getLogger(__name__)

if not (STATIC / "widget.js").is_file():
    raise LoadError(
        "The front end is not built: run 'make build', or install patchwidgets from a wheel."
    )


class PatchExplorer(Answering, anywidget.AnyWidget):
    """Three runs of a model as three lanes; a click patches, the charts follow.

    Parameters
    ----------
    experiment
        The experiment to explore. The explorer starts with its direction and its first metric.
    selection
        Sites, site strings or patches that are there from the beginning.

    Attributes
    ----------
    selection
        Sites that are patched, as strings, or one path, as ``"L20.H0->L23.H3.q"``. Setting it patches.
    direction
        ``"denoise"`` or ``"noise"``.
    metric
        The name of the metric that is shown.
    source
        What is put into the host: ``"source"``, the other run, or one of `pw.sources` that is data. Setting it patches
        what is selected with it. It reads as data, as `sources.to_json` writes it: ``{"kind": "zero"}``.
    position
        Where a click patches: ``"all"``, an index into the clean prompt, a name of the task, or a range such as
        ``"3:7"``. It follows what is patched; setting it moves what is patched there, if all of it is at one position.
    pair
        Which pair of a dataset is shown: its number, from 0, or ``"mean"`` over all. `result` has all of them.
    field
        What the maps show: ``"total"`` or ``"direct"`` effects, an ``"estimate"``, or effects through a receiver, such
        as ``"L23.H3.q"``.
    result
        The last patch or path.
    history
        Every patch so far, each once, as the page lists them: a list that has `to_frame()`. All but the last one have
        their numbers, and compute their logits again where these are asked for.
    wait_limit
        Seconds that `result` and `history` wait for a patch that still runs; 600 by default.

    Examples
    --------
    >>> w = exp.explore("L0.H1")
    >>> w.result
    PatchResult(L0.H1, denoise: logit diff +6.49..., effect +12.64..., recovery 0.99...)
    >>> w.metric = "answer_prob"
    >>> round(w.result.value, 2)
    1.0
    >>> w.select("L0.H1@-1", "L1.H2@-1", metric="logit_diff")
    >>> w.position, round(w.result.recovery, 2)
    (14, 0.99)

    Without L0.H1, the clean run loses the answer:

    >>> w.select("L0.H1", direction="noise")
    >>> w.source = pw.sources.zero()
    >>> w.result
    PatchResult(L0.H1 = zero(), noise: logit diff ...)
    """

    # The text, not the path: anywidget watches a path, and its watcher holds every explorer for ever.
    advice = EXPLORER
    _esm = (STATIC / "widget.js").read_text(encoding="utf-8")

    wait_limit = 600.0

    selection = traitlets.List(traitlets.Unicode()).tag(sync=True)
    direction: Any = traitlets.Enum(("denoise", "noise"), "denoise").tag(sync=True)
    metric = traitlets.Unicode("logit_diff").tag(sync=True)
    source: Any = traitlets.Any("source").tag(sync=True)
    position: Any = traitlets.Any("all").tag(sync=True)
    pair: Any = traitlets.Any("mean").tag(sync=True)
    field: Any = traitlets.Any(TOTAL).tag(sync=True)
    model_key = traitlets.Unicode().tag(sync=True)
    """The id of the widget's own model, by which a page finds its view in a notebook."""

    def __init__(self, experiment: BaseExperiment, selection: Sequence[Patchable] = ()) -> None:
        if not all(isinstance(each, str) for each in selection):
            experiment.checked(selection)
        asked = [asked_of(each) for each in selection]
        self._session = PatchSession(experiment, self._emit)
        super().__init__(direction=experiment.direction, metric=next(iter(experiment.metrics)))
        self.model_key = self.model_id or ""
        kernel_interrupts.watch(self._session)
        self.on_msg(self._receive)
        self.observe(self._ask, ["selection", "direction", "metric", "source", "pair"])
        self.observe(self._move, "position")
        sites = [each for each in asked if isinstance(each, str)]
        if len(sites) == len(asked):
            self.selection = sites
        else:
            self._ask_for(asked, self.direction, self.metric, self.pair)

    @property
    def experiment(self) -> BaseExperiment:
        """The experiment, in the direction and with the metric that are shown."""
        return self._session.experiment.turned(self.direction).focused(self.metric)

    @property
    def result(self) -> PatchResult | TracedPath | None:
        """The last patch or path; None if nothing was patched yet. Waits for a patch that still runs.

        Raises
        ------
        WaitError
            It runs for longer than `wait_limit`.
        """
        self._session.wait_for_patches(self.wait_limit)
        return self._session.result

    @property
    def history(self) -> HistoryList:
        """Every patch and path so far, each once, oldest first. Waits for one that runs, and raises as `result`."""
        self._session.wait_for_patches(self.wait_limit)
        return HistoryList(self._session.history, self._session.stamp)

    def select(self, *sites: Patchable, **chosen: Any) -> None:
        """Patch some sites, as clicks do; without any, nothing is patched. `result` waits for the answer.

        Parameters
        ----------
        sites
            Sites, site strings or patches, patched jointly. A `Patch` has a source of its own: ``pw.Patch("L1.H2.k",
            "host")`` is frozen.
        chosen
            `direction`, `metric`, `pair` or `field`, to be set together with them.

        Raises
        ------
        SiteError, MetricError, TaskError, PatchError
            One of them is not what the explorer has. Then nothing changes.

        Examples
        --------
        >>> w = exp.explore()
        >>> w.select("L0.H1", direction="noise")
        >>> w.result
        PatchResult(L0.H1, noise: logit diff ...)
        >>> w.select("L0.H1", pw.Patch("L0.mlp_out", "host"), direction="denoise")
        >>> w.result
        PatchResult(L0.H1 + L0.mlp_out = host, denoise: logit diff ...)
        """
        session = self._session.experiment
        checks: dict[str, Callable[[Any], Any]] = {
            "direction": checked_direction,
            "metric": lambda name: next(iter(session.focused(name).metrics)),
            "pair": lambda pair: checked_pair(pair, session),
            "field": lambda field: checked_field(field, session),
        }
        if unknown := chosen.keys() - checks.keys():
            raise PatchError(
                f"select() sets {', '.join(checks)}; got {', '.join(sorted(unknown))}."
            )
        # Checked before anything is set: several traits change together, or none does.
        now = {name: getattr(self, name) for name in checks}
        wanted = now | {name: checks[name](value) for name, value in chosen.items()}
        field = wanted.pop("field")
        self._ask_for([asked_of(site) for site in sites], **wanted)
        self.field = field

    def to_code(self) -> str:
        """The lines of Python that give the numbers on the screen.

        They use the variable ``model``. What cannot be written as code, such as a metric that is a function, is a
        variable too, and a comment says which.

        Examples
        --------
        >>> print(exp.explore("L0.H1").to_code())
        import patchwidgets as pw
        <BLANKLINE>
        task = pw.Task(
            clean='When Mary and John went to the store, John gave a drink to',
            corrupted='When Mary and John went to the store, Mary gave a drink to',
            answer=' Mary',
            foil=' John',
            positions={'S2': 9},
        )
        exp = pw.Experiment(model, task, metric='logit_diff', direction='denoise')
        r = exp.patch('L0.H1')
        r.value, r.effect, r.share, r.recovery
        """
        return self._session.code_of(self._session.latest)

    def to_mermaid(self) -> str:
        """What is shown as a flowchart in Mermaid's language, as of `PatchResult.to_mermaid`.

        Examples
        --------
        >>> exp.explore("L0.H1").to_mermaid() == exp.patch("L0.H1").to_mermaid()
        True
        """
        return self._session.mermaid()

    def to_html(
        self, path: str | Path | None = None, components: Sequence[Component] = COMPONENTS
    ) -> str:
        """The explorer as one HTML file, which needs neither Python nor the network.

        It shows what is shown now, and answers clicks on what was patched so far and on every single site of some
        components, in both directions and every metric: exact values, with next tokens, maps and reach (rounded to
        hundredths). Patches that cannot change anything, such as one behind the last token that is read, it answers
        too: with 0. Whatever else is clicked, it says that this was not computed, and the line of Python that would.
        Of a dataset it has the mean, and every pair if there are up to 8 (and few sites), otherwise the one that is
        shown. Costs a sweep in each direction: 1.3 s and 320 KB for the teaching model, 9 s and 940 KB for SmolLM2's
        3,240 sites and directions, on two cores.

        Parameters
        ----------
        path
            Where to write it; None writes nothing.
        components
            Whose single sites it answers: heads (``"z"``) and layers at all positions, layers at each position. None
            of them makes a page of what was patched.

        Returns
        -------
        str
            The text of the file.

        Raises
        ------
        FileError
            The file cannot be written.
        SiteError
            A component that there is not.

        Examples
        --------
        >>> page = exp.explore("L0.H1").to_html()
        >>> page[:15], "exp.patch(&#x27;L0.H1&#x27;)" in page
        ('<!doctype html>', True)
        """
        page = page_of(self, components=checked_components(components))
        if path is not None:
            write_file(path, page.encode())
        return page

    def save(self, path: str | Path) -> None:
        """Write the explorer to a JSON file: task, selection, all that is chosen, and the history with its numbers.

        `pw.open` opens it again, with the model as an explorer that goes on from here, or without it to read. What no
        file holds are metrics that are functions: `pw.open` asks for them.

        Raises
        ------
        FileError
            The disk is full, or the place cannot be written.
        WaitError
            A patch runs for longer than `wait_limit`.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> w = exp.explore("L0.H1")
        >>> with TemporaryDirectory() as folder:
        ...     w.save(f"{folder}/session.json")
        ...     again = pw.open(f"{folder}/session.json", model)
        >>> again, again.result.effect == w.result.effect
        (PatchExplorer('teaching model', L0.H1, denoise, logit_diff), True)
        """
        self._session.wait_for_patches(self.wait_limit)
        write(path, "explorer", self._session.data(self.field), self._session.stamp)

    def restore(self, saved: SavedExplorer, again: bool = False) -> None:
        """Go on from a file; `pw.open` calls it.

        Parameters
        ----------
        saved
            What the file says. This explorer has its task and metrics.
        again
            Patch everything again, because the weights are others.

        Raises
        ------
        SiteError, PatchError, MetricError, ProtocolError, TaskError, AnswerError, FileError
            The model does not have what is in the file.
        """
        request = self._session.restore(saved, again)
        self.field = self._session.field
        self._show(request)

    @property
    def circuit(self) -> Circuit:
        """What is selected, as a circuit: nodes, or the edge that is a path of one step.

        Raises
        ------
        SiteError
            Something that no circuit is made of, such as ``resid_pre`` or a query.

        Examples
        --------
        >>> w = exp.explore("L0.H1", "L1.H2")
        >>> w.circuit
        Circuit(2 nodes: L0.H1, L1.H2)
        >>> round(exp.evaluate(w.circuit).faithfulness, 2)
        0.15
        """
        return Circuit(self.selection)

    def close(self) -> None:
        """Stop the work and take the widget off the page."""
        if "_session" in vars(self):  # not if what was to be patched was refused
            self._session.close()
        super().close()

    def __repr__(self) -> str:
        patched = listed(self.selection) or "nothing patched"
        return f"PatchExplorer({self._session.experiment.model.name!r}, {patched}, {self.direction}, {self.metric})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The live view, with a picture beside it for viewers that run no scripts."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            try:
                self._session.wait_for_patches(self.wait_limit)
                png = self._session.picture()
                bundle[0]["image/png"] = base64.b64encode(png).decode()
                width, height = struct.unpack(">II", png[16:24])
                # Of twice the pixels: sharp also where a page is magnified.
                bundle[1]["image/png"] = {"width": width // 2, "height": height // 2}
            except Exception:  # noqa: BLE001 - the live view does not need the picture
                _LOG.exception("The picture beside the explorer could not be drawn.")
        return bundle

    @traitlets.validate("selection")
    def _checked_selection(self, proposal: Any) -> list[str]:
        return self._check_sites(proposal["value"], self._choice())

    def _check_sites(self, sites: list[str], choice: ChosenSource) -> list[str]:
        experiment = self._session.experiment
        asked = [(site, chosen_at(site, choice, experiment)) for site in sites]
        return [site for site, _ in checked_sites(asked, experiment)]

    @traitlets.validate("source")
    def _checked_source(self, proposal: Any) -> Any:
        value = proposal["value"]
        choice = checked_choice(choice_data(value) if isinstance(value, SourceData) else value)
        self._check_sites(self.selection, choice)
        return choice_data(choice)

    @traitlets.validate("metric")
    def _checked_metric(self, proposal: Any) -> str:
        return next(iter(self._session.experiment.focused(proposal["value"]).metrics))

    @traitlets.validate("position")
    def _checked_position(self, proposal: Any) -> Any:
        return checked_position(proposal["value"], self._session.experiment)

    @traitlets.validate("pair")
    def _checked_pair(self, proposal: Any) -> Any:
        return checked_pair(proposal["value"], self._session.experiment)

    @traitlets.validate("field")
    def _checked_field(self, proposal: Any) -> str:
        return checked_field(proposal["value"], self._session.experiment)

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        field = self._session.field
        request = self._session.handle(content)
        if self._session.field != field:
            self.field = self._session.field
        if request is None:
            self.position = self._session.position
            return
        # Another thread may take the next click meanwhile: the traits always end at the newest request.
        shown = None
        while (latest := self._session.latest) is not shown:
            shown = latest
            self._show(latest)

    def _show(self, request: PatchRequest) -> None:
        with self.hold_trait_notifications():
            self.selection = request.sites
            self.direction, self.metric = request.direction, request.metric
            self.pair = request.pair
            self.source = choice_data(request.source)
            self.position = self._session.position

    def _ask(self, _change: Any) -> None:
        """Ask for what was changed in Python. What a click has changed is asked for already."""
        latest = self._session.latest
        asked = (
            latest.sites,
            latest.direction,
            latest.metric,
            choice_data(latest.source),
            latest.pair,
        )
        if (self.selection, self.direction, self.metric, self.source, self.pair) != asked:
            same = (self.selection, self.source) == (latest.sites, asked[3])
            sites = latest.patches if same else self.selection
            self._session.ask(sites, self.direction, self.metric, self._choice(), self.pair)
            self.position = self._session.position

    def _ask_for(
        self, sites: Sequence[ChosenPatch], direction: Direction, metric: str, pair: ShownPair
    ) -> None:
        """Ask for patches that may have sources of their own, which no trait holds."""
        self._session.ask(sites, direction, metric, self._choice(), pair)
        self._show(self._session.latest)

    def _choice(self) -> ChosenSource:
        return checked_choice(self.source)

    def _move(self, _change: Any) -> None:
        """Move what is patched to a position that was chosen in Python, if all of it is at one."""
        if self.position == self._session.position:
            return
        self._session.position = self.position
        if self._session.latest.cuts:
            return
        if position_of(self.selection, self._session.experiment) is not None:
            sources = [source for _, source in self._session.latest.patches]
            moved = zip(at_position(self.selection, self.position), sources, strict=True)
            self._ask_for(list(moved), self.direction, self.metric, self.pair)

    def _emit(self, message: Message, buffers: Buffers) -> None:
        self.send(message, buffers)


def page_of(
    explorer: PatchExplorer, part: Part | None = None, components: Sequence[Component] = COMPONENTS
) -> str:
    """The page of an explorer, once its patches are there, with something above it; for quiz pages."""
    explorer._session.wait_for_patches(explorer.wait_limit)
    return explorer._session.page(components=components, part=part)

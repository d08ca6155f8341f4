"""A circuit: chosen by scores, pruned, read and written. Costs nothing."""

import json
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, Literal

from patchwidgets.edges import Path
from patchwidgets.errors import SiteError, listed, shown
from patchwidgets.files.envelope import Opened, read_as, write
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.methods.circuits.circuit_chart import circuit_chart
from patchwidgets.methods.circuits.graph import connected_edges, connected_nodes, to_networkx
from patchwidgets.methods.circuits.member_set import MemberSet
from patchwidgets.methods.circuits.members import (
    By,
    ranked,
    scores_of,
    sizes,
)
from patchwidgets.methods.circuits.mib import Grouped, content, read
from patchwidgets.methods.circuits.sizes import Sizes
from patchwidgets.models.model import Model
from patchwidgets.models.stamp import stamp_of
from patchwidgets.sites import Site
from patchwidgets.storage import write_file
from patchwidgets.sweep.sweep_result import SweepResult

Scores = SweepResult | Mapping[Any, float]
"""A number for each node or edge: the effects of a sweep, or a dict by name."""


class Circuit(MemberSet):
    """A set of nodes or of edges of a model, perhaps with a score for each.

    Two circuits are equal if they have the same members, whatever the scores.

    Parameters
    ----------
    members
        All nodes or all edges, as strings, sites or paths. Nodes write into the residual stream: ``embed``, heads,
        ``attn_out``, ``mlp_out`` and neurons. Edges go from one of these (no neurons) to one receiver. Both may have a
        position. The sites that are selected in an explorer will do: ``pw.Circuit(w.selection)``.
    scores
        A number for some or all of the members.

    Attributes
    ----------
    members
        As a frozenset of `Site` or of paths. Iterating over the circuit gives them in the order of the layers.

    Raises
    ------
    SiteError
        No list, nodes and edges together, something that no circuit is made of, or scores of what is no member.

    Examples
    --------
    >>> circuit = pw.Circuit(["embed", "L0.H1", "L0.mlp_out"]) | pw.Circuit(["L1.H2"])
    >>> circuit, len(circuit), "L0.H1" in circuit
    (Circuit(4 nodes: embed, L0.H1, L0.mlp_out, L1.H2), 4, True)
    >>> edges = pw.Circuit(["embed->L0.H1.v", "L0.H1->logits", "L1.H0->logits"])
    >>> edges.prune()
    Circuit(2 edges: embed->L0.H1.v, L0.H1->logits)
    """

    @classmethod
    def top(
        cls, scores: Scores, n: int, *, by: By = "size", metric: str | None = None
    ) -> "Circuit":
        """The `n` nodes or edges with the largest scores.

        Parameters
        ----------
        scores
            The effects of a sweep, or a dict from names to numbers. What is NaN is not chosen.
        n
            How many.
        by
            ``"size"``: ``|score|``; ``"positive"``: the score itself; ``"negative"``: minus the score.
        metric
            Of a sweep: whose effects; the first metric by default.

        Raises
        ------
        SiteError
            There are not so many, or they are not nodes or edges.

        Examples
        --------
        >>> pw.Circuit.top(exp.sweep("z", progress=False), 2)
        Circuit(2 nodes: L0.H1, L1.H1)
        """
        found = scores_of(scores, metric)
        order = ranked(found, by)
        if not isinstance(n, int) or not 0 <= n <= len(order):
            raise SiteError(f"n is {shown(n)}; expected a number from 0 to {len(order)}.")
        return cls._scored(order[:n], found)

    @classmethod
    def above(
        cls, scores: Scores, x: float, *, by: By = "size", metric: str | None = None
    ) -> "Circuit":
        """The nodes or edges whose score is larger than `x`; other parameters are those of `top`.

        Examples
        --------
        >>> pw.Circuit.above(exp.sweep("z", progress=False), 3, by="positive")
        Circuit(1 node: L0.H1)
        """
        found = scores_of(scores, metric)
        is_large = sizes(found, by) > x
        return cls._scored([m for m, large in zip(found, is_large, strict=True) if large], found)

    @classmethod
    def all_nodes(cls, model: Model) -> "Circuit":
        """``embed``, every head and every MLP of a model.

        Examples
        --------
        >>> len(pw.Circuit.all_nodes(model))
        21
        """
        return cls(Sizes.of(model).nodes())

    @classmethod
    def all_edges(cls, model: Model) -> "Circuit":
        """Every edge of a model, from ``embed``, heads and MLPs to q, k and v of each head, MLPs and the logits.

        Examples
        --------
        >>> len(pw.Circuit.all_edges(model))
        479
        """
        return cls(Sizes.of(model).edges())

    def prune(self, model: Model | None = None) -> "Circuit":
        """Leave out what leads nowhere: what is not on a way from ``embed`` to the logits.

        Of edges, the way goes through edges of the circuit; positions are not looked at, since attention leads from one
        to others. Of nodes, all edges between them count, and each node has one from ``embed`` and one to the logits:
        so all stay, or, without ``embed``, none.

        Parameters
        ----------
        model
            Needed where an edge ends at a key-value head, to know which heads share it.

        Raises
        ------
        SiteError
            The model is needed and not given.

        Examples
        --------
        >>> pw.Circuit(["L0.H1", "L0.mlp_out"]).prune(), len(pw.Circuit.all_edges(model).prune(model))
        (Circuit(nothing), 479)
        """
        n_per_kv = None if model is None else Sizes.of(model).n_per_kv
        edges = connected_edges((m for m in self.members if isinstance(m, Path)), n_per_kv)
        nodes = connected_nodes(m for m in self.members if isinstance(m, Site))
        return self._scored([*nodes, *edges], self.scores)

    def save(self, path: str | FilePath, model: Model | None = None) -> None:
        """Write the circuit to a JSON file, with its scores; whole or not at all.

        Parameters
        ----------
        model
            Whose circuit it is: the file then has the fingerprint of its weights.

        Raises
        ------
        FileError
            The disk is full, the place cannot be written, or a score is infinite.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> circuit = pw.Circuit(["embed->L0.H1.v@-1", "L0.H1->logits"], {"L0.H1->logits": 2.5})
        >>> with TemporaryDirectory() as folder:
        ...     circuit.save(f"{folder}/circuit.json", model)
        ...     again = pw.Circuit.load(f"{folder}/circuit.json")
        >>> again == circuit, again.scores == circuit.scores
        (True, True)
        """
        with Uninterrupted():
            from patchwidgets.methods.circuits.saved import members_data

        data = members_data(self, self.scores)
        write(path, "circuit", data, None if model is None else stamp_of(model))

    @classmethod
    def load(cls, path: str | FilePath, max_bytes: int | None = None) -> "Circuit":
        """Read a circuit that `save` wrote, which has an example; `from_json` reads the form of the MIB benchmark.

        Parameters
        ----------
        max_bytes
            The size up to which a file is read; 64 MiB by default.

        Raises
        ------
        FileError
            The file cannot be read, is too large, is damaged, holds something else, or is of a later version.
        """
        return read_as(path, "circuit", cls.of_file, max_bytes)

    @classmethod
    def of_file(cls, opened: Opened) -> "Circuit":
        """Return what was read from a file, as `load`."""
        with Uninterrupted():
            from patchwidgets.methods.circuits.saved import MembersSchema

        with opened.decoding():
            return cls(*MembersSchema.model_validate(opened.content).parsed())

    @classmethod
    def from_json(
        cls,
        path: str | FilePath,
        *,
        level: Literal["edge", "node"] = "edge",
        model: Model | None = None,
        grouped: Grouped | None = None,
        everything: bool = False,
    ) -> "Circuit":
        """Read a circuit from JSON of the MIB benchmark's circuit track, with its scores.

        Parameters
        ----------
        level
            Whether the circuit is what the file says of edges or of nodes.
        model
            The sizes in the file must be those of this model. Needed with grouped-query attention, of which the file
            does not speak: it has a key and a value for each query head, here heads share them. Scores of edges that
            are joined so are added.
        grouped
            Which edges to a shared key-value head to keep where its query heads disagree: those that ``"any"`` of them
            has, or that ``"all"`` of them have.
        everything
            Read every node or edge with its score, in the circuit or not; a faithfulness curve takes these scores.

        Raises
        ------
        FileError
            The file cannot be read, or has another form; the message says where.
        SiteError
            Query heads of a group disagree, and `grouped` is not given.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> circuit = pw.Circuit(["embed->L0.H1.v", "L0.H1->logits"], {"L0.H1->logits": 2.5})
        >>> with TemporaryDirectory() as folder:
        ...     circuit.to_json(f"{folder}/circuit.json", model)
        ...     again = pw.Circuit.from_json(f"{folder}/circuit.json", model=model)
        >>> again == circuit, max(again.scores.values())
        (True, 2.5)
        """
        found = read(path, level, grouped, None if model is None else Sizes.of(model))
        inside = [m for m, (in_graph, _) in found.items() if in_graph or everything]
        scores = {m: score for m, (_, score) in found.items() if score is not None}
        return cls._scored(inside, scores)

    def to_json(self, path: str | FilePath, model: Model) -> None:
        """Write the circuit as JSON of the MIB benchmark's circuit track.

        It has every node and edge of the model; what has no score gets 0. With grouped-query attention, an edge to a
        key-value head becomes one for each of its query heads, which get equal parts of its score. Of a circuit of
        nodes, all edges are in the circuit that begin at its nodes.

        Raises
        ------
        SiteError
            A member that the form has no name for: one with a position, ``attn_out``, or a neuron; or one that this
            model does not have.
        FileError
            The file cannot be written.
        """
        sizes_of_model = Sizes.of(model)
        known = {*sizes_of_model.edges(), *sizes_of_model.nodes()}
        data = content(sizes_of_model, self.members, self.scores)
        if unknown := [str(member) for member in self if member not in known]:
            raise SiteError(f"{model.name} does not have {listed(unknown, by=', ')}.")
        write_file(path, json.dumps(data).encode())

    def to_mermaid(self, model: Model | None = None) -> str:
        """The circuit as a flowchart in Mermaid's language, which GitHub, notebooks and many editors draw.

        Of edges: an arrow from each sender to the component that reads it, with what of it (``q``, ``k``, ``v``) and
        the score; keys and values that several heads share stand alone. Of nodes: layer by layer, with their scores.
        ``exp.evaluate(circuit).to_mermaid()`` shows what it does.

        Parameters
        ----------
        model
            With it, dotted arrows lead from keys and values that several heads share to these heads.

        Raises
        ------
        SiteError
            It has more than 200 members: Mermaid draws no such picture.

        Examples
        --------
        >>> print(pw.Circuit(["embed->L0.H1.v", "L0.H1->logits"], {"L0.H1->logits": 2.5}).to_mermaid())
        flowchart LR
          accTitle: Circuit
          accDescr: A circuit of 2 edges
          node_0(["embed"]):::other
          node_1["L0.H1"]:::other
          node_0 -- "v" --> node_1
          node_2(["logits"]):::other
          node_1 -- "+2.5" --> node_2
          classDef other fill:#F0F1F3,stroke:#6E7781,color:#1F2328
        """
        n_per_kv = None if model is None else Sizes.of(model).n_per_kv
        return circuit_chart(self.members, self.scores, n_per_kv)

    def to_networkx(self, model: Model | None = None) -> Any:
        """Return the circuit as a ``networkx.DiGraph``.

        Of edges: an arc with ``kind="edge"`` and perhaps a ``score`` from each sender to its receiver, and one with
        ``kind="part"`` from each receiver to the nodes that read it (from ``L9.H6.q`` to ``L9.H6``, from ``L9.mlp_in``
        to ``L9.mlp_out``), so that ways of the circuit are ways in the graph. Of nodes: an arc from each to every
        later one and to the logits.

        Parameters
        ----------
        model
            As for `prune`.

        Raises
        ------
        LoadError
            networkx is not installed.
        SiteError
            The model is needed and not given.

        Examples
        --------
        >>> graph = pw.Circuit(["embed->L0.H1.v", "L0.H1->logits"]).to_networkx()
        >>> sorted(graph.edges)
        [('L0.H1', 'logits'), ('L0.H1.v', 'L0.H1'), ('embed', 'L0.H1.v')]
        """
        n_per_kv = None if model is None else Sizes.of(model).n_per_kv
        return to_networkx(self.members, self.scores, n_per_kv)

"""The role of single backticks in docstrings: a link to the thing of this name, or plain code.

A name that begins with something of ours must be there: `Experiment.patch`, `pw.plot.heatmap`. A parameter, or a word
of another package, stays code.
"""

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import patchwidgets

PACKAGE = "patchwidgets"


def name_role(
    name: str,
    rawtext: str,
    text: str,
    lineno: int,
    inliner: Inliner,
    options: object = None,
    content: object = (),
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Return a reference that `resolved` answers."""
    env = inliner.document.settings.env
    target = text.removesuffix("()")
    reference = pending_xref(
        rawtext,
        nodes.literal(text, text, classes=["xref"]),
        refdomain="py",
        reftype="obj",
        reftarget=target,
        refdoc=env.docname,
        refwarn=False,
        refexplicit=False,
    )
    for key in ("py:module", "py:class"):
        reference[key] = env.ref_context.get(key)
    reference["ours"] = True
    return [reference], []


def resolved(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element
) -> nodes.Element | None:
    """Find what a name means from where it stands; what is no name of ours stays code."""
    if not node.get("ours"):
        return None
    domain = env.domains.python_domain
    target = node["reftarget"].removeprefix("pw.").removeprefix(f"{PACKAGE}.")
    within = node.get("py:class") or ""
    places = [
        f"{PACKAGE}.{within}.{target}",
        f"{PACKAGE}.{target}",
        f"{node.get('py:module')}.{target}",
    ]
    places += sorted((each for each in domain.objects if each.endswith(f".{target}")), key=len)
    for place in places:
        if place in domain.objects:
            found = domain.objects[place]
            return nodes.reference(
                "", "", contnode, internal=True, reftitle=place,
                refuri=f"{app.builder.get_relative_uri(node['refdoc'], found.docname)}#{found.node_id}",
            )  # fmt: skip
    owner, _, name = target.rpartition(".")
    if f"{PACKAGE}.{owner}" in domain.objects and name in fields_of(owner):
        return contnode
    if (
        node["reftarget"].startswith(("pw.", f"{PACKAGE}."))
        or f"{PACKAGE}.{owner.partition('.')[0]}" in domain.objects
    ):
        return None  # nitpicky says that it is missing
    return contnode


def fields_of(owner: str) -> set[str]:
    """The fields of a class that are described in its docstring, not on their own."""
    found = patchwidgets
    for name in owner.split("."):
        found = getattr(found, name)
    return set(getattr(found, "__dataclass_fields__", ()))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it."""
    app.add_role("name", name_role)
    app.connect("missing-reference", resolved, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

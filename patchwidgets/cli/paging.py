"""``patchwidgets page``: the explorer of a model and a task as one HTML file. Costs a sweep in each direction."""

from typing import Annotated

import typer

from patchwidgets.cli import options as given
from patchwidgets.cli.inputs import find_task, free_place, load_model, naming_rows
from patchwidgets.cli.options import several
from patchwidgets.cli.running import answering, say


@answering
def page(
    task: given.TaskText,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where to write it, an .html.")
    ],
    model: given.ModelName = "teaching",
    metric: given.Metrics = "logit_diff",
    direction: given.DirectionName = "denoise",
    sites: Annotated[
        str | None, typer.Option("--sites", help="What is patched as it opens: L0.H1,L1.mlp_out.")
    ] = None,
    components: Annotated[
        str, typer.Option("--components", help="Whose single sites it answers, with commas.")
    ] = "z,attn_out,mlp_out,resid_pre",
    force: given.Force = False,
    dtype: given.DtypeName = "float32",
    device: given.Device = None,
    device_map: given.DeviceMap = None,
    revision: given.Revision = None,
    trust_remote_code: given.TrustRemoteCode = False,
    traceback: given.Traceback = False,
) -> None:
    """Save the explorer as one HTML file.

    It needs neither Python nor the network, and answers clicks on every single site of the components, in both
    directions and every metric, with exact values.

    \b
    For example:
      patchwidgets page ioi:4 -o page.html
      patchwidgets page pairs.csv -o page.html -m smollm2 --sites L23.H3 --metric logit_diff,kl
    """
    if not output.lower().endswith((".html", ".htm")):
        raise typer.BadParameter(f"-o {output} does not end in .html, which browsers open")
    place = free_place(output, force)
    find = find_task(task)
    loaded = load_model(model, dtype, device, device_map, revision, trust_remote_code)
    import patchwidgets as pw

    metrics = several(metric) or metric
    with naming_rows(task):
        experiment = pw.Experiment(loaded, find(loaded), metrics, direction)
    text = experiment.to_html(place, *(several(sites) or []), components=several(components) or [])  # type: ignore[arg-type]
    say(
        f"{place}: the explorer of {loaded.name}, {len(text.encode()):,} bytes. A browser opens it."
    )

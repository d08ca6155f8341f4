"""``patchwidgets check``: what a model is, and whether its parts add up. Costs two short passes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from patchwidgets.cli import options as given
from patchwidgets.cli.inputs import load_model
from patchwidgets.cli.running import FAILED, answering, say, table

if TYPE_CHECKING:
    import patchwidgets as pw
    from patchwidgets.models.verification import Check


@answering
def check(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="'teaching' or 'smollm2', both offline; a folder, or a name on the Hugging Face hub.",
        ),
    ] = "teaching",
    dtype: given.DtypeName = "float32",
    device: given.Device = None,
    device_map: given.DeviceMap = None,
    revision: given.Revision = None,
    trust_remote_code: given.TrustRemoteCode = False,
    traceback: given.Traceback = False,
) -> None:
    """Check that a model can be patched.

    The identities between its parts have to hold in every layer. They are measured on a short random input, reading
    and writing. A gap is relative to what was read. The exit code is 1 if one is larger than allowed.

    \b
    For example:
      patchwidgets check smollm2
      patchwidgets check gpt2 --dtype bfloat16
    """
    import logging

    logging.getLogger("patchwidgets").setLevel(logging.ERROR)  # the table says what failed
    loaded = load_model(model, dtype, device, device_map, revision, trust_remote_code, "warn")
    say("\n".join(report(loaded)))
    if not loaded.checks.passed:
        raise typer.Exit(FAILED)


def report(model: "pw.Model") -> list[str]:
    """Return what a model is, its identities with their largest gaps, and what of it can be patched.

    Examples
    --------
    >>> from patchwidgets.cli.checking import report
    >>> print("\\n".join(report(model)[:5]))
    teaching model: 4 layers × 4 heads, d_model 128, float32, cpu
    <BLANKLINE>
    identity                                            layers  largest gap  allowed
    resid_pre + attn_out = resid_mid                         4  ...
    resid_mid + mlp_out = resid_post                         4  ...
    """
    rows = [["identity", "layers", "largest gap", "allowed", ""]]
    for identity in dict.fromkeys(each.identity for each in model.checks.checks):
        of_layers = [each for each in model.checks.checks if each.identity == identity]
        worst = max(of_layers, key=lambda each: (not each.passed, each.gap))
        verdict = "" if worst.passed else f"fails, first at layer {_first_failure(of_layers)}"
        numbers = [f"{worst.gap:.1e}", f"{worst.tolerance:.1e}"]
        rows.append([identity, str(len(of_layers)), *numbers, verdict])
    heading = f"{model.name}: {repr(model).partition(', ')[2].removesuffix(')')}"
    return [heading, "", *table(rows), "", f"{model.checks}.", *_components(model)]


def _first_failure(checks: "Sequence[Check]") -> int:
    return next(each.layer for each in checks if not each.passed)


def _components(model: "pw.Model") -> list[str]:
    from patchwidgets.components import COMPONENTS
    from patchwidgets.errors import RefusedError

    there, refused = [], []
    for component in COMPONENTS:
        try:
            model.sites(component)
            there.append(component)
        except RefusedError as error:
            refused.append(f"Not {component}: {error}")
    return [f"What can be patched: {', '.join(there)}.", *refused]

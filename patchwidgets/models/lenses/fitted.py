"""The Jacobian lens that belongs to a model: in the package for the teaching model, in the cache for any other.

Finding one costs a checksum of some of the weights (10 ms for SmolLM2) and reading its file.
"""

from pathlib import Path

from patchwidgets.errors import LensError
from patchwidgets.models.converted import cache_folder
from patchwidgets.models.layout import Layout
from patchwidgets.models.lenses.jacobian_lens import JacobianLens
from patchwidgets.models.smollm2 import SMOLLM2_NAME
from patchwidgets.models.weights_mark import weights_checksum

SHIPPED = Path(__file__).parents[2] / "data" / "lenses"


def lens_path(folder: Path, weights: str) -> Path:
    """Return the file in which a folder keeps the lens of a model with these weights."""
    return folder / f"jacobian-{weights[:16]}.safetensors"


def fitted_folder() -> Path:
    """Return where lenses are kept that were fitted here: under ``$PATCHWIDGETS_CACHE``, or in the user's cache."""
    return cache_folder() / "lenses"


def fitted_lens(layout: Layout) -> JacobianLens:
    """Return the Jacobian lens that was fitted on this model.

    Raises
    ------
    LensError
        There is none; the message says how to fit one.
    FileError
        Its file is damaged.
    """
    if (path := _fitted_path(layout)) is not None:
        return JacobianLens.load(path)
    name = "smollm2" if layout.name == SMOLLM2_NAME else f"'{layout.name}'"
    raise LensError(
        f"No Jacobian lens was fitted yet on {layout.name}. Fit one, once: python -m patchwidgets.methods.fit_lens "
        f"{name} (a name or folder as pw.load takes it), or pw.fit_lens(model, texts) for a model from pw.wrap; or "
        "give one: run.lens(method=pw.JacobianLens.load(...)). method='logit' needs none."
    )


def has_fitted_lens(layout: Layout) -> bool:
    """Return whether a Jacobian lens was fitted on this model; its file is not read."""
    return _fitted_path(layout) is not None


def _fitted_path(layout: Layout) -> Path | None:
    weights = weights_checksum(layout.hf_model)
    paths = (lens_path(folder, weights) for folder in (SHIPPED, fitted_folder()))
    return next((path for path in paths if path.is_file()), None)

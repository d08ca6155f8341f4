"""Controls and spectra on helices made by hand."""

import numpy as np
import pytest

from patchwidgets import helix
from patchwidgets.helix import CIRCLES, HELIX, LINE, Basis

NUMBERS = list(helix.NUMBERS)


def wound(basis: Basis, d: int = 30, seed: int = 0) -> np.ndarray:
    """Activations that are exactly a linear map of a basis, plus a constant."""
    rng = np.random.default_rng(seed)
    return 3 + basis.features(NUMBERS) @ rng.standard_normal((len(basis), d))


def test_compare_knows_a_helix_from_its_controls():
    _, unseen = helix.hold_out(NUMBERS)
    found = helix.compare(NUMBERS, wound(HELIX), unseen, sets=50)
    assert found["helix"] == pytest.approx(1)
    assert found["PCA"] == pytest.approx(1)
    assert found["random features"] < 0.1
    assert all(found[name] < 0.95 for name in ("line", "polynomial", "random periods"))
    assert found == helix.compare(NUMBERS, wound(HELIX), unseen, sets=50)


def test_a_line_is_a_line():
    _, unseen = helix.hold_out(NUMBERS)
    found = helix.compare(NUMBERS, wound(LINE), unseen, sets=5)
    assert found["line"] == pytest.approx(1)
    assert found["polynomial"] == pytest.approx(1)


def test_choose_layer():
    noise = np.random.default_rng(1).standard_normal((100, 30))
    layers = [wound(HELIX) + strength * noise for strength in (3, 0.5, 1)]
    assert helix.choose_layer(NUMBERS, layers) == 1


def test_spectrum_of_circles():
    found = helix.spectrum(
        np.concatenate([2 * Basis((10,), 0).features(NUMBERS), CIRCLES.features(NUMBERS)], axis=1)
    )
    assert len(found.periods) == 50
    assert (found.periods[0], found.periods[-1]) == (100, 2)
    assert found.power.sum() == pytest.approx(1)
    # A circle of radius 1 has variance 1; at period 2 the sine is nothing, and the cosine alone has variance 1 too.
    assert dict(found.strongest(4)) == pytest.approx({10: 5 / 8, 2: 1 / 8, 5: 1 / 8, 100: 1 / 8})

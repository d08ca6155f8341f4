"""The helix of numbers and its spectrum."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import patchwidgets as pw
from patchwidgets.errors import PatchError
from tests.plot.layout import assert_nothing_overlaps

NUMBERS = list(range(40))


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    """Numbers on a circle of period 5 and on a line: a perfect helix."""
    angle = 2 * np.pi * np.array(NUMBERS) / 5
    return np.stack([np.cos(angle), np.sin(angle), np.array(NUMBERS) / 100, np.zeros(40)], axis=1)


BASIS = pw.helix.Basis(periods=(5,))


def test_the_bars_of_a_spectrum_are_its_power(wave: np.ndarray) -> None:
    spectrum = pw.helix.spectrum(wave[:, :2])
    ax = pw.plot.spectrum(spectrum, k=1, ax=Figure().subplots())
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == pytest.approx(list(spectrum.power))
    # 8 waves of period 5 in 40 numbers.
    assert int(np.argmax(heights)) == 7
    assert heights[7] == pytest.approx(1)
    assert [text.get_text() for text in ax.texts] == ["5"]
    assert ax.get_xlabel() == "frequency (cycles in 40 numbers)"
    colours = {bar.get_facecolor() for bar in ax.patches}
    assert len(colours) == 2
    with pytest.raises(PatchError, match=r"pw\.helix\.spectrum\(\.\.\.\) returns; got ndarray"):
        pw.plot.spectrum(wave)  # type: ignore[arg-type]


def test_numbers_lie_on_the_circle_of_their_period(wave: np.ndarray) -> None:
    fit = pw.helix.fit_numbers(NUMBERS, wave, BASIS)
    ax = pw.plot.helix(fit, wave, NUMBERS, period=5, basis=BASIS, ax=Figure().subplots())
    (dots,) = ax.collections
    assert np.allclose(dots.get_offsets(), wave[:, :2])
    assert list(dots.get_array()) == [number % 5 for number in NUMBERS]  # type: ignore[arg-type]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_aspect()) == ("cos", "sin", 1.0)
    named = {text.get_text(): text.get_position() for text in ax.texts}
    for residue in range(5):
        x, y = named[str(residue)]
        assert np.allclose(np.array([x, y]) / np.hypot(x, y), wave[residue, :2])


@pytest.mark.parametrize("far", [1, 3, 12])
def test_names_stand_outside_of_all_dots_and_ticks_apart(wave: np.ndarray, far: float) -> None:
    """Of a bad fit, dots lie far outside of the circle; here in panels of a narrow figure."""
    basis = pw.helix.Basis(periods=(10,))
    angle = 2 * np.pi * np.array(NUMBERS) / 10
    ten = np.stack([np.cos(angle), np.sin(angle), wave[:, 2], wave[:, 3]], axis=1)
    fit = pw.helix.fit_numbers(NUMBERS, ten, basis)
    away = np.linspace(0, far, len(NUMBERS))[:, None] * ten

    def circle(ax: Axes) -> Axes:
        return pw.plot.helix(fit, away, NUMBERS, period=10, basis=basis, ax=ax)

    figure = pw.plot.panels("abcd", height=2.2, **dict.fromkeys("abcd", circle))
    assert_nothing_overlaps(figure)
    ax = figure.axes[0]
    assert sum(abs(tick) < ax.get_xlim()[1] for tick in ax.get_xticks()) >= 3
    dots = np.asarray(ax.collections[0].get_offsets())
    outermost = max(1, np.hypot(*dots.T).max())
    names = [text for text in ax.texts if text.get_gid() != "panel"]
    assert [text.get_text() for text in names] == [str(i) for i in range(10)]
    for i, text in enumerate(names):
        x, y = text.get_position()
        assert np.hypot(x, y) > outermost
        assert np.arctan2(y, x) % (2 * np.pi) == pytest.approx(2 * np.pi * i / 10, abs=1e-6)
        box = ax.transData.inverted().transform(text.get_window_extent())
        assert np.hypot(*np.clip((0, 0), *box)) > outermost
        assert np.abs(box).max() < ax.get_xlim()[1]


def test_the_line_and_a_period_with_a_cosine_alone_are_drawn_over_the_numbers(
    wave: np.ndarray,
) -> None:
    fit = pw.helix.fit_numbers(NUMBERS, wave, BASIS)
    ax = pw.plot.helix(fit, wave, NUMBERS, basis=BASIS, ax=Figure().subplots())
    assert np.allclose(ax.lines[-1].get_ydata(), np.array(NUMBERS) / 100)
    even = np.stack([np.cos(np.pi * np.array(NUMBERS)), np.array(NUMBERS) / 100], axis=1)
    basis = pw.helix.Basis(periods=(2,))
    fit = pw.helix.fit_numbers(NUMBERS, even, basis)
    ax = pw.plot.helix(fit, even, NUMBERS, period=2, basis=basis, ax=Figure().subplots())
    assert np.allclose(ax.lines[-1].get_ydata(), [1, -1] * 20)
    assert ax.get_ylabel() == "cos 2, as read"


def test_what_is_not_in_the_fit_is_named(wave: np.ndarray) -> None:
    fit = pw.helix.fit_numbers(NUMBERS, wave, BASIS)
    with pytest.raises(PatchError, match=r"not have period 7; it has cos 5, sin 5, n\^1"):
        pw.plot.helix(fit, wave, NUMBERS, period=7, basis=BASIS)
    with pytest.raises(PatchError, match="activations of 40 numbers and a fit of 8 features"):
        pw.plot.helix(fit, wave, NUMBERS)
    with pytest.raises(PatchError, match="not have a linear part"):
        pw.plot.helix(fit, wave, NUMBERS, basis=pw.helix.Basis(periods=(5,), degree=0))

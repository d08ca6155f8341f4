"""How a model represents numbers and adds them: the analyses of arXiv 2502.00873, for models with number tokens."""

from typing import TYPE_CHECKING, Any

from patchwidgets.guesses import names
from patchwidgets.guesses.answering import module_answering
from patchwidgets.helix.answers import AnswerErrors, LogitWaves, answer_errors
from patchwidgets.helix.basis import CIRCLES, HELIX, LINE, POLYNOMIAL, Basis, sums
from patchwidgets.helix.by_layer import compare_by_layer, fit_by_layer
from patchwidgets.helix.causal import compare_patches, patch_values
from patchwidgets.helix.controls import choose_layer, compare, compare_splits
from patchwidgets.helix.fit import (
    Fit,
    cross_validated,
    cross_validated_r2,
    fit,
    fit_numbers,
    hold_out,
    pca_reconstruction,
    r2,
)
from patchwidgets.helix.heads import sort_heads
from patchwidgets.helix.kept import keep_neurons
from patchwidgets.helix.layer_fits import LayerFits
from patchwidgets.helix.neurons import (
    NeuronFits,
    NeuronMap,
    fit_neurons,
    neuron_map,
    patch_neurons,
)
from patchwidgets.helix.operands import operands
from patchwidgets.helix.representations import (
    NUMBERS,
    layer_activations,
    number_activations,
    single_token_numbers,
)
from patchwidgets.helix.roles import NeuronRoles, neuron_roles
from patchwidgets.helix.spectrum import (
    FirstComponent,
    NumberSpectrum,
    Spectrum,
    first_component,
    number_spectrum,
    spectrum,
)
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.methods.effects import direct, head_effects, layer_effects

if TYPE_CHECKING:
    from patchwidgets.helix.estimator import Helix

__all__ = [
    "CIRCLES",
    "HELIX",
    "LINE",
    "NUMBERS",
    "POLYNOMIAL",
    "AnswerErrors",
    "Basis",
    "FirstComponent",
    "Fit",
    "Helix",
    "LayerFits",
    "LogitWaves",
    "NeuronFits",
    "NeuronMap",
    "NeuronRoles",
    "NumberSpectrum",
    "Spectrum",
    "answer_errors",
    "choose_layer",
    "compare",
    "compare_by_layer",
    "compare_patches",
    "compare_splits",
    "cross_validated",
    "cross_validated_r2",
    "direct",
    "first_component",
    "fit",
    "fit_by_layer",
    "fit_neurons",
    "fit_numbers",
    "head_effects",
    "hold_out",
    "keep_neurons",
    "layer_activations",
    "layer_effects",
    "neuron_map",
    "neuron_roles",
    "number_activations",
    "number_spectrum",
    "operands",
    "patch_neurons",
    "patch_values",
    "pca_reconstruction",
    "r2",
    "single_token_numbers",
    "sort_heads",
    "spectrum",
    "sums",
]

if not TYPE_CHECKING:  # a type checker has to find a misspelt name
    _missing = module_answering("pw.helix", __all__, names.HELIX)

    def __getattr__(name: str) -> Any:
        if name != "Helix":
            return _missing(name)
        with Uninterrupted():  # with scikit-learn, of which it is an estimator
            from patchwidgets.helix.estimator import Helix

        return Helix


def __dir__() -> list[str]:
    return __all__

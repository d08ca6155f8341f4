"""Small random models with a tokenizer, and what tests ask of a model."""

from typing import Any

import torch

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.models.model import Model
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer


def make_model(case: str, dtype: torch.dtype = torch.float32, **config: Any) -> Model:
    """A random model of one of `CASES`, whose name is that of the case."""
    return Model(random_model(case, dtype, **config), toy_tokenizer(VOCABULARY), case)


def has(experiment: BaseExperiment, component: str) -> bool:
    """Whether the model of an experiment has a component."""
    return component in experiment.model.components


def count_hooks(hf_model: torch.nn.Module) -> int:
    """How many forward hooks a model has, ours and others."""
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in hf_model.modules())


def assert_same_logits(first: torch.Tensor, second: torch.Tensor, tolerance: float = 1e-4) -> None:
    """Compare to float32 rounding, for logits as large as those of these models (a few dozen)."""
    assert (first - second).abs().max() <= tolerance * max(1.0, float(second.abs().max()))

"""The model: a Llama whose attention ends in a module called `mixing`, which no record and no guess knows."""

from typing import Any

from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaAttention


class PelicanConfig(LlamaConfig):
    model_type = "pelican"


class PelicanAttention(LlamaAttention):
    def __init__(self, config: PelicanConfig, layer_idx: int) -> None:
        super().__init__(config, layer_idx)
        self.mixing = self._modules.pop("o_proj")

    @property
    def o_proj(self) -> Any:
        return self.mixing


class PelicanForCausalLM(LlamaForCausalLM):
    config_class = PelicanConfig

    def __init__(self, config: PelicanConfig) -> None:
        super().__init__(config)
        blocks: Any = self.model.layers
        for i, block in enumerate(blocks):
            block.self_attn = PelicanAttention(config, i)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3)

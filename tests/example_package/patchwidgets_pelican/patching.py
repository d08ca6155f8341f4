"""What patchwidgets is told about Pelican models."""

import torch

import patchwidgets as pw

PELICAN = pw.Architecture(z="self_attn.mixing", attn_out="self_attn.mixing")


def margin(readout: pw.metrics.Readout) -> torch.Tensor:
    """By how much the most likely token leads the next one."""
    first, second = readout.logits.topk(2).values.T
    return first - second

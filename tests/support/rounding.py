"""How far apart two ways to the same number may be."""

ROUNDING = 1e-5
"""Logits of small random models in float32, by two ways through the same layers.

A click computes only what it changes, a line of Python whole prompts. On some processors, the last bits of a product
also depend on where its tensors begin in memory: 8e-7 was seen.
"""

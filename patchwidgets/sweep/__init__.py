"""Exact sweeps: patch every site of a kind, one at a time, and compute only what can differ from the host run.

Four savings, each exact: where the prompts are equal, nothing changes; a patch changes only its own and later positions
and layers; patches that begin in different layers share one pass, which each joins in its layer; and only the logits
that a metric needs are computed.
"""

"""Exact sweeps: the same question asked of thousands of sites, with all that is known beforehand left out.

Four savings, each exact: nothing changes where nothing differs; a patch changes only later layers and positions; rows
that begin at different layers share one descent; only logits that a metric needs are read.
"""

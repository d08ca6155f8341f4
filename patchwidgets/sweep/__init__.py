"""Exact sweeps: patch every site of a kind, one at a time, and compute only what can differ from the host run.

Four savings, which change results by no more than rounding (`savings.Savings` switches each off): where the prompts
begin alike, a copied activation changes nothing; a patch changes only its own and later positions, and only its own and
later layers, so that patches of different layers share one pass, which each joins in its layer; and for metrics that
read only answers and foils, only their logits are computed.
"""

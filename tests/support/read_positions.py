"""Metrics at positions, and the families on which they are tested."""

FAMILIES = ["llama", "gemma2", "cohere", "gpt2", "granite", "bloom"]
"""Among them a soft cap, a logit scale, a divisor, and one that sweeps whole prompts."""
MIXED = ["logit_diff@subject", "kl@1:4", "rank@-3:", "answer_prob", "prob_diff@-2", "kl@:"]
NONE_AT_THE_END = ["logit_diff@1", "answer_logit@subject"]

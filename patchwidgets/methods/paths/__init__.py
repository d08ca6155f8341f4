"""Exact effects of edges and longer paths: the receiver alone sees what the sender writes differently."""

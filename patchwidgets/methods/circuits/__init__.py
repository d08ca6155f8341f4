"""Circuits: sets of nodes or edges that should do what the model does, and how far they do when the rest is ablated."""

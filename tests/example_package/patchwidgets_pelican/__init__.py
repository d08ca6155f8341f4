"""Pelican models: Llama's, with another name for the output projection of attention."""

"""The command ``patchwidgets``: what the library does, in its own words, for terminals, logs and clusters."""

"""How the teaching model in ``patchwidgets/data/teaching`` is made."""

"""The data, recipe, training and figures of the teaching model in ``patchwidgets/data/teaching``."""

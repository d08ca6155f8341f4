"""Reading and replacing activations while a model runs, and cancelling a run. Knows PyTorch modules, but no models."""

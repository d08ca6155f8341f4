"""Reading and replacing activations while a model runs, and stopping it on the way. Knows PyTorch modules, no models."""

"""What the model says after a patched prompt: two runs token by token, side by side."""

"""Language models: what they consist of, and how they are loaded, checked, run and edited."""

"""Language models: what they consist of, how they are loaded, proved, run and edited."""

"""One model, one task: the clean and the corrupted run, the metrics read from them, and patches between them."""

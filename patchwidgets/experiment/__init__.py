"""One model, one task: the clean and the corrupted run, what metrics read from them, and patches between them."""

"""Work in other processes: pieces of a sweep, of edges or of a curve for a process pool, Dask, Slurm or threads."""

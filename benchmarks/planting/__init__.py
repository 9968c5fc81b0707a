"""Plant faults in the sources and see which tests notice: the parts of `benchmarks/mutants.py`."""

"""Faults planted in models, data and words, for `benchmarks/diagnosis.py`."""

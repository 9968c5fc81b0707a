"""Operators by two kinds of kernels, in words; and the one that is guilty, as a bug report."""

"""Shared by the analysis `calibration`: samples, the activations that they reach, and the grids of a file."""

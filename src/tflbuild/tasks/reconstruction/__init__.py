"""Reconstruction: a model gives its input again, and how far it is off says how unusual a sample is."""

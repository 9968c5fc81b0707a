"""Weights of other files for architectures that are trained here: read as data, and matched with their layers."""

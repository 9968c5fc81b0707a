"""Runtimes, which execute a model, one a file."""

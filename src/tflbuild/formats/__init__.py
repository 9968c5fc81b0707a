"""Kinds of model file, one a file."""

"""Mistakes in the structure of a model: what is looked for, and how it is told."""

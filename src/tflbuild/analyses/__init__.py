"""Analyses, one a file: models and data to findings."""

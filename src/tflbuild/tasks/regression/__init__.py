"""Regression: real numbers of a whole sample."""

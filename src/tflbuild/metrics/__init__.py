"""Metrics of models on data, files and targets."""

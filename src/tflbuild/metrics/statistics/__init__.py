"""Shared by the metrics: matching, average precision, intervals."""

"""Partitions: how a device takes the operators that fit it, one way a file."""

"""Sounds that are drawn by seed."""

"""Targets, one a file: the processors that a delivered file runs on."""

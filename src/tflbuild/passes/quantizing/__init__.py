"""Shared by the passes that quantize."""

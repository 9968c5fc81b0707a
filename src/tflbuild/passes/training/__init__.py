"""Shared by the passes that train."""

"""Hooks that observe a build."""

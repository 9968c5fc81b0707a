"""Environments, one a file: packages of others in a Python of their own."""

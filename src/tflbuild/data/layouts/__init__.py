"""Layouts of data on disk, read without their pixels."""

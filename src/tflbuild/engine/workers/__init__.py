"""Processes that run passes and measurements: the handles on them, what they speak, and what runs in them."""

"""Placement: which operators of a `.tflite` a device runs, by rules that are data."""

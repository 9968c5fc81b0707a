"""Whole channels leave a model: which go together, which matter least, and the smaller model."""

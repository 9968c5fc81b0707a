"""Tasks: the meaning of a model's outputs, one a file."""

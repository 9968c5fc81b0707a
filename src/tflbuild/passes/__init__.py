"""Built-in passes, one a file."""

"""The commands besides building, one a file: each takes its words and gives an exit code."""

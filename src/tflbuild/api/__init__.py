"""The commands as functions: each returns a value, and raises an exception if something goes wrong."""

"""The commands as functions: what they give is a value, and what goes wrong an exception."""

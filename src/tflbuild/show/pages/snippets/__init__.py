"""Code that runs a delivered file in an app, with the names, shapes and numbers of this file."""

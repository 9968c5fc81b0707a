"""The common part of passes that take a converted file in."""

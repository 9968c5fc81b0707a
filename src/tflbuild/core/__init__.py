"""The nouns of tflbuild; the standard library only."""

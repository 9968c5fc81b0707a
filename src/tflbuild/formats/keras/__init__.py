"""Keras model files (`.h5`, `.keras`), read without TensorFlow."""

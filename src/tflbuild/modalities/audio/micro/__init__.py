"""TensorFlow's micro frontend in NumPy: the whole numbers that its op gives, bit for bit."""

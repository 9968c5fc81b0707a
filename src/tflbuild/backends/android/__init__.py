"""A phone behind adb, and LiteRT's benchmark_model on it."""

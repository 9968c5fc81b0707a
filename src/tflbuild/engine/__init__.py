"""Plan, run, cache and judge passes; no Hydra, no numpy, no TensorFlow."""

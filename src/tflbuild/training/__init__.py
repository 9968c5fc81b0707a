"""Training a Keras model: the loop, losses, pruning, clustering, distillation, fake quantization."""

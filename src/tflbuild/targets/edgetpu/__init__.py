"""Edge TPU: compiling for it or predicting what its compiler does, and what became of each operator."""

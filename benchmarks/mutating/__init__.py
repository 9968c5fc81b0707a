"""Files of every kind that tflbuild reads, altered at random, and what happens when they are given to it."""

"""Sound as a model's input: reading recordings, their rate, and the front ends that make features of them."""

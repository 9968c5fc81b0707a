"""What the analysis `disagreements` is made of: pictures of samples, and what is told of them."""

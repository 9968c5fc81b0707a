"""Parts of the analysis `disagreements`: pictures of samples, and what is told of them."""

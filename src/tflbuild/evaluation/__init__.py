"""From the samples of a split to predictions, truth and figures."""

"""Classification: a score for each class of a whole sample."""

"""Counts of right and wrong answers by the score that decides them, task by task."""

"""Parts of the analysis `thresholds`: its form, and what is told of it."""

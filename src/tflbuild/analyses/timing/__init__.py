"""Parts of the analysis `operator_times`: its form, and what is told of it."""

"""Programs that run in an environment, by its own Python: each imports nothing of ours."""

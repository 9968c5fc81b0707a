"""Output for people: the terminal, the pages, findings."""

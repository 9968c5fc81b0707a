"""How programs run in an environment."""

"""How environments are made."""

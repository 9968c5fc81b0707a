"""Being written by the lead, right now: do not write this file."""

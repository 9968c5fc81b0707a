"""Arm Ethos-U: compiling with vela, and what became of each operator."""

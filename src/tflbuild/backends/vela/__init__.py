"""Arm's vela: the compiler, and what it writes and prints of each operator."""

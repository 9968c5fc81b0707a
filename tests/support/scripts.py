"""Small programs that stand where a real one would."""

from __future__ import annotations

from pathlib import Path


def script(path: Path, text: str, interpreter: str = "/bin/sh") -> Path:
    """Write a program of an interpreter, that can be executed."""
    path.write_text(f"#!{interpreter}\n{text}\n")
    path.chmod(0o755)
    return path

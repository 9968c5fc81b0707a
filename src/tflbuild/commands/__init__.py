"""The commands besides building, one a file: each takes its words and gives an exit code."""

from __future__ import annotations

from importlib import import_module

COMMANDS = {
    "plan": "plan:plan",
    "list": "listing:list_",
    "describe": "describe:describe",
    "predict": "predict:predict",
    "report": "report:report",
    "cache": "cache:cache",
    "new": "new:new",
    "compare": "compare:compare",
    "rerun": "rerun:rerun",
    "verify": "verify:verify",
    "reproduce": "reproduce:reproduce",
    "bisect": "bisect:bisect",
}
"""Every command by name: its module and function here."""

PRINTING = (
    "plan",
    "list",
    "describe",
    "predict",
    "report",
    "cache",
    "compare",
    "help",
    "--help",
    "--version",
)
"""Commands whose result is what they print."""


def run(name: str, words: list[str]) -> int:
    """Run a command; imports its module and no other."""
    module, _, function = COMMANDS[name].partition(":")
    code: int = getattr(import_module(f"tflbuild.commands.{module}"), function)(words)
    return code

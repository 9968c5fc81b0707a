"""Say how an environment is made where this machine cannot: with packages that were fetched on another one."""

from __future__ import annotations

from tflbuild.core.environment import Environment


def by_hand(wanted: Environment) -> str:
    """Give the commands, as the end of a message: a venv and pip on a machine with a network, then `setup` here."""
    name, version = type(wanted).name, type(wanted).pythons[0]
    return (
        f"Where the packages can be had, on a machine of the same kind: "
        f"tflbuild setup {name} --pins > {name}.txt && python{version} -m venv fetch && "
        f"fetch/bin/python -m pip download -r {name}.txt -d wheels; then here: tflbuild setup {name} --wheels wheels"
    )

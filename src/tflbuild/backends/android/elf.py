"""The ABI that a program is built for, as its ELF header says."""

from __future__ import annotations

from pathlib import Path

MAGIC = b"\x7fELF"

MACHINES = {3: "x86", 40: "armeabi-v7a", 62: "x86_64", 183: "arm64-v8a", 243: "riscv64"}
"""Android's names of ABIs by the ELF header's `e_machine`."""

MACHINE = slice(18, 20)
"""Place of `e_machine` in the header, in 32 bits and in 64."""


def abi_of(program: Path) -> str:
    """Name the ABI of a program; "" where it is no ELF file, or for another machine."""
    with program.open("rb") as file:
        header = file.read(MACHINE.stop)
    if not header.startswith(MAGIC):
        return ""
    big = header[5:6] == b"\x02"
    return MACHINES.get(int.from_bytes(header[MACHINE], "big" if big else "little"), "")

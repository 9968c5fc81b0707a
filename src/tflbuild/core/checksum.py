"""CRC-32C, the checksum of TFRecord and of TensorBoard's files, by one table.

References:
    Castagnoli et al., "Optimization of cyclic redundancy-check codes with 24 and 32 parity bits", 1993.
    RFC 3720, B.4, for examples.
    TensorFlow, "TFRecord and tf.train.Example": how a checksum is masked.
"""

from __future__ import annotations

POLYNOMIAL = 0x82F63B78
"""Castagnoli's, with its bits reversed."""

MASK = 0xA282EAD8


def _table() -> list[int]:
    """Give what each byte makes of a checksum of zero."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = _table()


def crc32c(content: bytes) -> int:
    """Give the CRC-32C of some bytes, one after the other.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in content:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """Mask a checksum, as a record has it.

    >>> hex(masked(crc32c(b"123456789")))
    '0xc78ab0e5'
    """
    return ((crc >> 15 | crc << 17) + MASK) & 0xFFFFFFFF

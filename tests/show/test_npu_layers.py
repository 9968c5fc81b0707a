"""What operators cost on an NPU, for the terminal and for the page."""

from __future__ import annotations

from typing import Any

from tflbuild.core.exhibit import Quantity, Table
from tflbuild.show.npu_layers import exhibit, heaviest


def layer(index: int | None, name: str, cycles: int, macs: int, use: float | None) -> dict[str, Any]:
    return {
        "index": index,
        "name": name,
        "output": f"t{index}",
        "cycles": cycles,
        "macs": macs,
        "sram_bytes": 4096,
        "utilization": use,
    }


LAYERS = [
    layer(0, "CONV_2D", 600, 7000, 0.25),
    layer(1, "RELU", 0, 0, None),
    layer(2, "SOFTMAX\x1b", 100, 0, 0.0),
    layer(None, "", 300, 0, 0.0),
]


def test_a_line_names_the_operators_with_the_most_cycles() -> None:
    assert heaviest(LAYERS) == (
        "most cycles: operator 0 (CONV_2D) 60.0%, not said 30.0%, operator 2 (SOFTMAX\\x1b) 10.0%"
    )
    assert heaviest(LAYERS[1:2]) == "most cycles: operator 1 (RELU) 0.0%"


def test_the_page_has_a_row_for_each() -> None:
    found = exhibit(LAYERS)
    assert found is not None
    (table,) = found.parts
    assert isinstance(table, Table)
    assert table.summary == "4 operators, 1,000 cycles"
    assert [row.cells for row in table.rows] == [
        ("0", "CONV_2D", "600", Quantity(0.6, "%"), Quantity(4096, "bytes"), "7,000", Quantity(0.25, "%")),
        ("1", "RELU", "0", Quantity(0.0, "%"), Quantity(4096, "bytes"), "0", ""),
        ("2", "SOFTMAX\\x1b", "100", Quantity(0.1, "%"), Quantity(4096, "bytes"), "0", ""),
        ("", "not said", "300", Quantity(0.3, "%"), Quantity(4096, "bytes"), "0", ""),
    ]
    assert found.text[-1] == "Every figure is an estimate of the compiler."


def test_a_target_without_them_shows_nothing() -> None:
    assert exhibit([]) is None

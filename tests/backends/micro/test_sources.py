"""C++ sources of a delivered file: they compile, run the sample that travels with them and notice what differs."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import micro_sources
from tflbuild.backends.micro.sources import Sources, sources_of

MODEL = b"\0\0\0\0TFL3" + bytes(range(256))
IMAGE = {"name": "image", "dtype": "int8", "shape": [1, 2, 2, 1], "hex": "80ff007f"}  # -128 -1 0 127
SCORES = {"name": "scores", "dtype": "int8", "shape": [1, 3], "hex": "7f8000", "compared": 3}  # 127 -128 0
MICRO: dict[str, Any] = {
    "version": "0.dev1",
    "memory": {"smallest": 4096},
    "resolver": ["AddConv2D", "AddSoftmax"],
    "variables": 0,
    "inputs": {"image": 0},
    "outputs": {"scores": 0},
}


def sample(*outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {"inputs": [IMAGE], "outputs": list(outputs) or [SCORES]}


def sources(given: Mapping[str, Any], micro: Mapping[str, Any] = MICRO) -> Sources:
    return sources_of(MODEL, micro, given)


def program(made: Sources, folder: Path) -> Path:
    for name, text in made.files().items():
        (folder / name).write_text(text)
    return micro_sources.compiled(folder)


def test_the_sample_is_run_and_its_outputs_printed(tmp_path: Path) -> None:
    code, lines = micro_sources.run(program(sources(sample()), tmp_path), sample())
    assert (code, lines) == (0, ["output 0: 127 -128 0", "arena: 4096 of 4096 bytes used"])


def test_another_output_is_noticed_with_its_place_and_an_exit_code(tmp_path: Path) -> None:
    made = program(sources(sample()), tmp_path)
    code, lines = micro_sources.run(made, sample({**SCORES, "hex": "7f8101"}))
    assert code == 1
    assert lines[:2] == ["output 0: 127 -127 1", "output 0 differs at 2 places, first at 1: expected -128"]


def test_an_input_that_arrives_otherwise_gives_other_outputs(tmp_path: Path) -> None:
    made = program(sources(sample()), tmp_path)
    other = {"inputs": [{**IMAGE, "hex": "80ff0000"}], "outputs": [SCORES]}
    assert micro_sources.run(made, other)[0] == 1


def test_a_model_of_another_size_is_not_run(tmp_path: Path) -> None:
    made = program(sources(sample()), tmp_path)
    for given, says in (
        ({**sample(), "inputs": [{**IMAGE, "hex": "80"}]}, "an input of the sample has another size"),
        ({**sample(), "inputs": [IMAGE, IMAGE]}, "the sample has other inputs than the model"),
        (sample({**SCORES, "hex": "7f"}), "an output has another size"),
    ):
        assert micro_sources.run(made, given) == (2, [says])


def test_outputs_of_every_dtype_are_printed_and_compared(tmp_path: Path) -> None:
    kinds = {"float32": ("f", -1.5), "int32": ("i", -70000), "int64": ("q", -(2**40)), "int16": ("h", -300)}
    kinds |= {"uint8": ("B", 200), "bool": ("?", True)}
    outputs = [
        {
            "name": name,
            "dtype": name,
            "shape": [1],
            "hex": struct.pack(f"<{letter}", value).hex(),
            "compared": 1,
        }
        for name, (letter, value) in kinds.items()
    ]
    micro = {**MICRO, "outputs": {name: place for place, name in enumerate(kinds)}}
    made = program(sources(sample(*outputs), micro), tmp_path)
    code, lines = micro_sources.run(made, sample(*outputs))
    said = [line.partition(": ")[2] for line in lines[:-1]]
    assert (code, said) == (0, ["-1.5", "-70000", f"{-(2**40)}", "-300", "200", "1"])


def test_floats_may_differ_in_their_last_digits(tmp_path: Path) -> None:
    def floats(value: float) -> dict[str, Any]:
        return {**SCORES, "dtype": "float32", "hex": struct.pack("<f", value).hex(), "compared": 1}

    made = program(sources(sample(floats(1.0))), tmp_path)
    given = {1.0: 0, 1.00005: 0, 1.001: 1, float("nan"): 1, float("inf"): 1}
    assert [micro_sources.run(made, sample(floats(value)))[0] for value in given] == list(given.values())


def test_numbers_that_nobody_wrote_are_not_compared(tmp_path: Path) -> None:
    made = program(sources(sample({**SCORES, "compared": 1})), tmp_path)
    code, lines = micro_sources.run(made, sample({**SCORES, "hex": "7f0102"}))
    assert (code, lines[0]) == (0, "output 0: 127")


def test_outputs_are_those_of_their_places_in_the_graph() -> None:
    second = {**SCORES, "name": "more"}
    made = sources(sample(SCORES, second), {**MICRO, "outputs": {"scores": 1, "more": 0}})
    assert [(one["index"], one["name"]) for one in made.outputs] == [(0, "more"), (1, "scores")]


def test_the_resolver_has_as_many_places_as_operators(tmp_path: Path) -> None:
    text = sources(sample()).files()["resolver.h"]
    assert "tflite::MicroMutableOpResolver<2>;" in text
    assert "resolver.AddConv2D()" in text
    assert "kArenaSize = 4096;" in text
    assert "tflite-micro 0.dev1" in text


def test_resource_variables_are_made(tmp_path: Path) -> None:
    made = program(sources(sample(), {**MICRO, "variables": 3}), tmp_path)
    assert micro_sources.run(made, sample())[1][-1] == "arena: 4099 of 4096 bytes used"


def test_an_operator_that_is_added_twice_is_refused_by_the_program(tmp_path: Path) -> None:
    made = replace(sources(sample()), resolver=["AddConv2D", "AddConv2D"])
    assert micro_sources.run(program(made, tmp_path), sample()) == (2, ["an operator cannot be registered"])


def test_the_model_is_the_bytes_of_the_file(tmp_path: Path) -> None:
    text = sources(sample()).files()["model.cc"]
    numbers = text.partition("{")[2].partition("}")[0].split(",")
    assert bytes(map(int, numbers)) == MODEL
    assert f"model_size = {len(MODEL)};" in text
    assert "alignas(16)" in text


def test_a_tensors_name_cannot_leave_its_comment(tmp_path: Path) -> None:
    wild = {**SCORES, "name": 'a\\\n*/ int main() { return system("x"); } // \u202e??/' + "x" * 200}
    micro = {**MICRO, "outputs": {wild["name"]: 0}}
    text = sources(sample(wild), micro).files()["sample.cc"]
    (line,) = (line for line in text.splitlines() if line.startswith("// output"))
    assert not {"\\", '"', "*", ";"} & set(line)
    assert text.isascii()
    assert micro_sources.run(program(sources(sample(wild), micro), tmp_path), sample())[0] == 0

"""Programs are computed operator by operator from what `torch.export.save` writes of their arguments.

The forms of arguments are those of `torch/_export/serde/schema.py`. In the place of PyTorch is a module of NumPy arrays
with a few operators, whose arguments have the names and defaults that PyTorch documents.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tflbuild.backends.programs import torch_to_tflite as program
from tflbuild.environments.running import answering


class Array(np.ndarray):  # type: ignore[type-arg]
    """An array with the methods of a tensor that the program calls."""

    def numpy(self) -> Any:
        return np.asarray(self)


def array(values: Any) -> Any:
    return np.asarray(values).view(Array)


class Module:
    """What `torch.nn.Module` has of a module without parameters."""

    def __init__(self) -> None:
        self.training = True

    def register_buffer(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def eval(self) -> Any:
        self.training = False
        return self

    def __call__(self, *given: Any) -> Any:
        return self.forward(*given)  # type: ignore[attr-defined]


ATEN = SimpleNamespace(
    add=SimpleNamespace(Tensor=lambda a, b, *, alpha=1: a + alpha * b),
    sub=SimpleNamespace(Tensor=lambda a, b: a - b),
    cat=SimpleNamespace(default=lambda several, dim=0: array(np.concatenate(several, axis=dim))),
    split=SimpleNamespace(Tensor=lambda a, size: [array(a[:, :size]), array(a[:, size:])]),
    max=SimpleNamespace(dim=lambda a, dim: (array(a.max(dim)), array(a.argmax(dim)))),
    sym_size=SimpleNamespace(int=lambda a, dim: a.shape[dim]),
    index=SimpleNamespace(Tensor=lambda a, places: array(a[:, places[1]]) if places[0] is None else None),
    view=SimpleNamespace(default=lambda a, sides: array(a.reshape(sides))),
    to=SimpleNamespace(dtype_layout=lambda a, **options: (a, options)),
)


@pytest.fixture(autouse=True)
def torch(monkeypatch: pytest.MonkeyPatch) -> Any:
    made: Any = ModuleType("torch")
    made.nn, made.ops = SimpleNamespace(Module=Module), SimpleNamespace(aten=ATEN)
    made.from_numpy, made.no_grad, made.manual_seed = array, contextlib.nullcontext, lambda seed: None
    made.zeros = lambda shape, dtype: array(np.zeros(shape, dtype))
    made.strided, made.device = "strided", lambda name: f"on {name}"
    for name in (
        "contiguous_format",
        "channels_last",
        "channels_last_3d",
        "preserve_format",
        "bfloat16",
        "bool",
    ):
        setattr(made, name, name)
    for name in ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"):
        setattr(made, name, name)
    monkeypatch.setitem(sys.modules, "torch", made)
    return made


def named(name: str) -> dict[str, Any]:
    return {"name": name}


TENSORS = {"a": array([[1.0, 2.0]]), "b": array([[3.0, 5.0]]), "s": 7}

DTYPES = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    12: "bool",
    13: "bfloat16",
}
FORMATS = {1: "contiguous_format", 2: "channels_last", 3: "channels_last_3d", 4: "preserve_format"}

ARGUMENTS: dict[str, tuple[dict[str, Any], Any]] = {
    "none": ({"as_none": True}, None),
    "an integer": ({"as_int": 3}, 3),
    "a truth": ({"as_bool": False}, False),
    "floats": ({"as_floats": [0.5, 2.0]}, [0.5, 2.0]),
    "text": ({"as_string": "nearest"}, "nearest"),
    "a tensor": ({"as_tensor": named("a")}, TENSORS["a"]),
    "a tensor that may be left out": ({"as_optional_tensor": {"as_tensor": named("b")}}, TENSORS["b"]),
    "one that is": ({"as_optional_tensor": {"as_none": True}}, None),
    "tensors": ({"as_tensors": [named("b"), named("a")]}, [TENSORS["b"], TENSORS["a"]]),
    "some left out": (
        {"as_optional_tensors": [{"as_none": True}, {"as_tensor": named("a")}]},
        [None, TENSORS["a"]],
    ),
    "tensors of tensors": (
        {"as_nested_tensors": [[named("a")], [named("b")]]},
        [[TENSORS["a"]], [TENSORS["b"]]],
    ),
    "a side by name": ({"as_sym_int": {"as_name": "s"}}, 7),
    "a side by number": ({"as_sym_int": {"as_int": 4}}, 4),
    "a fraction": ({"as_sym_float": {"as_float": 0.5}}, 0.5),
    "a truth of sides": ({"as_sym_bool": {"as_bool": True}}, True),
    "sides": ({"as_sym_ints": [{"as_name": "s"}, {"as_int": 2}]}, [7, 2]),
    "fractions": ({"as_sym_floats": [{"as_float": 0.5}]}, [0.5]),
    "a layout": ({"as_layout": 7}, "strided"),
    "a device": ({"as_device": {"type": "cuda", "index": 0}}, "on cpu"),
    **{f"a dtype {number}": ({"as_scalar_type": number}, name) for number, name in DTYPES.items()},
    **{f"a memory format {number}": ({"as_memory_format": number}, name) for number, name in FORMATS.items()},
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments_are_what_the_schema_says(case: str) -> None:
    given, value = ARGUMENTS[case]
    found = program.argument(given, TENSORS)
    assert found is value if isinstance(value, np.ndarray) else repr(found) == repr(value)


def call(
    target: str, *inputs: tuple[str, dict[str, Any], int], outputs: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "target": target,
        "inputs": [{"name": name, "arg": arg, "kind": kind} for name, arg, kind in inputs],
        "outputs": outputs,
    }


def tensor(name: str) -> dict[str, Any]:
    return {"as_tensor": named(name)}


def ran(
    nodes: list[dict[str, Any]], outputs: list[str], stored: Mapping[str, Any] | None = None
) -> list[Any]:
    request = {"nodes": nodes, "inputs": [{"name": "x"}, {"name": "y"}], "outputs": outputs}
    module = program.program(request, dict(stored or {}))
    assert not module.training
    return [np.asarray(one).tolist() for one in module(array([[1.0, 2.0, 4.0]]), array([[10.0, 20.0, 50.0]]))]


def test_operators_are_called_in_order_with_arguments_by_place_and_by_name() -> None:
    nodes = [
        call(
            "torch.ops.aten.add.Tensor",
            ("self", tensor("x"), 1),
            ("other", tensor("p_w"), 1),
            ("alpha", {"as_int": 3}, 2),
            outputs=[tensor("sum")],
        ),
        call("torch.ops.aten._assert_scalar.default", ("self", tensor("x"), 1), outputs=[]),
        call(
            "torch.ops.aten.sub.Tensor",
            ("self", tensor("sum"), 1),
            ("other", tensor("y"), 1),
            outputs=[tensor("d")],
        ),
    ]
    assert ran(nodes, ["d", "sum"], {"p_w": array([[1.0, 1.0, 2.0]])}) == [
        [[-6.0, -15.0, -40.0]],
        [[4.0, 5.0, 10.0]],
    ]


def test_several_results_are_kept_under_their_names() -> None:
    nodes = [
        call(
            "torch.ops.aten.split.Tensor",
            ("self", tensor("x"), 1),
            ("size", {"as_int": 1}, 1),
            outputs=[{"as_tensors": [named("left"), named("right")]}],
        ),
        call(
            "torch.ops.aten.max.dim",
            ("self", tensor("y"), 1),
            ("dim", {"as_int": 1}, 1),
            outputs=[tensor("most"), {"as_optional_tensor": {"as_tensor": named("where")}}],
        ),
    ]
    assert ran(nodes, ["right", "left", "most", "where"]) == [[[2.0, 4.0]], [[1.0]], [50.0], [2]]


def test_sides_are_computed_by_operators_of_python() -> None:
    nodes = [
        call(
            "torch.ops.aten.sym_size.int",
            ("self", tensor("x"), 1),
            ("dim", {"as_int": 1}, 1),
            outputs=[{"as_sym_int": {"as_name": "n"}}],
        ),
        call(
            "_operator.sub",
            ("a", {"as_sym_int": {"as_name": "n"}}, 2),
            ("b", {"as_sym_int": {"as_int": 2}}, 2),
            outputs=[{"as_sym_int": {"as_name": "m"}}],
        ),
        call(
            "torch.ops.aten.view.default",
            ("self", tensor("x"), 1),
            ("size", {"as_sym_ints": [{"as_name": "n"}, {"as_name": "m"}]}, 1),
            outputs=[tensor("turned")],
        ),
    ]
    assert ran(nodes, ["turned"]) == [[[1.0], [2.0], [4.0]]]


def test_results_that_nobody_named_are_dropped() -> None:
    values: dict[str, Any] = {}
    program.keep([{"as_tensor": named("a")}, {"as_none": True}], (1, 2), values)
    program.keep([{"as_optional_tensor": {"as_none": True}}], 3, values)
    program.keep([{"as_optional_tensors": [{"as_none": True}, {"as_tensor": named("b")}]}], [4, 5], values)
    program.keep([{"as_sym_int": {"as_int": 6}}], 6, values)
    program.keep([{"as_sym_float": {"as_name": "f"}}], 0.5, values)
    assert values == {"a": 1, "b": 5, "f": 0.5}


class Converter(ModuleType):
    """What litert-torch is asked."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.turned: dict[str, Any] | None = None

    def to_channel_last_io(self, module: Any, **given: Any) -> Any:
        self.turned = given
        return module

    def convert(self, module: Any, samples: tuple[Any, ...]) -> Any:
        self.samples, self.evaluated = [(one.shape, one.dtype.name) for one in samples], not module.training
        return SimpleNamespace(export=lambda path: Path(path).write_bytes(b"made"))


@pytest.fixture
def converter(monkeypatch: pytest.MonkeyPatch) -> Converter:
    made = Converter("litert_torch")
    monkeypatch.setitem(sys.modules, "litert_torch", made)
    return made


def request(folder: Path, **changed: Any) -> dict[str, Any]:
    np.savez(folder / "values.npz", p_w=np.array([[1.0, 1.0, 2.0]], np.float32))
    rows = {"x": np.arange(6.0).reshape(2, 3).astype(np.float32), "y": np.full((2, 3), 10, np.float32)}
    np.savez(folder / "samples.npz", **rows)
    nodes = [
        call(
            "torch.ops.aten.sub.Tensor",
            ("self", tensor("x"), 1),
            ("other", tensor("p_w"), 1),
            outputs=[tensor("d")],
        ),
        call(
            "torch.ops.aten.add.Tensor",
            ("self", tensor("d"), 1),
            ("o", tensor("y"), 1),
            outputs=[tensor("e")],
        ),
    ]
    inputs = [
        {"name": "x", "shape": [1, 3, 4, 6], "dtype": "float32", "first": True},
        {"name": "y", "shape": [1, 5, 7, 2], "dtype": "int64", "first": False},
    ]
    return {
        "nodes": nodes,
        "inputs": inputs,
        "outputs": ["e", "d"],
        "turned": ["d"],
        "values": str(folder / "values.npz"),
        "samples": str(folder / "samples.npz"),
        "out": str(folder),
        **changed,
    }


def test_samples_are_computed_one_by_one_and_the_module_is_converted(
    converter: Converter, tmp_path: Path
) -> None:
    found = program.main(request(tmp_path))
    assert found == {"tflite": str(tmp_path / "model.tflite"), "outputs": str(tmp_path / "outputs.npz")}
    assert (tmp_path / "model.tflite").read_bytes() == b"made"
    with np.load(tmp_path / "outputs.npz") as outputs:
        assert {name: outputs[name].tolist() for name in outputs.files} == {
            "e": [[9.0, 10.0, 10.0], [12.0, 13.0, 13.0]],
            "d": [[-1.0, 0.0, 0.0], [2.0, 3.0, 3.0]],
        }
    assert converter.turned == {"args": [0], "outputs": [1]}
    assert converter.samples == [((1, 4, 6, 3), "float32"), ((1, 5, 7, 2), "int64")]
    assert converter.evaluated


@pytest.mark.parametrize("name", ["values", "samples"])
def test_nothing_is_unpickled(name: str, converter: Converter, tmp_path: Path) -> None:
    asked = request(tmp_path)
    pickled: Any = np.array([{}], object)
    np.savez(asked[name], x=pickled, y=pickled, p_w=pickled)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        program.main(asked)


@pytest.mark.parametrize(
    ("first", "turned", "given"),
    [
        (False, [], None),
        (True, [], {"args": [0], "outputs": None}),
        (False, ["e"], {"args": None, "outputs": [0]}),
    ],
)
def test_only_what_has_its_channels_first_is_turned(
    first: bool, turned: list[str], given: Any, converter: Converter, tmp_path: Path
) -> None:
    asked = request(tmp_path, turned=turned)
    asked["inputs"][0]["first"] = first
    program.main(asked)
    assert converter.turned == given


@pytest.mark.parametrize(
    ("target", "checks"),
    [
        ("torch.ops.aten._assert_async.msg", True),
        ("torch.ops.aten.sym_constrain_range_for_size.default", True),
        ("torch.ops.aten._check.default", True),
        ("torch.ops.aten.add.Tensor", False),
        ("_operator._assert", False),
    ],
)
def test_operators_that_only_check_are_told_apart(target: str, checks: bool) -> None:
    assert program.checks(target) is checks


def test_asked_as_a_file_it_answers_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tmp_path / "request.json"
    asked.write_text(json.dumps(request(tmp_path, values=str(tmp_path / "absent"))))
    monkeypatch.setitem(sys.modules, "torch_to_tflite", None)  # so that it is gone behind the test
    answering.main(str(program.__file__), str(asked))
    error = json.loads((tmp_path / "answer.json").read_text())["error"]
    assert error.startswith("FileNotFoundError: ")

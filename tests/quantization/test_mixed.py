"""Which operators to keep out of int8, against brute force and against files that LiteRT Quantizer writes."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import small_network
from dense_chain import FIRST, IMAGE, SECOND, DenseChain
from foreign_networks import Draft, samples_of, scalars, two_inputs
from on_bytes import OutputError, Simulation, Workbench, observe, quantize, with_exact_weights
from samples import samples
from tflbuild.quantization import mixed, quantizer
from tflbuild.quantization.mixed import Group
from tflbuild.quantization.ranges import ranges_of
from tflbuild.quantization.settings import Setting
from tflbuild.quantization.sharing import shared
from tflbuild.quantization.workbench import Border
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, Tensors, assemble
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.tiny import brightness_detector
from tflbuild.tflite.weights import weights_in

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

CLOSE = 0.02  # relative: a value half way between two levels may fall to either
KEPT: tuple[quantizer.Kept, ...] = ("float32", "int16x8")


def two_heads() -> bytes:
    """Give a model whose two dense layers are moved, joined and squashed, as a detector's are."""
    rng = np.random.default_rng(7)
    builtin = schema.BuiltinOperator
    joining = schema.ConcatenationOptionsT()
    joining.axis = 1
    tensors: Tensors = {
        "image": (1, 2, 2, 3),
        "near": rng.normal(size=(4, 12)).astype(np.float32),
        "far": (20 * rng.normal(size=(4, 12))).astype(np.float32),
        "zeros": np.zeros(4, np.float32),
        "rows": np.array([1, 2, 2], np.int32),
        "net/near/MatMul": (1, 4),
        "net/far/MatMul": (1, 4),
        "net/near_rows/Reshape": (1, 2, 2),
        "net/far_rows/Reshape": (1, 2, 2),
        "net/joined/concat": (1, 4, 2),
        "scores": (1, 4, 2),
    }
    dense = schema.FullyConnectedOptionsT()
    kind = schema.BuiltinOptions.FullyConnectedOptions
    steps = [
        Step(builtin.FULLY_CONNECTED, ["image", "near", "zeros"], ["net/near/MatMul"], kind, dense),
        Step(builtin.FULLY_CONNECTED, ["image", "far", "zeros"], ["net/far/MatMul"], kind, dense),
        Step(builtin.RESHAPE, ["net/near/MatMul", "rows"], ["net/near_rows/Reshape"]),
        Step(builtin.RESHAPE, ["net/far/MatMul", "rows"], ["net/far_rows/Reshape"]),
        Step(
            builtin.CONCATENATION,
            ["net/near_rows/Reshape", "net/far_rows/Reshape"],
            ["net/joined/concat"],
            schema.BuiltinOptions.ConcatenationOptions,
            joining,
        ),
        Step(builtin.LOGISTIC, ["net/joined/concat"], ["scores"]),
    ]
    return assemble(tensors, steps, ["image"], ["scores"])


@pytest.mark.parametrize("float_output", [True, False])
@pytest.mark.parametrize("keep", KEPT)
def test_what_is_simulated_is_what_the_quantizers_file_does(
    tmp_path: Path, keep: quantizer.Kept, float_output: bool
) -> None:
    content, images = two_heads(), samples(DenseChain().images)
    border = Border(float_input=False, float_output=float_output, limits=((-1.0, 1.0),))
    bench = Workbench(content, images, images, "int8", border, tmp_path)

    def quantized(kept: Collection[str]) -> bytes:
        return bench.built(Setting(), dict.fromkeys(kept, keep))

    reference, simulated = OutputError(content, images), Simulation(content, quantized(()))
    found = mixed.groups(simulated.graph)
    for group in (Group(layer="nothing", tensors=frozenset()), *found):
        if "scores" in group.tensors and not float_output:
            continue  # the quantizer gives a kept sigmoid's int8 output another scale than an int8 sigmoid has
        wanted = reference.of(quantized(group.tensors))
        error = reference.of(simulated.keeping(group.tensors, exact_weights=keep == "float32"))
        assert error == pytest.approx(wanted, rel=CLOSE), group


def test_candidates_are_operators_alone_and_with_those_that_read_them_behind_moves() -> None:
    graph = Graph(flatbuffer.unpack(two_heads()))
    found = {(group.layer, group.tensors) for group in mixed.groups(graph)}
    behind = {"net/joined/concat", "scores"}
    assert found == {
        ("near", frozenset({"net/near/MatMul"})),
        ("near", frozenset({"net/near/MatMul", "net/near_rows/Reshape", *behind})),
        ("far", frozenset({"net/far/MatMul"})),
        ("far", frozenset({"net/far/MatMul", "net/far_rows/Reshape", *behind})),
        ("scores", frozenset({"scores"})),
    }
    assert mixed.weight_bytes(graph)["net/far/MatMul"] == 48
    assert mixed.neighbours(graph)["net/joined/concat"] == {
        "net/near_rows/Reshape",
        "net/far_rows/Reshape",
        "scores",
    }


def test_an_operator_without_weights_is_no_candidate_alone_unless_it_gives_an_output() -> None:
    draft = Draft(image=(1, 4))
    one, other = draft.dense("one", "image", 4), draft.dense("other", "image", 4)
    ended = draft.add("ended", draft.dense("last", draft.add("sum", one, other), 4), other)
    graph = Graph.unpacked(draft.content(ended))
    assert {group.tensors for group in mixed.groups(graph)} == {
        frozenset(names)
        for names in (
            ("one",),
            ("one", "sum"),
            ("other",),
            ("other", "sum", "ended"),
            ("sum", "last"),
            ("last",),
            ("last", "ended"),
            ("ended",),
        )
    }


@pytest.mark.parametrize(("keep", "dtypes"), [("float32", ("float32",) * 2), ("int16x8", ("int16", "int8"))])
def test_only_what_is_kept_is_not_int8(tmp_path: Path, keep: quantizer.Kept, dtypes: tuple[str, str]) -> None:
    chain, path = DenseChain(), tmp_path / "mixed.tflite"
    path.write_bytes(chain.quantized(tmp_path / "float.tflite", kept={SECOND: keep}))
    found = {operator.output: operator for operator in flatbuffer.operators(path)}
    assert (found[SECOND].inputs[0], found[SECOND].inputs[1]) == dtypes
    assert found[FIRST].inputs[:2] == ("int8", "int8")
    assert flatbuffer.signature(path)["inputs"][0]["dtype"] == "int8"
    assert flatbuffer.signature(path)["outputs"][0]["dtype"] == "float32"


def test_the_quantizers_file_with_the_ill_pair_kept_has_the_error_that_numpy_gives(tmp_path: Path) -> None:
    chain = DenseChain()
    reference = OutputError(chain.content(), chain.samples)
    path = tmp_path / "float.tflite"
    plain, kept = chain.quantized(path), chain.quantized(path, kept=dict.fromkeys((FIRST, SECOND), "float32"))
    everything = chain.error({FIRST, SECOND}, {IMAGE, FIRST, SECOND})
    assert reference.of(plain) == pytest.approx(everything, rel=CLOSE)
    assert reference.of(kept) == pytest.approx(chain.error((), {IMAGE}), rel=CLOSE)


def test_values_that_are_only_moved_were_rounded_before(tmp_path: Path) -> None:
    content, images = two_heads(), samples(DenseChain().images)
    border = Border(float_input=False, float_output=True, limits=((-1.0, 1.0),))
    quantized = Workbench(content, images, images, "int8", border, tmp_path).built(Setting())
    simulated = Simulation(content, quantized)
    assert simulated.activations == ("image", "net/near/MatMul", "net/far/MatMul", "scores")
    assert simulated.weights == ("net/near/MatMul", "net/far/MatMul")


@pytest.mark.parametrize(("float_output", "rounded"), [(True, {IMAGE}), (False, {IMAGE, SECOND})])
def test_an_int8_output_is_rounded_whatever_is_kept(
    tmp_path: Path, float_output: bool, rounded: set[str]
) -> None:
    chain = DenseChain()
    simulated = Simulation(
        chain.content(), chain.quantized(tmp_path / "float.tflite", float_output=float_output)
    )
    error = OutputError(chain.content(), chain.samples).of(
        simulated.keeping({FIRST, SECOND}, exact_weights=True)
    )
    assert error == pytest.approx(chain.error((), rounded), rel=CLOSE)


@pytest.mark.parametrize("keep", KEPT)
@pytest.mark.parametrize(("float_output", "dtype"), [(True, "float32"), (False, "int8")])
def test_borders_keep_their_dtypes_whatever_is_kept_behind_them(
    tmp_path: Path, keep: quantizer.Kept, float_output: bool, dtype: str
) -> None:
    path = tmp_path / "mixed.tflite"
    made = DenseChain().quantized(
        tmp_path / "float.tflite", float_output=float_output, kept=dict.fromkeys((FIRST, SECOND), keep)
    )
    path.write_bytes(made)
    signature = flatbuffer.signature(path)
    assert (signature["inputs"][0]["dtype"], signature["outputs"][0]["dtype"]) == ("int8", dtype)


@pytest.mark.parametrize("keep", KEPT)
@pytest.mark.parametrize(("float_output", "dtype"), [(True, "float32"), (False, "int8")])
def test_an_output_that_is_read_within_keeps_its_dtype_and_its_name(
    tmp_path: Path, keep: quantizer.Kept, float_output: bool, dtype: str
) -> None:
    """LiteRT Quantizer redirects it to what the int8 operator reads, and the signature not."""
    path = tmp_path / "float.tflite"
    path.write_bytes(scalars())
    given = samples_of(scalars(), 20)
    ranges = ranges_of(observe(scalars(), given), "minmax", shared(Graph(flatbuffer.unpack(scalars()))))
    made = quantize(path, "int8", ranges, float_input=False, float_output=float_output, kept={"one": keep})
    path.write_bytes(made)
    outputs = flatbuffer.signature(path)["outputs"]
    assert [(entry["name"], entry["dtype"]) for entry in outputs] == [
        (name, dtype) for name in ("one", "alone", "level")
    ]
    reference = OutputError(scalars(), given)
    assert reference.of(made) < 0.3, "of three outputs, in the order that they had"


def test_rounding_of_every_input_is_simulated(tmp_path: Path) -> None:
    border = Border(float_input=False, float_output=True, limits=(None, None))
    given = samples_of(two_inputs(), 20)
    bench = Workbench(two_inputs(), given, given, "int8", border, tmp_path)
    simulated = Simulation(two_inputs(), bench.built(Setting()))
    assert simulated.activations[:2] == ("numbers", "map")


def test_an_operator_whose_name_is_part_of_anothers_is_kept_alone(tmp_path: Path) -> None:
    chain, part = DenseChain(), "first/MatMul"
    model = flatbuffer.unpack(chain.content())
    (tensor,) = [tensor for tensor in model.subgraphs[0].tensors if tensor.name.decode() == SECOND]
    tensor.name = part.encode()
    path = tmp_path / "float.tflite"
    path.write_bytes(flatbuffer.pack(model))
    ranges = {part if name == SECOND else name: found for name, found in chain.ranges().items()}
    made = quantize(path, "int8", ranges, float_input=False, float_output=True, kept={part: "float32"})
    path.write_bytes(made)
    found = {operator.output: operator.inputs[0] for operator in flatbuffer.operators(path)}
    assert (found[FIRST], found[part]) == ("int8", "float32")


def test_a_kept_layer_has_the_weights_that_it_had_before_they_were_rounded(tmp_path: Path) -> None:
    chain, rounded = DenseChain(), DenseChain()
    rounded.second = np.rint(rounded.second * 4) / 4
    made = rounded.quantized(tmp_path / "float.tflite", kept={SECOND: "float32"})
    found = Graph(flatbuffer.unpack(with_exact_weights(made, chain.content())))
    weights = {found.name(int(o.outputs[0])): found.constant(o.inputs[1]) for o in found.weighted()}
    assert np.array_equal(weights[SECOND], chain.second)
    assert weights[FIRST].dtype == np.int8


SIZES = {"a": 100, "b": 1000, "c": 10, "d": 4000}
GAINS = {"a": 0.2, "b": 0.3, "c": 0.001, "d": 0.1}
FAR = {name: frozenset[str]() for name in SIZES}


def additive(kept: Collection[str]) -> float:
    return 1.0 - sum(GAINS[name] for name in kept)


def singles() -> list[Group]:
    return [Group(layer=name, tensors=frozenset({name})) for name in SIZES]


def test_the_most_gain_per_byte_comes_first_and_what_gains_nothing_never() -> None:
    steps = mixed.greedy(singles(), SIZES, FAR, most=10_000, error=additive)
    by_hand = sorted("abd", key=lambda name: -GAINS[name] / (SIZES[name] + mixed.OVERHEAD))
    assert [step.group.layer for step in steps] == by_hand == ["a", "b", "d"]
    assert [step.after for step in steps] == pytest.approx([0.8, 0.5, 0.4])
    assert [step.bytes for step in steps] == [100, 1000, 4000]


def test_no_more_bytes_are_kept_than_allowed() -> None:
    steps = mixed.greedy(singles(), SIZES, FAR, most=1100, error=additive)
    assert [step.group.layer for step in steps] == ["a", "b"]
    assert mixed.greedy(singles(), SIZES, FAR, most=0, error=additive) == []


def test_a_neighbour_that_gains_only_now_is_noticed() -> None:
    near = {"a": frozenset({"d"}), "d": frozenset({"a"}), "b": frozenset[str](), "c": frozenset[str]()}

    def error(kept: frozenset[str]) -> float:
        return 1.0 - 0.2 * ("a" in kept) - 0.5 * ({"a", "d"} <= kept) - 0.01 * ("b" in kept)

    steps = mixed.greedy(singles(), SIZES, near, most=10_000, error=error)
    assert [step.group.layer for step in steps] == ["a", "d", "b"]


def test_the_fewest_is_that_of_trying_all() -> None:
    for count, needed in itertools.product(range(12), range(14)):
        asked: list[int] = []

        def holds(steps: int, needed: int = needed, asked: list[int] = asked) -> bool:
            asked.append(steps)
            return steps >= needed

        assert mixed.fewest(count, holds) == (needed if needed <= count else None)
        assert len(asked) == len(set(asked)) <= 2 + 2 * max(count, 1).bit_length()


def single(layer: str) -> Group:
    return Group(layer=layer, tensors=frozenset(layer))


@pytest.mark.parametrize(("gain", "first"), [(0.167, "a"), (0.168, "b")])
def test_an_operator_costs_512_bytes_besides_its_weights(gain: float, first: str) -> None:
    """Of 100 bytes for a gain of 0.2, and of none: 0.2 / 612 = 0.1673 / 512."""
    gains, near = {"a": 0.2, "b": gain}, dict.fromkeys("ab", frozenset[str]())
    found = [single("a"), single("b")]
    steps = mixed.greedy(
        found, {"a": 100, "b": 0}, near, most=1000, error=lambda kept: 1.0 - sum(gains[name] for name in kept)
    )
    assert steps[0].group.layer == first


def test_a_pair_costs_that_twice() -> None:
    """0.3 / 1024 is less than 0.2 / 612, though 0.3 / 512 would be more."""
    gains, near = {"a": 0.2, "b": 0.15, "c": 0.15}, dict.fromkeys("abc", frozenset[str]())
    pair = Group(layer="bc", tensors=frozenset("bc"))
    steps = mixed.greedy(
        [single("a"), pair],
        {"a": 100, "b": 0, "c": 0},
        near,
        most=1000,
        error=lambda kept: 1.0 - sum(gains[name] for name in kept),
    )
    assert [step.group.layer for step in steps] == ["a", "bc"]


def test_bytes_that_are_kept_add_up() -> None:
    """Two of 100 bytes each are within 250, a third is not."""
    names = "abc"
    near = dict.fromkeys(names, frozenset[str]())
    steps = mixed.greedy(
        [single(name) for name in names],
        dict.fromkeys(names, 100),
        near,
        most=250,
        error=lambda kept: 1.0 - 0.1 * len(kept),
    )
    assert len(steps) == 2


def test_no_more_than_sixteen_are_kept() -> None:
    names = "abcdefghijklmnopqrst"
    near = dict.fromkeys(names, frozenset[str]())
    steps = mixed.greedy(
        [single(name) for name in names],
        dict.fromkeys(names, 1),
        near,
        most=100,
        error=lambda kept: 1.0 - 0.04 * len(kept),
    )
    assert len(steps) == 16


@pytest.mark.parametrize(("gain", "kept"), [(0.0019, 0), (0.0021, 1)])
def test_a_gain_below_a_five_hundredth_is_none(gain: float, kept: int) -> None:
    steps = mixed.greedy(
        [single("a")], {"a": 1}, {"a": frozenset()}, most=100, error=lambda kept: 2.0 * (1 - gain * len(kept))
    )
    assert len(steps) == kept


def test_only_weights_have_bytes_and_custom_operators_are_not_kept() -> None:
    assert mixed.weight_bytes(Graph(flatbuffer.unpack(two_heads()))) == {
        "net/near/MatMul": 48,
        "net/far/MatMul": 48,
        "net/near_rows/Reshape": 0,
        "net/far_rows/Reshape": 0,
        "net/joined/concat": 0,
        "scores": 0,
    }
    graph = Graph(flatbuffer.unpack(brightness_detector()))
    custom = {graph.name(int(i)) for o in graph.operators if not graph.kind(o).isupper() for i in o.outputs}
    assert custom
    for group in mixed.groups(graph):
        assert custom.isdisjoint(group.tensors)


def test_what_moves_values_to_another_scale_rounds_again(tmp_path: Path) -> None:
    quantized = small_network.quantized(tmp_path)
    source = small_network.convolutional()
    assert "flat" not in Simulation(source, quantized.read_bytes()).activations

    def coarser(graph: Graph) -> None:
        quantization = small_network.tensor(graph, "flat").quantization
        quantization.scale = np.asarray(quantization.scale) * 2

    spoilt = small_network.spoilt(quantized, coarser).read_bytes()
    assert "flat" in Simulation(source, spoilt).activations


def test_what_is_rounded_has_the_constants_of_the_quantized_file_and_what_is_not_its_own(
    tmp_path: Path,
) -> None:
    quantized = small_network.quantized(tmp_path)
    simulated = Simulation(small_network.convolutional(), quantized.read_bytes())
    wanted = {kernel.output: kernel.dequantized() for kernel in weights_in(quantized)}
    rounded = Graph(flatbuffer.unpack(quantized.read_bytes()))
    for operator in rounded.weighted():
        name, index = rounded.name(int(operator.outputs[0])), int(operator.inputs[2])
        levels, scale = rounded.constant(index), rounded.tensors[index].quantization.scale
        wanted[f"{name}/bias"] = levels * np.asarray(scale)
    for names in (
        simulated.weights,
        simulated.weights[:1],
        (),
    ):  # the second does not inherit what the first changed
        graph = simulated.build(names, ()).graph
        own = Graph(flatbuffer.unpack(small_network.convolutional()))
        for operator, exact in zip(graph.weighted(), own.weighted(), strict=True):
            name = graph.name(int(operator.outputs[0]))
            for position, key in ((1, name), (2, f"{name}/bias")):
                found = graph.constant(operator.inputs[position])
                expected = wanted[key] if name in names else own.constant(exact.inputs[position])
                np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)  # type: ignore[arg-type]

"""The workbench: errors against numpy, and a model that is ill-conditioned."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from conv_network import FUSED, Network
from dense_chain import FIRST, IMAGE, SECOND, DenseChain
from on_bytes import OutputError, Workbench, largest_difference, widened
from samples import samples
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.quantization import effort, output_error, workbench
from tflbuild.quantization.form import Form
from tflbuild.quantization.observation import Executable
from tflbuild.quantization.output_error import top1
from tflbuild.quantization.search import Search
from tflbuild.quantization.settings import SHARED, Setting
from tflbuild.quantization.workbench import Border
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed
from tflbuild.tflite.tiny import dense_classifier

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

PLAIN = Border(float_input=False, float_output=True, limits=(None,))


def bench(content: bytes, images: Any, folder: Path, **options: Any) -> Workbench:
    return Workbench(content, images, options.pop("held_out", images), "int8", PLAIN, folder, **options)


def test_the_error_is_that_of_numpy(tmp_path: Path) -> None:
    chain = DenseChain(large=1.0)
    here = bench(chain.content(), chain.samples, tmp_path)
    error = here.error(here.built(Setting()))
    everything = chain.error({FIRST, SECOND}, {IMAGE, FIRST, SECOND})
    assert error == pytest.approx(everything, rel=0.02)  # biases are rounded too


def test_the_mean_over_images_is_the_error(tmp_path: Path) -> None:
    chain = DenseChain()
    here = bench(chain.content(), chain.samples, tmp_path, held_out=chain.samples[:7])
    made = here.built(Setting())
    assert (len(here.errors(made)), here.held_out) == (7, 7)
    assert np.mean(here.errors(made)) == pytest.approx(here.error(made))


def test_a_model_has_no_error_against_itself() -> None:
    chain = DenseChain()
    assert OutputError(chain.content(), chain.samples).of(chain.content()) == 0.0
    assert largest_difference(chain.content(), chain.content(), chain.samples) == 0.0


def test_top1_counts_what_the_label_says() -> None:
    chain = DenseChain()
    best = [int(np.argmax(chain._hidden(image.ravel()) @ chain.second.T)) for image in chain.images]
    wrong = [(label + 1) % 3 for label in best[:10]]
    assert top1(chain.content(), chain.samples, [*wrong, *best[10:]]) == 0.75


def test_ranges_of_pixels_are_given_and_the_rest_is_measured(tmp_path: Path) -> None:
    chain = DenseChain()
    border = Border(float_input=False, float_output=True, limits=((-1.0, 127 / 128),))
    made = Workbench(chain.content(), chain.samples, [], "int8", border, tmp_path).built(Setting())
    graph = Graph(flatbuffer.unpack(made))
    scales = {graph.name(i): t.quantization.scale for i, t in enumerate(graph.tensors) if t.quantization}
    assert scales[IMAGE][0] == pytest.approx(1 / 128)
    low, high = chain.ranges()[FIRST]
    assert scales[FIRST][0] == pytest.approx((high - low) / 255, rel=1e-3)


def test_an_ill_conditioned_model_comes_back_by_equalization(tmp_path: Path) -> None:
    """One hidden value is a hundred times as large as the others, so that one scale leaves those a level or two."""
    chain = DenseChain(large=100.0)
    here = bench(chain.content(), chain.samples, tmp_path)
    stock = here.error(here.built(Setting()))
    ours = here.error(here.built(Setting(equalize="activations")))
    assert stock > 0.3
    assert ours < 0.05


def spoilt(factor: float, seed: int = 3) -> Network:
    """Give three convolutions, one channel of whose first is `factor` times as large, which the second makes up for."""
    network = Network(seed=seed)
    rng = np.random.default_rng(seed)
    one, two = rng.normal(0, 0.4, (4, 1, 1, 3)), rng.normal(0, 0.4, (4, 1, 1, 4))
    one[2] *= factor
    two[..., 2] /= factor
    network.conv("one", "image", 4, weights=one, bias=np.zeros(4))
    network.conv("two", "one", 4, weights=two)
    network.conv("three", "two", 3, fused=FUSED.NONE)
    return network


def test_one_scale_a_tensor_comes_back_by_equalization(tmp_path: Path) -> None:
    network = spoilt(50.0)
    images = network.samples(30)
    here = bench(network.content("three"), images, tmp_path, form=Form(granularity="tensor"))
    stock, ours = (
        here.error(here.built(Setting(equalize=equalize)))  # type: ignore[arg-type]
        for equalize in ("none", "weights")
    )
    usual = bench(spoilt(1.0).content("three"), images, tmp_path / "..", form=Form(granularity="tensor"))
    well = usual.error(usual.built(Setting()))
    assert stock > 5 * well
    assert ours < 1.5 * well


def test_what_is_under_way_is_told(tmp_path: Path) -> None:
    chain, told = DenseChain(), list[tuple[float, float, str]]()
    here = bench(
        chain.content(),
        chain.samples,
        tmp_path,
        progress=lambda done, total, note: told.append((done, total, note)),
    )
    here.built(Setting(equalize="weights", correct_bias=True))
    notes = [note for _, _, note in told]
    assert (notes.count("activations"), notes.count("biases")) == (
        2 * 80,
        2,
    )  # of two models, twice each image


SETTINGS = [
    Setting(),
    Setting(ranges="mse", equalize="activations"),
    Setting(equalize="weights", relu6="replace", correct_bias=True),
    Setting(round="learned"),
]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.text)
def test_held_out_images_decide_nothing_that_is_built(tmp_path: Path, setting: Setting) -> None:
    """Were one of them looked at, a hundred times as large as the others, a range or a bias would be another."""
    chain = DenseChain()
    seen, made = chain.samples[:6], []
    for place, held_out in enumerate(([], samples([image * 100 for image in chain.images[6:9]], IMAGE))):
        folder = tmp_path / str(place)
        folder.mkdir()
        made.append(bench(chain.content(), seen, folder, held_out=held_out).built(setting))
    assert made[0] == made[1]


def test_images_that_were_calibrated_on_decide_nothing_that_is_measured(tmp_path: Path) -> None:
    chain = DenseChain()
    made = chain.quantized(tmp_path / "float.tflite")
    found = []
    for seen in (chain.samples[:6], samples([image * 100 for image in chain.images[:6]], IMAGE)):
        here = bench(chain.content(), seen, tmp_path, held_out=chain.samples[6:11], labels=[0, 1, 2, 0, 1])
        found.append((here.error(made), here.errors(made), here.top1(made)))
    assert found[0] == found[1]
    reference = OutputError(chain.content(), chain.samples[6:11])
    assert found[0][:2] == (reference.of(made), tuple(reference.by_image(made)))


def test_labels_are_of_the_held_out_images_and_count_only_where_they_are_given(tmp_path: Path) -> None:
    chain = DenseChain()
    best = [int(np.argmax(chain._hidden(image.ravel()) @ chain.second.T)) for image in chain.images]
    assert best[:5] != best[5:10]
    here = bench(
        chain.content(), chain.samples[:5], tmp_path, held_out=chain.samples[5:10], labels=best[5:10]
    )
    assert here.top1(chain.content()) == 1.0
    assert bench(chain.content(), chain.samples[:5], tmp_path).top1(chain.content()) is None


def test_an_equalized_model_is_measured_against_the_one_that_was_given(tmp_path: Path) -> None:
    """RELU6 replaced is not exact: measured against itself it would have no error."""
    network = Network(channels=1)
    network.conv("one", "image", 2, weights=np.array([20.0, 0.5]), bias=np.zeros(2), fused=FUSED.RELU6)
    network.conv("two", "one", 1, weights=np.array([1.0, 8.0]), fused=FUSED.NONE)
    content, images = network.content("two"), network.samples(6)
    here = bench(content, images, tmp_path)
    replaced = here.variant("weights", "replace").model
    assert here.error(replaced) == OutputError(content, images).of(replaced) > 0.1


def test_means_of_large_activations_are_taken_over_fewer_images_but_never_over_less_than_eight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, given = DenseChain(), []
    monkeypatch.setattr(
        "tflbuild.quantization.bias_correction.correct",
        lambda graph, floating, images, progress: given.append(len(images)),
    )
    values = effort.activation_values(Graph.unpacked(chain.content()))
    for most in (1000, 12, 2):
        monkeypatch.setattr(workbench, "CORRECTION_VALUES", most * values)
        bench(chain.content(), chain.samples, tmp_path).built(Setting(correct_bias=True))
    assert given == [32, 12, 8]


def test_means_for_biases_are_taken_over_the_first_images_that_ranges_are_measured_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[Graph, list[Any]]] = []

    def correct(graph: Graph, floating: Graph, images: Any, progress: Any) -> None:
        given.append((floating, list(images)))

    monkeypatch.setattr("tflbuild.quantization.bias_correction.correct", correct)
    chain = DenseChain()
    seen, held_out = chain.samples[:35], chain.samples[35:]
    here = bench(chain.content(), seen, tmp_path, held_out=held_out)
    here.built(Setting(equalize="weights", correct_bias=True))
    ((floating, images),) = given
    assert len(images) == 32, "more gained nothing"
    assert all(np.array_equal(one[IMAGE], other[IMAGE]) for one, other in zip(images, seen, strict=False))
    assert floating.packed() == here.variant("weights", "keep").model.content != chain.content()


class Watched(OutputError):
    """Errors, and on how many of which images they were measured."""

    used: ClassVar[list[tuple[bytes, list[Any]]]]

    def __init__(self, floating: Any, images: Any) -> None:
        self.used.append((floating.content, list(images)))
        super().__init__(floating.content, images)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> type[Watched]:
    monkeypatch.setattr(Watched, "used", [], raising=False)
    monkeypatch.setattr("tflbuild.quantization.workbench.OutputError", Watched)
    return Watched


@pytest.mark.parametrize("what", ["sensitivity", "order"])
def test_layers_are_measured_on_so_many_held_out_images_against_the_model_that_was_given(
    tmp_path: Path, watched: type[Watched], what: str
) -> None:
    chain = DenseChain()
    here = bench(chain.content(), chain.samples[:6], tmp_path, held_out=chain.samples[6:12])
    if what == "sensitivity":
        found = here.sensitivity(Setting(equalize="weights"), 2)
        assert {layer.layer for layer in found.layers} == {"image", "first", "second"}
    else:
        here.order(Setting(equalize="weights"), "float32", 1.0, 2)
    ((content, images),) = watched.used
    assert content == chain.content()
    assert [image[IMAGE].tolist() for image in images] == [image.tolist() for image in chain.images[6:8]]


def test_groups_of_a_large_model_are_ordered_on_fewer_images_but_never_on_less_than_four(
    tmp_path: Path, watched: type[Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = DenseChain()
    each = (
        effort.work(Graph.unpacked(chain.content())) * 4.5
    )  # three groups, each measured one time and a half
    for most in (100, 6, 1):
        monkeypatch.setattr(workbench, "ORDERING", most * each)
        here = bench(chain.content(), chain.samples[:6], tmp_path, held_out=chain.samples[6:16])
        here.order(Setting(), "float32", 1.0, 8)
    assert [len(images) for _, images in watched.used] == [8, 6, 4]


def test_candidates_to_keep_are_compared_with_the_plain_model_without_corrected_biases(
    tmp_path: Path,
) -> None:
    chain, asked = DenseChain(), list[Setting]()
    here = bench(chain.content(), chain.samples[:6], tmp_path, held_out=chain.samples[6:12])
    build = here.build

    def watched(setting: Setting, kept: Any = None) -> bytes:
        asked.append(setting)
        return build(setting, kept)

    here.build = watched  # type: ignore[method-assign]
    told: list[tuple[float, float, str]] = []
    here.progress = lambda *given: told.append(given)
    steps = here.order(Setting(ranges="mse", correct_bias=True), "float32", 1.0, 6)
    assert asked == [Setting(ranges="mse")]
    ordering = [(done, total) for done, total, note in told if note == "layers to keep"]
    # three candidates, each measured one time and a half, or more
    assert ordering == [(done, max(done, 4.5)) for done in range(1, len(ordering) + 1)]
    assert len(ordering) >= 4
    assert sum(step.bytes for step in steps) == 60, "48 and 12 weights"
    plain = here.error(build(Setting(ranges="mse")))
    assert steps[0].before == pytest.approx(plain, rel=0.02)
    assert here.order(Setting(), "float32", 0.2, 6)[0].bytes == 12, "a fifth of them"


def test_what_is_built_is_built_once_and_what_keeps_layers_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, kept = DenseChain(), list[Any]()
    here = bench(chain.content(), chain.samples[:4], tmp_path)
    quantized = here._quantized

    def counted(setting: Setting, keeping: Any) -> bytes:
        kept.append(keeping)
        return quantized(setting, keeping)

    monkeypatch.setattr(here, "_quantized", counted)
    plain, other = here.built(Setting()), here.built(Setting(equalize="weights"))
    assert (here.built(Setting()), here.built(Setting(equalize="weights"), {})) == (plain, other)
    assert plain != other
    mixed = here.built(Setting(), {SECOND: "float32"})
    assert mixed not in (plain, other)
    assert kept == [None, None, {SECOND: "float32"}]


def test_a_kept_layer_is_not_rounded_where_the_others_were_learned(tmp_path: Path) -> None:
    chain = DenseChain(large=1.0)
    here = bench(chain.content(), chain.samples[:6], tmp_path)
    graph = Graph(flatbuffer.unpack(here.built(Setting(round="learned"), {SECOND: "float32"})))
    weights = {graph.name(int(o.outputs[0])): graph.constant(o.inputs[1]) for o in graph.weighted()}
    assert np.array_equal(weights[SECOND], chain.second)  # type: ignore[arg-type]
    assert weights[FIRST].dtype == np.int8  # type: ignore[union-attr]
    assert [layer.layer for layer in here.rounded] == [FIRST, SECOND]
    assert bench(chain.content(), chain.samples[:6], tmp_path).rounded == []


def test_relu6_of_a_model_that_is_not_equalized_makes_no_second_variant(tmp_path: Path) -> None:
    chain = DenseChain()
    here = bench(chain.content(), chain.samples[:4], tmp_path)
    assert here.variant("none", "replace") is here.variant("none", "keep")
    assert here.variant("weights", "replace") is not here.variant("weights", "keep")
    assert here.variant("none", "keep").model.content == chain.content()


def test_a_wrong_scale_is_noticed_whatever_built_it(tmp_path: Path) -> None:
    chain = DenseChain()
    images = samples([image * np.float32(1e9) for image in chain.images[:4]], IMAGE)
    with pytest.raises(BrokenPromise, match="values ran away"):
        bench(chain.content(), images, tmp_path).built(Setting())


def test_a_model_that_cannot_be_measured_is_refused_before_anything_is_made_of_it(tmp_path: Path) -> None:
    chain = DenseChain()
    good, nothing = chain.samples[:2], samples([np.full((2, 2, 3), np.nan, np.float32)], IMAGE)
    with pytest.raises(PassError, match=r"^the float model's output 0 is not finite on 1 of 1 images\.$"):
        bench(chain.content(), good, tmp_path, held_out=nothing).check_source()
    with pytest.raises(PassError, match="is not finite on a calibration image"):
        bench(chain.content(), nothing, tmp_path, held_out=good).check_source()
    bench(chain.content(), good, tmp_path).check_source()


@pytest.mark.parametrize("scores", ["int8", "int16"])
def test_final_scores_have_the_bits_of_the_border(tmp_path: Path, scores: Any) -> None:
    rng = np.random.default_rng(0)
    images = samples(rng.uniform(-1, 1, (8, 8, 3)).astype(np.float32) for _ in range(3))
    border = Border(float_input=True, float_output=True, limits=(None,), scores=scores)
    made = Workbench(dense_classifier(), images, images, "int8", border, tmp_path).built(Setting())
    assert len(widened(made)) == (1 if scores == "int16" else 0)


@pytest.mark.parametrize("keep", ["float32", "int16x8"])
def test_a_kept_layer_has_exact_weights_only_where_it_is_float(tmp_path: Path, keep: Any) -> None:
    chain = DenseChain()
    here = bench(chain.content(), chain.samples, tmp_path)
    steps = here.order(Setting(), keep, 1.0, 40)
    wanted = chain.error((), {IMAGE}) if keep == "float32" else chain.error({FIRST, SECOND}, {IMAGE})
    assert steps[-1].after == pytest.approx(wanted, rel=0.05)


def test_a_candidate_that_cannot_be_measured_is_not_kept_but_the_plain_model_has_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, asked = DenseChain(), list[bytes]()
    here = bench(chain.content(), chain.samples[:6], tmp_path)
    of = output_error.OutputError.of

    def failing(self: output_error.OutputError, made: Packed) -> float:
        asked.append(made.content)
        if len(asked) > 1:
            raise PassError("its output is not finite")
        return of(self, made)

    monkeypatch.setattr(output_error.OutputError, "of", failing)
    assert here.order(Setting(), "float32", 1.0, 6) == []
    assert len(asked) == 4, "the plain model, either layer, and both"
    with pytest.raises(PassError, match="its output is not finite"):
        here.order(Setting(), "float32", 1.0, 6)


def test_a_channel_without_weights_keeps_its_bias(tmp_path: Path) -> None:
    network = Network(channels=1)
    network.conv(
        "out", "image", 2, weights=np.array([0.5, 1e-9]), bias=np.array([0.1, 0.75]), fused=FUSED.NONE
    )
    images = network.samples(4)
    here = bench(network.content("out"), images, tmp_path)
    made = here.built(Setting())
    (found,) = Executable(made).run(images[0])
    np.testing.assert_allclose(found[..., 1], 0.75, atol=0.01)


def test_no_candidate_changes_what_it_was_made_from(tmp_path: Path) -> None:
    network = Network(channels=2)
    network.conv("one", "image", 4, fused=FUSED.RELU6)
    network.conv("two", "one", 4, fused=FUSED.RELU)
    network.conv("three", "two", 2, fused=FUSED.NONE)
    content, images = network.content("three"), network.samples(6)
    here = bench(content, images, tmp_path, form=Form(weight_bits=4))
    variants = [here.variant(*way) for way in SHARED]
    before = [variant.model.content for variant in variants]
    assert len(set(before)) == 4, "with 4 bits nothing is lifted here"
    found = Search(here).run(("minmax", "mse"), SHARED, learning=True)
    best = found[0].setting
    here.sensitivity(best, 2)
    for step in here.order(best, "float32", 1.0, 2):
        here.built(best, dict.fromkeys(step.tensors, "float32"))
    assert [variant.model.graph.packed() for variant in variants] == before
    assert before[3] == content
    again = bench(content, images, _folder(tmp_path), form=Form(weight_bits=4))
    for setting in (each.setting for each in found):
        assert again.built(setting) == here.built(setting), "whatever was built before"


def _folder(parent: Path) -> Path:
    made = parent / "again"
    made.mkdir()
    return made

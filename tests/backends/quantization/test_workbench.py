"""The workbench: errors against numpy, and a model that is ill-conditioned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conv_network import FUSED, Network
from dense_chain import FIRST, IMAGE, SECOND, DenseChain

from tflbuild.backends import flatbuffer
from tflbuild.backends.graph import Graph
from tflbuild.backends.quantization.form import Form
from tflbuild.backends.quantization.output_error import OutputError, largest_difference, top1
from tflbuild.backends.quantization.settings import Setting
from tflbuild.backends.quantization.workbench import Border, Workbench

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

PLAIN = Border(float_input=False, float_output=True, pixels=None)


def bench(content: bytes, images: Any, folder: Path, **options: Any) -> Workbench:
    return Workbench(content, images, options.pop("held_out", images), "int8", PLAIN, folder, **options)


def test_the_error_is_that_of_numpy(tmp_path: Path) -> None:
    chain = DenseChain(large=1.0)
    here = bench(chain.content(), chain.images, tmp_path)
    error = here.error(here.build(Setting()))
    everything = chain.error({FIRST, SECOND}, {IMAGE, FIRST, SECOND})
    assert error == pytest.approx(everything, rel=0.02)  # biases are rounded too


def test_the_mean_over_images_is_the_error(tmp_path: Path) -> None:
    chain = DenseChain()
    here = bench(chain.content(), chain.images, tmp_path, held_out=chain.images[:7])
    made = here.build(Setting())
    assert (len(here.errors(made)), here.held_out) == (7, 7)
    assert np.mean(here.errors(made)) == pytest.approx(here.error(made))


def test_a_model_has_no_error_against_itself() -> None:
    chain = DenseChain()
    assert OutputError(chain.content(), chain.images).of(chain.content()) == 0.0
    assert largest_difference(chain.content(), chain.content(), chain.images) == 0.0


def test_top1_counts_what_the_label_says() -> None:
    chain = DenseChain()
    best = [int(np.argmax(chain._hidden(image.ravel()) @ chain.second.T)) for image in chain.images]
    wrong = [(label + 1) % 3 for label in best[:10]]
    assert top1(chain.content(), chain.images, [*wrong, *best[10:]]) == 0.75


def test_ranges_of_pixels_are_given_and_the_rest_is_measured(tmp_path: Path) -> None:
    chain = DenseChain()
    border = Border(float_input=False, float_output=True, pixels=(-1.0, 127 / 128))
    made = Workbench(chain.content(), chain.images, [], "int8", border, tmp_path).build(Setting())
    graph = Graph(flatbuffer.unpack(made))
    scales = {graph.name(i): t.quantization.scale for i, t in enumerate(graph.tensors) if t.quantization}
    assert scales[IMAGE][0] == pytest.approx(1 / 128)
    low, high = chain.ranges()[FIRST]
    assert scales[FIRST][0] == pytest.approx((high - low) / 255, rel=1e-3)


def test_an_ill_conditioned_model_comes_back_by_equalization(tmp_path: Path) -> None:
    """One hidden value is a hundred times as large as the others, so that one scale leaves those a level or two."""
    chain = DenseChain(large=100.0)
    here = bench(chain.content(), chain.images, tmp_path)
    stock = here.error(here.build(Setting()))
    ours = here.error(here.build(Setting(equalize="activations")))
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
    images = network.images(30)
    here = bench(network.content("three"), images, tmp_path, form=Form(granularity="tensor"))
    stock, ours = (
        here.error(here.build(Setting(equalize=equalize)))  # type: ignore[arg-type]
        for equalize in ("none", "weights")
    )
    usual = bench(spoilt(1.0).content("three"), images, tmp_path / "..", form=Form(granularity="tensor"))
    well = usual.error(usual.build(Setting()))
    assert stock > 5 * well
    assert ours < 1.5 * well


def test_what_is_under_way_is_told(tmp_path: Path) -> None:
    chain, told = DenseChain(), list[tuple[float, float, str]]()
    here = bench(
        chain.content(),
        chain.images,
        tmp_path,
        progress=lambda done, total, note: told.append((done, total, note)),
    )
    here.build(Setting(equalize="weights", correct_bias=True))
    notes = [note for _, _, note in told]
    assert (notes.count("activations"), notes.count("biases")) == (
        2 * 80,
        2,
    )  # of two models, twice each image

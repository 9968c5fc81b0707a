"""How often a pass unpacks and packs a model: once what it reads, and once what it gives.

Besides that, LiteRT gets files: what is executed is packed, each once; and LiteRT Quantizer's result is unpacked. What
is verified is read from the file that was written, and is counted apart.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conv_network import FUSED, Network
from foreign_networks import written
from tflbuild import plugins
from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.dataset import Dataset, Example, Index, Sample
from tflbuild.testing import run_pass
from tflbuild.tflite import flatbuffer

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
    pytest.mark.filterwarnings("ignore:The distutils package is deprecated:DeprecationWarning"),
]


class Drawn(Dataset):
    """Random maps."""

    task = "unlabelled"
    modality = "vector"

    def read(self, sample: Sample) -> Example:
        values = np.random.default_rng(int(sample.key)).uniform(-1, 1, (6, 6, 2)).astype(np.float32)
        return Example(values, np.zeros((0, 4), np.float32), np.zeros(0, np.int32))


INDEX = Index(classes=(), splits={"train": tuple(Sample(str(number), str(number)) for number in range(12))})


def network() -> bytes:
    """Give a model of three convolutions, two of which can share the sizes of their channels."""
    made = Network(channels=2)
    made.conv("one", "image", 4, fused=FUSED.RELU)
    made.conv("two", "one", 4, fused=FUSED.RELU)
    made.conv("three", "two", 2, fused=FUSED.NONE)
    return made.content("three")


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count models that are unpacked, packed, and unpacked from a written file to be verified.

    Models of one operator, which correction and rounding run by themselves, are not counted.
    """
    found: Counter[str] = Counter()
    load, unpack, pack = flatbuffer.load, flatbuffer.unpack, flatbuffer.pack

    def counted_load(path: Path) -> Any:
        found.update(verified=1, unpacked=-1)
        return load(path)

    def counted_unpack(content: bytes) -> Any:
        found["unpacked"] += 1
        return unpack(content)

    def counted_pack(model: Any) -> bytes:
        found["packed"] += len(model.subgraphs[0].operators) > 1
        return pack(model)

    monkeypatch.setattr(flatbuffer, "load", counted_load)
    monkeypatch.setattr(flatbuffer, "unpack", counted_unpack)
    monkeypatch.setattr(flatbuffer, "pack", counted_pack)
    return found


def passed(
    name: str, model: TFLiteModel, folder: Path, counts: Counter[str], models: Any = None, **options: Any
) -> TFLiteModel:
    plugins.load(None)
    made = PASSES.get(name)(**options)
    counts.clear()
    result: TFLiteModel = run_pass(made, model, folder, data=Drawn(), index=INDEX, models=models)
    return result


COUNTS: dict[str, tuple[dict[str, Any], int, int, int]] = {
    # unpacked: what is read, and what LiteRT Quantizer gives
    # packed: the model with the floats that leave it exposed, to see whether their parts lie far apart; that with every
    # activation exposed; what LiteRT Quantizer gave, mended; the result
    "fixed": ({"method": "fixed"}, 2, 4, 17),
    # packed besides: the equalized model, that with its activations exposed, that with the outputs of its layers
    "fixed, equalized and corrected": (
        {"method": "fixed", "equalize": "weights", "correct_bias": True},
        2,
        7,
        17,
    ),
    # packed besides: the model with the outputs of its layers exposed, and with rounded weights
    "fixed, rounding learned": ({"method": "fixed", "round": "learned"}, 2, 6, 17),
    # packed: what LiteRT Quantizer gave, and the result
    "dynamic": ({"scheme": "dynamic"}, 2, 2, 9),
}


@pytest.mark.parametrize("name", COUNTS)
def test_quantizing_unpacks_two_files_and_packs_what_runs_and_the_result(
    name: str, tmp_path: Path, counts: Counter[str]
) -> None:
    options, unpacked, packed, verified = COUNTS[name]
    passed("quantize", written(tmp_path, network()), tmp_path, counts, **options)
    assert (counts["unpacked"], counts["packed"]) == (unpacked, packed)
    assert counts["verified"] <= verified


def test_a_search_unpacks_and_packs_each_candidate_once(tmp_path: Path, counts: Counter[str]) -> None:
    from tflbuild.quantization import quantizer

    notes: dict[str, Any] = {}
    plugins.load(None)
    model = written(tmp_path, network())
    made: list[Any] = []
    real = quantizer.quantize

    def quantize(*given: Any, **options: Any) -> Any:
        made.append(given)
        return real(*given, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantizer, "quantize", quantize)
        counts.clear()
        run_pass(PASSES.get("quantize")(), model, tmp_path, data=Drawn(), index=INDEX, notes=notes)
    candidates = len(notes["auto"]["candidates"])
    corrected = sum("corrected" in one["setting"] for one in notes["auto"]["candidates"])
    assert len(made) == candidates > 6
    # the file that is read, each candidate, and the chosen one again, which was on the disk meanwhile
    assert counts["unpacked"] == 1 + candidates + 1
    # the floats that leave the model; four equalized forms, and what is observed of each; layers of corrected ones
    assert counts["packed"] == 1 + 4 + 4 + candidates + corrected + 1


def test_equalizing_unpacks_the_file_and_packs_what_is_compared_and_the_result(
    tmp_path: Path, counts: Counter[str]
) -> None:
    passed("equalize", written(tmp_path, network()), tmp_path, counts)
    assert (counts["unpacked"], counts["packed"]) == (1, 3), "exposed, equalized, with its facts"


def test_absorbing_packs_two_more(tmp_path: Path, counts: Counter[str]) -> None:
    passed("equalize", written(tmp_path, network()), tmp_path, counts, absorb_bias=True)
    assert (counts["unpacked"], counts["packed"]) == (1, 5), "the equalized one exposed, and the absorbed one"


def test_rounding_unpacks_the_file_and_packs_what_is_observed_and_the_result(
    tmp_path: Path, counts: Counter[str]
) -> None:
    passed("round", written(tmp_path, network()), tmp_path, counts, steps=5)
    assert (counts["unpacked"], counts["packed"]) == (1, 2)


def test_correcting_unpacks_both_files_and_packs_what_is_measured_and_the_result(
    tmp_path: Path, counts: Counter[str]
) -> None:
    given = written(tmp_path, network())
    plain = passed("quantize", given, tmp_path, counts, method="fixed")
    passed("correct_bias", plain, tmp_path, counts, models={"convert": given})
    assert (counts["unpacked"], counts["packed"]) == (2, 3), "layers exposed, corrected, with its facts"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["small_classifier", "small_detector"])
def test_what_the_converter_gives_is_unpacked_once_and_packed_once(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, counts: Counter[str]
) -> None:
    from tflbuild.passes.convert import Convert

    model: KerasModel = request.getfixturevalue(kind)
    counts.clear()
    run_pass(Convert(), model, tmp_path)
    assert (counts["unpacked"], counts["packed"]) == (1, 1)

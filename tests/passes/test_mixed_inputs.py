"""A model that takes a picture and numbers: each input has the border that its modality asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foreign_networks import FUSED, Draft
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.dataset import Dataset, Example, Index, Sample
from tflbuild.core.errors import DataError, PassError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.evaluation.feeding import as_input
from tflbuild.evaluation.predictions import readable
from tflbuild.runtimes.interpreter import Loaded
from tflbuild.testing import artifact, run_pass

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

PIXELS = {"scale": 0.0078125, "offset": -1.0}


def content() -> bytes:
    draft = Draft(8, numbers=(1, 3), image=(1, 8, 8, 3))
    draft.conv("seen", "image", 4)
    draft.reshape("flat", "seen", 1, 256)
    draft.add("joined", draft.dense("left", "numbers", 6, FUSED.RELU), draft.dense("right", "flat", 6))
    return draft.content(draft.dense("found", "joined", 2))


class Pairs(Dataset):
    """A picture of noise, and three numbers; one of them may be lacking."""

    task = "unlabelled"
    lacks: str = ""

    def read(self, sample: Sample) -> Example:
        rng = np.random.default_rng(int(sample.key))
        value = {
            "image": rng.integers(0, 256, (8, 8, 3), dtype=np.uint8),
            "numbers": rng.uniform(-3, 3, 3),
        }
        value.pop(self.lacks, None)
        return Example(value, np.zeros((0, 4)), np.zeros(0, np.int32))


@pytest.fixture
def model(tmp_path: Path) -> TFLiteModel:
    plugins.load(None)
    path = tmp_path / "mixed.tflite"
    path.write_bytes(content())
    inputs = {
        "image": Input(modality="image", shape=(8, 8, 3), preprocess=PIXELS),
        "numbers": Input(modality="vector", shape=(3,)),
    }
    made: TFLiteModel = artifact(TFLiteModel, path, Meaning(task="unlabelled", inputs=inputs))
    return made


def quantized(model: TFLiteModel, folder: Path, lacks: str = "", **options: Any) -> TFLiteModel:
    data = Pairs()
    object.__setattr__(data, "lacks", lacks)
    samples = tuple(Sample(str(number), str(number)) for number in range(40))
    index = Index(classes=(), splits={"train": samples, "val": (), "test": ()})
    made: TFLiteModel = run_pass(
        PASSES.get("quantize")(**{"method": "fixed", **options}), model, folder, data=data, index=index
    )
    return made


def outputs(model: TFLiteModel, codes: dict[str, Any]) -> Any:
    loaded, meaning = Loaded(model.path), Meaning.of(model)
    inputs = {
        name: as_input(codes[name][None], given.kind, loaded.signature.inputs[name])
        for name, given in meaning.inputs.items()
    }
    return readable(loaded.run(inputs), loaded)["found"]


@pytest.mark.parametrize(
    ("options", "dtypes"),
    [
        ({}, ("int8", "uint8")),
        ({"input_dtype": "int8"}, ("int8", "int8")),
        ({"input_dtype": "float32"}, ("float32", "float32")),
        ({"activations": "symmetric"}, ("int8", "uint8")),
        ({"scheme": "int16x8"}, ("float32", "float32")),
    ],
    ids=str,
)
def test_each_input_has_the_dtype_of_its_modality(
    model: TFLiteModel, tmp_path: Path, options: dict[str, Any], dtypes: tuple[str, str]
) -> None:
    result = quantized(model, tmp_path, **options)
    numbers, image = result.meta["signature"]["inputs"]  # in the order of the graph
    assert (numbers["name"], image["name"]) == ("numbers", "image")
    assert (numbers["dtype"], image["dtype"]) == dtypes
    if image["dtype"] in ("uint8", "int8"):  # model value = byte / 128 - 1, by hand
        zero_point = 128 if image["dtype"] == "uint8" else 0
        assert (image["scale"], image["zero_point"]) == (pytest.approx(1 / 128), zero_point)
    rng = np.random.default_rng(999)
    codes = [
        {
            "image": rng.integers(0, 256, (8, 8, 3), dtype=np.uint8),
            "numbers": rng.uniform(-3, 3, 3).astype(np.float32),
        }
        for _ in range(20)
    ]
    wanted, found = ([outputs(each, one) for one in codes] for each in (model, result))
    assert np.abs(np.subtract(found, wanted)).mean() < 0.05 * np.std(wanted)


def test_raw_bytes_for_numbers_are_refused_with_the_input(model: TFLiteModel, tmp_path: Path) -> None:
    with pytest.raises(
        PassError, match=r"^input_dtype: uint8 takes raw bytes, and the input 'numbers' has none"
    ):
        quantized(model, tmp_path, input_dtype="uint8")


def test_a_sample_that_lacks_an_input_is_refused_with_its_key(model: TFLiteModel, tmp_path: Path) -> None:
    text = "data: sample 0 has the arrays 'image', and the model's inputs are 'image', 'numbers'; give each"
    with pytest.raises(DataError, match=text):
        quantized(model, tmp_path, lacks="numbers")

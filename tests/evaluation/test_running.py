"""A few samples through a model: what goes in, what comes out, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from foreign_networks import Draft, ends, samples_of, scalars, two_inputs, two_outputs
from foreign_networks import written as foreign
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import DataError, PassError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.evaluation.running import outputs_of
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.testing import artifact
from tflbuild.tflite.assemble import Step, assemble


def summing(folder: Path, **preprocess: Any) -> TFLiteModel:
    """Give a file that adds up the values of a picture of 2 x 2 pixels."""
    options = schema.FullyConnectedOptionsT()
    tensors: Any = {"image": (1, 2, 2, 3), "weights": np.ones((1, 12), np.float32), "sum": (1, 1)}
    kind = schema.BuiltinOptions.FullyConnectedOptions
    step = Step(schema.BuiltinOperator.FULLY_CONNECTED, ["image", "weights"], ["sum"], kind, options)
    path = folder / "sum.tflite"
    path.write_bytes(assemble(tensors, [step], ["image"], ["sum"]))
    given = Input(modality="image", shape=(2, 2, 3), preprocess=ImageModality(**preprocess).to_json())
    made: TFLiteModel = artifact(TFLiteModel, path, Meaning(task="unlabelled", inputs={"image": given}))
    return made


def grey(value: int, rows: int = 2, columns: int = 2) -> Any:
    return np.full((rows, columns, 3), value, np.uint8)


def test_each_sample_is_prepared_as_the_meaning_says_and_has_a_row(tmp_path: Path) -> None:
    values = {"a": grey(255), "b": grey(0), "c": grey(128, 7, 5)}
    found = outputs_of(summing(tmp_path), values)
    assert list(found) == ["sum"]
    assert found["sum"].dtype == np.float32
    # 12 numbers of 255 / 128 - 1, of -1, and of 0
    assert found["sum"].tolist() == [[12 * 127 / 128], [-12.0], [0.0]]
    raw = outputs_of(summing(tmp_path, scale=1.0, offset=0.0), {"a": grey(3)})
    assert raw["sum"].tolist() == [[36.0]]
    by_channel = outputs_of(summing(tmp_path, mean=(1.0, 2.0, 3.0), std=(1.0, 2.0, 4.0)), {"a": grey(3)})
    assert by_channel["sum"].tolist() == [[4 * (2 + 0.5 + 0)]]


def test_several_inputs_and_outputs_keep_their_names(tmp_path: Path) -> None:
    content = two_inputs()
    (sample,) = samples_of(content, 1)
    found = outputs_of(foreign(tmp_path, content), {"0": sample, "1": sample})
    assert {name: value.shape for name, value in found.items()} == {"scores": (2, 2)}
    assert np.array_equal(found["scores"][0], found["scores"][1])
    content = two_outputs()
    (sample,) = samples_of(content, 1)
    found = outputs_of(foreign(tmp_path, content), {"0": sample})
    assert {name: value.shape for name, value in found.items()} == {"map": (1, 6, 6, 2), "vector": (1, 5)}


def test_outputs_without_a_batch_axis_have_a_number_for_each_sample(tmp_path: Path) -> None:
    content = scalars()
    values = {str(k): sample for k, sample in enumerate(samples_of(content, 3))}
    found = outputs_of(foreign(tmp_path, content), values)
    assert {name: value.shape for name, value in found.items()} == {
        "one": (3, 1),
        "alone": (3,),
        "level": (3,),
    }
    assert found["one"][:, 0].tolist() == found["alone"].tolist()


def test_a_sample_that_does_not_fit_is_named_with_both_shapes(tmp_path: Path) -> None:
    content = two_inputs()
    (sample,) = samples_of(content, 1)
    wrong = {**sample, "numbers": np.zeros(4, np.float32)}
    with pytest.raises(DataError) as caught:
        outputs_of(foreign(tmp_path, content), {"good": sample, "00017": wrong})
    assert str(caught.value) == (
        "data: sample 00017 does not fit the input 'numbers': it has the shape (4,), and the input takes (3,)."
    )


def test_a_file_whose_inputs_are_others_than_its_meaning_says_is_refused(tmp_path: Path) -> None:
    content = two_inputs()
    model = foreign(tmp_path, content)
    assert list(ends(content)) == ["numbers", "map"]
    other = {"digits": Input(modality="vector", shape=(3,))}
    renamed: TFLiteModel = artifact(TFLiteModel, model.path, Meaning(task="unlabelled", inputs=other))
    with pytest.raises(PassError, match="has no input 'digits'; it has "):
        outputs_of(renamed, {"a": np.zeros(3, np.float32)})


def test_every_number_of_an_output_counts_whatever_its_first_axis(tmp_path: Path) -> None:
    draft = Draft(x=(1, 6))
    content = draft.content(draft.reshape("rows", "x", 3, 2))
    values = {str(k): sample for k, sample in enumerate(samples_of(content, 2))}
    found = outputs_of(foreign(tmp_path, content), values)
    assert found["rows"].reshape(2, 6).tolist() == [
        sample["x"].ravel().tolist() for sample in values.values()
    ]

"""What delegates run of files of others: totals checked by hand against the delegates' sources, with the reasons."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from tflbuild.commands.check import check
from tflbuild.core.target import TARGETS
from tflbuild.placement import rule_file

SSD = "odapi/ssd_mobilenet_v2/tflite/float_max10"
INT8 = "odapi/ssd_mobilenet_v2/tflite/int8_max10_float_io"
PYRAMID = "odapi/ssd_mobilenet_v2_fpnlite/tflite/float_regular_nms100"
DEEPLAB = "coral/deeplabv3_mnv2_dm05_pascal_quant"
OLD = "tflite_support/mobilenet_v1_0.25_224_1_default_1"
LSTM = "coral/keras_lstm_mnist_ptq"
WORDS = "mlperf_tiny/kws_ref_model"


def placed(models: Path, device: str, name: str, **options: Any) -> dict[str, Any]:
    found = TARGETS.get(device)(**options).place(models / f"{name}.tflite")
    assert found is not None
    return dict(found)


@pytest.mark.parametrize(
    ("device", "name", "delegated", "total", "left"),
    [
        ("gpu", WORDS, 13, 13, {}),
        ("gpu", SSD, 97, 98, {97: "is no custom operator of the GPU delegate"}),
        ("gpu", DEEPLAB, 71, 72, {71: "is no operator of the GPU delegate"}),
        (
            "gpu",
            OLD,
            29,
            31,
            {
                29: "is no operator of the GPU delegate",
                30: "in a part of 1 operator, and the delegate takes the largest",
            },
        ),
        ("gpu", LSTM, 4, 6, {0: "in a part of 1 operator", 1: "is no operator of the GPU delegate"}),
        ("coreml", OLD, 29, 31, {29: "is no operator of", 30: "takes parts of 2 and more"}),
        ("coreml", WORDS, 0, 13, {10: "reads int8; the delegate takes float32"}),
        ("hexagon", WORDS, 13, 13, {}),
        ("hexagon", DEEPLAB, 72, 72, {}),
        ("hexagon", SSD, 0, 98, {0: "takes input and weights in 8 bits"}),
        ("nnapi", DEEPLAB, 71, 72, {71: "gives int64; NNAPI gives int32"}),
        ("nnapi", OLD, 31, 31, {}),
        ("qnn", OLD, 30, 31, {29: "is no operator of the Qualcomm NPU"}),
        ("qnn", LSTM, 5, 6, {1: "is no operator of the Qualcomm NPU"}),
        ("qnn", INT8, 100, 101, {100: "is no custom operator of the Qualcomm NPU"}),
    ],
)
def test_a_file_of_others_is_placed_as_the_source_says(
    shared_models: Path, device: str, name: str, delegated: int, total: int, left: dict[int, str]
) -> None:
    found = placed(shared_models, device, name)
    assert (found["delegated"], found["total"]) == (delegated, total)
    staying = {one["index"]: one["reason"] for one in found["operators"] if not one["on"]}
    assert len(staying) == total - delegated
    for index, reason in left.items():
        assert reason in staying[index]
    assert found["basis"] == "rules"


def test_more_parts_are_taken_where_the_app_lets_the_delegate(shared_models: Path) -> None:
    assert placed(shared_models, "gpu", OLD, partitions=2)["delegated"] == 30
    assert placed(shared_models, "coreml", OLD, smallest=1)["delegated"] == 30
    assert placed(shared_models, "coreml", OLD, partitions=1)["delegated"] == 29


def test_an_old_android_takes_less(shared_models: Path) -> None:
    new, old = (placed(shared_models, "nnapi", WORDS, api_level=level) for level in (31, 28))
    assert (new["delegated"], old["delegated"]) == (13, 3), "pool, reshape and softmax"
    reasons = {one["reason"] for one in old["operators"] if not one["on"]}
    assert "reads int8; NNAPI takes float32 and uint8 before API level 29" in reasons


PAGE = Path(__file__).parents[2] / "docs" / "device_tables.md"


@pytest.mark.parametrize("device", ["gpu", "coreml", "nnapi", "hexagon", "qnn"])
def test_the_page_has_the_target_with_what_its_table_says(device: str) -> None:
    (row,) = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{device}` |")]
    table = TARGETS.get(device)().rule_table()
    assert table is not None
    found = rule_file.read(table)
    for word in row.rsplit("|", 2)[1].replace("`", "").split(","):
        name = word.split()[0]
        assert name in ("its",) or name.rpartition("/")[2] in found.source
    assert (found.partition == "each") is (device == "qnn")


def test_the_command_of_the_page_gives_a_column_for_each_device(
    shared_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = [
        line
        for line in PAGE.read_text().splitlines()
        if line.startswith("tflbuild check") and "--" not in line
    ]
    words = [
        str(shared_models / f"{WORDS}.tflite") if one == "model.tflite" else one
        for one in shlex.split(line)[2:]
    ]
    assert check(words) == 0
    assert capsys.readouterr().out.splitlines()[2].split() == ["gpu", "coreml", "qnn"]


def test_what_computes_in_float16_depends_on_what_the_app_asks_for() -> None:
    computed = {
        name: TARGETS.get(name)().in_float16() for name in ("gpu", "coreml", "qnn", "nnapi", "hexagon", "cpu")
    }
    assert computed == {
        "gpu": "everything",
        "coreml": "floats",
        "qnn": "floats",
        "nnapi": "nothing",
        "hexagon": "nothing",
        "cpu": "nothing",
    }
    assert TARGETS.get("gpu")(precision="float32").in_float16() == "nothing"

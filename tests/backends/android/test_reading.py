"""What benchmark_model prints, of several years: figures are those of logs that others published."""

from __future__ import annotations

import pytest

from tflbuild.backends.android import reading

AM62 = """INFO: Loaded model /usr/share/oob-demo-assets/models/ssd_mobilenet_v2_coco.tflite
INFO: XNNPACK delegate created.
INFO: Explicitly applied XNNPACK delegate, and the model graph will be partially executed by the delegate w/ 1 delegate kernels.
INFO: Initialized session in 614.333ms.
INFO: count=1 curr=905463 p5=905463 median=905463 p95=905463
INFO: count=50 first=900416 curr=898333 min=898007 max=906121 avg=899641 std=1549 p5=898333 median=899281 p95=904305
INFO: Inference timings in us: Init: 614333, First inference: 905463, Warmup (avg): 905463, Inference (avg): 899641
INFO: Memory footprint delta from the start of the tool (MB): init=133.086 overall=149.531
"""  # noqa: E501 - as it is printed
"""Of a board of Texas Instruments, in TensorFlow Lite 2.18."""

MASK = """INFO: Created TensorFlow Lite delegate for NNAPI.
INFO: Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate.
INFO: count=50 first=307215 curr=309783 min=305938 max=333030 avg=309350 std=4411 p5=306372 median=307968 p95=315711
INFO: Overall peak memory footprint (MB) via periodic monitoring: 93.2383
"""
"""Of a phone with a GPU."""

OLD = """count=15 first=49060 curr=33682 min=32825 max=49060 avg=34825.1 std=3930

count=50 first=32891 curr=33978 min=32641 max=34005 avg=33209.4 std=450

Inference timings in us: Init: 855, First inference: 49060, Warmup (avg): 34825.1, Inference (avg): 33209.4
Peak memory footprint (MB): init=0 overall=12.8672
"""
"""Of TensorFlow Lite 2.3, without quantiles and prefixes."""

HEAD = "\t[node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]"
TABLE = f"""INFO: Profiling Info for Benchmark Initialization:
============================== Run Order ==============================
{HEAD}
\t ModifyGraphWithDelegate\t   14.842\t   14.842\t 99.317%\t 99.317%\t  3428.000\t        1\tModifyGraphWithDelegate/0

INFO: Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
{HEAD}
\t TfLiteXNNPackDelegate\t    4.269\t    4.300\t 80.107%\t  0.107%\t     0.000\t        1\t[out]:9
\t         SOFTMAX\t    0.150\t    0.125\t  2.054%\t  0.161%\t     0.000\t        1\t[probs]:10
\t TfLiteXNNPackDelegate\t    0.269\t    0.300\t 80.107%\t  0.107%\t     0.000\t        1\t[out]:11

============================== Top by Computation Time ==============================
{HEAD}
\t TfLiteXNNPackDelegate\t    4.269\t    4.300\t 80.107%\t  0.107%\t     0.000\t        1\t[out]:9

Number of nodes executed: 3
Delegate internal:
============================== Run Order ==============================
{HEAD}
\t Convolution (NHWC, F32) IGEMM\t    4.000\t    4.100\t 80.1%\t  0.107%\t     0.000\t        1\tDelegate/Convolution:0
\t Fully Connected (NC, F32) GEMM\t    0.200\t    0.250\t 8.1%\t  0.107%\t     0.000\t        1\tDelegate/Fully:1

"""
WITH_START = """Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t             [node type]\t  [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                 CONV_2D\t    0.000\t    4.269\t    4.271\t  0.107%\t  0.107%\t     0.000\t        0\t[Conv2d_0/Relu6]
\t       DEPTHWISE_CONV_2D\t    4.270\t    2.150\t    2.152\t  0.054%\t  0.161%\t     0.000\t        0\t[Conv2d_1/Relu6]

"""


def test_a_latency_is_that_of_the_measured_runs_in_milliseconds() -> None:
    assert reading.latency(AM62) == {
        "runs": 50,
        "median": 899.281,
        "min": 898.007,
        "max": 906.121,
        "mean": 899.641,
        "std": 1.549,
        "p95": 904.305,
    }
    assert reading.latency(MASK)["median"] == 307.968  # type: ignore[index]


def test_where_no_median_is_printed_the_mean_is_said_to_be_one() -> None:
    found = reading.latency(OLD)
    assert found is not None
    assert (found["median"], found["statistic"], found["runs"]) == (33.2094, "mean", 50)
    assert "p95" not in found


@pytest.mark.parametrize(
    ("line", "median", "runs"),
    [("count=1 curr=352", 0.352, 1), ("INFO: count=60 curr=7 (all same) p5=7 median=7 p95=7", 0.007, 60)],
)
def test_runs_that_all_took_the_same_time(line: str, median: float, runs: int) -> None:
    found = reading.latency(f"INFO: count=3 first=9 curr=9 min=9 max=9 avg=9 std=0\n{line}\n")
    assert found is not None
    assert (found["median"], found["runs"]) == (median, runs)


@pytest.mark.parametrize("text", ["", "INFO: Loaded model\nERROR: Benchmarking failed.", "count=0\n"])
def test_a_run_that_measured_nothing_has_no_latency(text: str) -> None:
    assert reading.latency(text) is None


def test_memory_is_read_in_old_words_and_new() -> None:
    assert reading.memory(AM62) == {"init_mib": 133.086, "overall_mib": 149.531}
    assert reading.memory(OLD) == {"init_mib": 0.0, "overall_mib": 12.867}
    assert reading.memory(MASK) == {"peak_mib": 93.238}
    assert reading.memory("nothing") == {}


def test_what_was_applied_is_read_and_nothing_is_believed() -> None:
    assert reading.applied(AM62) == 1
    assert reading.applied(MASK) == 1
    assert reading.applied(AM62.replace("w/ 1 delegate", "w/ 22 delegate")) == 22
    unused = "INFO: Though NNAPI delegate is explicitly applied, the model graph will not be executed by the delegate."
    assert reading.applied(unused) == 0
    assert reading.applied("GPU acceleration is unsupported on this platform.") is None


def test_flags_that_the_program_does_not_know_are_found() -> None:
    assert reading.unknown_flags("WARN: Unconsumed cmdline flags: --output_filepath=x --b=1\nmore") == (
        "--output_filepath=x --b=1"
    )
    assert reading.unknown_flags(AM62) == ""


def test_a_delegates_own_operators_stand_in_its_place_once() -> None:
    names = ["CONV_2D", "FULLY_CONNECTED", "SOFTMAX"]
    assert reading.operators(TABLE, names) == [
        {"name": "Convolution (NHWC, F32) IGEMM", "delegated": True, "ms": 4.1},
        {"name": "Fully Connected (NC, F32) GEMM", "delegated": True, "ms": 0.25},
        {"name": "SOFTMAX", "delegated": False, "ms": 0.125},
    ]
    assert reading.left(TABLE, names) == ["SOFTMAX"]


def test_a_delegate_that_says_nothing_of_its_operators_is_one_row() -> None:
    alone = TABLE.partition("Delegate internal:")[0]
    assert [(row["name"], row["ms"]) for row in reading.operators(alone, ["SOFTMAX"])] == [
        ("TfLiteXNNPackDelegate", 4.3),
        ("SOFTMAX", 0.125),
        ("TfLiteXNNPackDelegate", 0.3),
    ]


def test_columns_are_found_by_their_headings() -> None:
    assert reading.operators(WITH_START, ["CONV_2D", "DEPTHWISE_CONV_2D"]) == [
        {"name": "CONV_2D", "delegated": False, "ms": 4.271},
        {"name": "DEPTHWISE_CONV_2D", "delegated": False, "ms": 2.152},
    ]


def test_without_a_table_nothing_is_said_of_operators() -> None:
    assert reading.operators(AM62, ["CONV_2D"]) == []
    assert reading.left(AM62, ["CONV_2D"]) is None

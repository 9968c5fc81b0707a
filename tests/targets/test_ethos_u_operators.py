"""What vela made of each operator, from what it reports."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.backends.vela.compiler import Compiled, Left
from tflbuild.backends.vela.database import Database, Work
from tflbuild.backends.vela.log import Complaint
from tflbuild.targets.ethos_u.operators import UNEXPLAINED, layers, placed

NAMES = ("CONV_2D", "RELU", "ARG_MAX", "CUSTOM")


def predicted(*on: bool) -> dict[str, Any]:
    operators = [
        {
            "index": place,
            "name": name,
            "output": f"t{place}",
            "on": fits,
            "macs": 10,
            "values": {} if fits else {"op.name": name},
            "cure": "" if fits else "quantize.scheme=int8",
            "unknown": False,
        }
        for place, (name, fits) in enumerate(zip(NAMES, on or (True, True, True, False), strict=True))
    ]
    return {"device": "ethos_u55", "title": "Ethos-U55", "operators": operators}


def compiled(
    works: dict[int, Work],
    complaints: list[Complaint] | None = None,
    left: list[Left] | None = None,
    rest: int = 0,
) -> Compiled:
    figures = dict.fromkeys(("cycles", "latency_ms", "sram_kib", "flash_kib", "macs"), 0.0)
    return Compiled(
        content=b"",
        left=left or [],
        on_npu=1,
        complaints=complaints or [],
        database=Database(works, Work(cycles=rest)),
        system_config="",
        memory_mode="",
        **figures,
    )


def on(made: Compiled, foreseen: dict[str, Any] | None = None) -> list[bool]:
    return [one["on"] for one in placed(foreseen or predicted(), made, "vela 5.2.0")["operators"]]


LEFT = Work(left=True)


@pytest.mark.parametrize(
    ("made", "taken"),
    [
        (compiled({0: Work(), 1: Work(), 2: Work(), 3: LEFT}), [True, True, True, False]),
        (compiled({0: Work(), 1: LEFT, 2: Work(), 3: LEFT}), [True, False, True, False]),
        # of the third vela keeps no record: it has left it if it complains, or if the compiled file still has it
        (compiled({0: Work(), 1: Work(), 3: LEFT}), [True, True, True, False]),
        (
            compiled({0: Work(), 1: Work(), 3: LEFT}, [Complaint("ARG_MAX", "t2", "deep", "")]),
            [True, True, False, False],
        ),
        (
            compiled({0: Work(), 1: Work(), 3: LEFT}, left=[Left("ARG_MAX", ("t2",))]),
            [True, True, False, False],
        ),
        (compiled({0: Work(), 1: Work(), 3: LEFT}, left=[Left("ARG_MAX", ("",))]), [True, True, True, False]),
    ],
)
def test_an_operator_runs_where_vela_says(made: Compiled, taken: list[bool]) -> None:
    assert on(made) == taken


def test_a_tensor_without_a_name_is_not_taken_for_another() -> None:
    foreseen = predicted()
    foreseen["operators"][2]["output"] = ""
    made = compiled({0: Work(), 1: Work(), 3: LEFT}, left=[Left("CUSTOM", ("",))])
    assert on(made, foreseen) == [True, True, True, False]


def test_the_reason_is_velas_and_the_cure_the_rules() -> None:
    complaints = [
        Complaint("RELU", "t0", "32 bits", "8 or 16"),
        Complaint("CONV_2D", "t0", "stride 5", ""),
        Complaint("CUSTOM", "t3", "Unsupported opType", ""),
    ]
    made = compiled({0: LEFT, 1: LEFT, 2: Work(), 3: LEFT}, complaints)
    operators = placed(predicted(True, True, True, False), made, "vela 5.2.0")["operators"]
    assert [one["reason"] for one in operators] == [
        "is left to the processor by vela: stride 5",  # of its own, though its activation has one too
        UNEXPLAINED,
        "",
        "is left to the processor by vela: Unsupported opType",
    ]
    assert [one["cure"] for one in operators] == ["", "", "", "quantize.scheme=int8"]
    assert operators[3]["values"] == {"op.name": "CUSTOM"}


def test_where_the_rules_erred_is_a_remark() -> None:
    made = compiled({0: LEFT, 1: Work(), 2: Work(), 3: Work()}, rest=1234)
    found = placed(predicted(), made, "vela 5.2.0")
    assert (found["basis"], found["source"], found["delegated"], found["coverage"]) == (
        "compiler",
        "vela 5.2.0",
        3,
        0.75,
    )
    assert found["remarks"][1:] == [
        "The rules had predicted operators 0 (CONV_2D), 3 (CUSTOM) otherwise.",
        "Of 1,234 cycles vela does not say which operators take them.",
    ]
    agreed = placed(predicted(), compiled({0: Work(), 1: Work(), 2: Work(), 3: LEFT}), "vela 5.2.0")
    assert agreed["remarks"] == [
        "Cycles, time and memory are vela's estimates, which no device has measured."
    ]


def test_layers_are_those_that_the_npu_runs_with_what_nobody_is_said_to_have_caused() -> None:
    works = {0: Work(200, 12800, 64), 1: Work(0, 0, 0), 3: LEFT}
    made = compiled(works, rest=50)
    found = layers(placed(predicted(), made, "vela"), made.database, 128)
    assert [(one["index"], one["cycles"], one["utilization"]) for one in found] == [
        (0, 200, 0.5),  # 12,800 of 200 x 128
        (1, 0, None),
        (None, 50, 0.0),
    ]

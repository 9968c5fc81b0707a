"""What is read of vela's output, with a vela that wrote what one likes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema

from tflbuild.backends.vela import compiler as vela
from tflbuild.backends.vela.database import Database, Work
from tflbuild.backends.vela.log import Complaint
from tflbuild.core.errors import PassError
from tflbuild.tflite.assemble import Step, assemble

FIGURES = {  # columns as vela 5.2 writes them, among others
    "experiment": "default",
    "network": "model",
    "system_config": "Ethos_U55_High_End",
    "memory_mode": "Shared_Sram",
    "inference_time": "0.0125",
    "sram_memory_used": "31.5",
    "dram_memory_used": "2.5",
    "off_chip_flash_memory_used": "100.25",
    "on_chip_flash_memory_used": "0.0",
    "cycles_total": "123456.0",
    "nn_macs": "654321",
}
PRINTED = """
Warning (supported operators) operator: ABS, ofm: 'b'
Reason: 32 bits

CPU operators = 2 (20.0%)
NPU operators = 8 (80.0%)
"""
DATABASE = """<debug source="x">
<table name="source">
<![CDATA[
"id","operator","ext_key"
1,"Conv2D",0
2,"Abs",1
]]>
</table>
<table name="perf">
<![CDATA[
"id","source_id","optimised_id","operator","name","staging_usage","op_cycles","mac_count"
5,1,7,"Conv2D","a",640,123456,654321
6,2,0,"Passthrough","b",0,0,0
]]>
</table>
</debug>
"""


def compiled_file() -> bytes:
    operators = schema.BuiltinOperator
    steps = [
        Step(32, ["image"], ["a"], custom="ethos-u"),
        Step(operators.ABS, ["a"], ["b"]),
        Step(32, ["b"], ["c"], custom="mine"),
    ]
    return assemble(dict.fromkeys(("image", "a", "b", "c"), (1,)), steps, ["image"], ["c"])


class Vela:
    """A vela that writes and prints what it is told to."""

    def __init__(self, **told: Any) -> None:
        self.figures: dict[str, str] = {**FIGURES, **told.pop("figures", {})}
        self.told = {
            "printed": PRINTED,
            "errors": "",
            "code": 0,
            "writes": True,
            "summaries": 1,
            "database": DATABASE,
        }
        self.told |= {"late": False, **told}
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        where = Path(command[4]).parent
        assert [options[key] for key in ("cwd", "capture_output", "text", "timeout")] == [
            where,
            True,
            True,
            30,
        ]
        if self.told["late"]:
            raise subprocess.TimeoutExpired(command, options["timeout"])
        made = Path(command[6])
        made.mkdir()
        if self.told["writes"]:
            (made / "model_vela.tflite").write_bytes(compiled_file())
            (made / "model_debug.xml").write_text(self.told["database"])
        for number in range(self.told["summaries"]):
            rows = [",".join(self.figures), ",".join(self.figures.values())]
            (made / f"model_summary_{number}.csv").write_text("\n".join(rows) + "\n")
        return subprocess.CompletedProcess(
            command, self.told["code"], self.told["printed"], self.told["errors"]
        )


def compiled(folder: Path, monkeypatch: pytest.MonkeyPatch, **told: Any) -> tuple[vela.Compiled, Vela]:
    source, work, fake = folder / "source.tflite", folder / "work", Vela(**told)
    source.write_bytes(b"the model")
    work.mkdir()
    monkeypatch.setattr(vela.toolchain, "require", lambda modules, what: None)
    monkeypatch.setattr(subprocess, "run", fake)
    return vela.compile_for_ethos_u(source, work, ["--optimise", "Size"], 30), fake


def test_every_figure_is_that_of_its_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, fake = compiled(tmp_path, monkeypatch)
    assert found._asdict() == {
        "content": compiled_file(),
        "on_npu": 1,
        "left": [vela.Left("ABS", ("b",)), vela.Left("mine", ("c",))],
        "complaints": [Complaint("ABS", "b", "32 bits", "")],
        "database": Database({0: Work(123456, 654321, 640), 1: Work(left=True)}),
        "cycles": 123456.0,
        "latency_ms": 12.5,  # it writes seconds
        "sram_kib": 31.5,
        "flash_kib": 102.75,  # flash and DRAM
        "macs": 654321.0,
        "system_config": "Ethos_U55_High_End",
        "memory_mode": "Shared_Sram",
    }
    network, made = tmp_path / "work" / "model.tflite", tmp_path / "work" / "out"
    module = [sys.executable, "-P", "-m", "ethosu.vela"]
    where = [str(network), "--output-dir", str(made), "--enable-debug-db"]
    assert fake.commands == [[*module, *where, "--optimise", "Size"]]
    assert network.read_bytes() == b"the model"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            {"code": 1, "errors": "Traceback\n  Error: no such operator\n\n"},
            "vela failed: no such operator",
        ),
        ({"code": 1}, "vela failed: NPU operators = 8 (80.0%)"),
        ({"code": 1, "printed": " \n"}, "vela failed: it said nothing"),
        ({"writes": False}, "vela failed: NPU operators = 8 (80.0%)"),
        ({"code": -11}, "vela failed: it crashed (SIGSEGV) after it said: NPU operators = 8 (80.0%)"),
        ({"late": True}, "vela did not end within 30 s and was stopped"),
        ({"database": "<debug></debug>"}, "vela's database of operators cannot be read"),
        ({"summaries": 0}, "vela wrote no summary of its figures"),
        ({"summaries": 2}, "vela wrote no summary of its figures"),
        ({"figures": {"cycles_total": ""}}, "vela's summary has no figure 'cycles_total'"),
        ({"figures": {"nn_macs": "nan"}}, "vela's summary has no figure 'nn_macs'"),
        ({"figures": {"sram_memory_used": "inf"}}, "vela's summary has no figure 'sram_memory_used'"),
    ],
)
def test_what_vela_did_not_do_is_said(
    told: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PassError) as caught:
        compiled(tmp_path, monkeypatch, **told)
    assert str(caught.value).startswith(said)


def test_a_missing_vela_is_named_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def require(modules: tuple[str, ...], what: str) -> None:
        asked.append((modules, what))
        raise PassError("missing")

    monkeypatch.setattr(vela.toolchain, "require", require)
    with pytest.raises(PassError, match="missing"):
        vela.compile_for_ethos_u(tmp_path / "none.tflite", tmp_path, [], 30)
    assert asked == [(("ethosu",), "vela")]

"""The database of a compilation, as vela 5.2 writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild.backends.vela.database import Work, read
from tflbuild.core.errors import PassError

SOURCE = '"id","operator","kernel_w","kernel_h","ofm_w","ofm_h","ofm_d","ext_key"'
PERF = (
    '"id","source_id","optimised_id","operator","name","staging_usage","op_cycles","npu_cycles","mac_count",'
    '"shram_ac","Sram_ac"'
)


def table(name: str, *rows: str) -> str:
    return "\n".join([f'<table name="{name}">', "<![CDATA[", *rows, "]]>", "</table>", ""])


def written(folder: Path, source: list[str], perf: list[str]) -> Path:
    path = folder / "model_debug.xml"
    head = "<?xml version='1.0' encoding='UTF-8'?>\n<debug source=\"/x/model\">\n"
    other = table("queue", '"offset","optimised_id"', "328,207")
    path.write_text(
        f"{head}{other}{table('perf', PERF, *perf)}{table('source', SOURCE, *source)}</debug>\n",
        encoding="utf-8",
    )
    return path


def test_what_vela_made_of_an_operator_is_summed_up(tmp_path: Path) -> None:
    source = ['7,"Conv2D",3,3,8,8,4,0', '8,"Custom",1,1,"","","",1', '9,"Softmax",1,1,1,1,4,2']
    perf = [
        '242,7,207,"Conv2D","a, "quoted", name]]>",46320,15121,15000,165888,0,10190',
        '247,7,206,"Relu6","a, "quoted", name]]>",50000,20,0,0,0,0',
        '249,8,0,"Passthrough","b",0,0,0,0,0,0',
        '252,8,0,"Relu","b",0,0,0,0,0,0',
        '250,0,0,"MaxPool","b_maxpool",100,300,300,0,0,0',
        '251,0,0,"MaxPool","b_maxpool",90,400,400,0,0,0',
    ]
    made = read(written(tmp_path, source, perf))
    assert made.by_operator == {
        0: Work(cycles=15141, macs=165888, sram_bytes=50000),
        1: Work(left=True),
    }
    assert made.unattributed == Work(cycles=700, sram_bytes=100)


def test_operators_of_another_graph_are_not_those_of_the_main_one(tmp_path: Path) -> None:
    source = ['1,"While",1,1,1,1,1,0', '2,"Add",1,1,1,1,1,1', '3,"Less",1,1,1,1,1,0', '4,"Add",1,1,1,1,1,1']
    perf = [f'{place},{place},0,"Add","x",0,{place},0,0,0,0' for place in (1, 2, 3, 4)]
    made = read(written(tmp_path, source, perf))
    assert {place: work.cycles for place, work in made.by_operator.items()} == {0: 1, 1: 2}
    assert made.unattributed.cycles == 0


@pytest.mark.parametrize(
    ("source", "perf"),
    [
        (['1,"Add",1,1,1,1,1,first'], []),
        (['1,"Add",1,1,1,1,1,0'], ["1,1,0"]),
        (['1,"Add",1,1,1,1,1,0'], ['1,1,0,"Add","x",0,many,0,0,0,0']),
    ],
)
def test_a_database_of_another_form_is_said(tmp_path: Path, source: list[str], perf: list[str]) -> None:
    with pytest.raises(PassError, match=r"vela's database of operators cannot be read \(.*version supported"):
        read(written(tmp_path, source, perf))


def test_a_database_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(PassError, match="cannot be read"):
        read(tmp_path / "none.xml")
    (tmp_path / "empty.xml").write_text("<debug></debug>")
    with pytest.raises(PassError, match="cannot be read \\('source'\\)"):
        read(tmp_path / "empty.xml")

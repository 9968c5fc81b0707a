"""What the target `cpu` says of operators: LiteRT decides which XNNPACK takes, and the rules say why not the others.

The truth is LiteRT's own, on files that keep or break one condition each (`tests/support/xnnpack_cases.py`) and on
those of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from single_operators import Held, one, side_by_side
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import RecipeError
from tflbuild.placement import by_rules, facts, rule_file
from tflbuild.placement.expression import Scope, Unknown
from tflbuild.runtimes import delegation
from tflbuild.runtimes.delegation import WHO
from tflbuild.runtimes.interpreter import interpreter
from tflbuild.targets.cpu import Cpu
from tflbuild.tflite import flatbuffer
from xnnpack_cases import CASES

FAILS = "LiteRT cannot load the file"

REFUSED = {"bias is None or bias.dtype != int32 or bias.axis == 0"}
"""Rules that no file breaks which this LiteRT loads: TFLite Micro's person_detect.tflite is one that older ones did."""


def predicted(path: Path) -> list[dict[str, Any]]:
    table = Cpu().rule_table()
    assert table is not None
    found: list[dict[str, Any]] = by_rules.place(path, table, "cpu", {})["operators"]
    return found


def written(folder: Path, name: str) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(CASES[name]())
    return path


def on(operators: list[dict[str, Any]]) -> dict[int, bool]:
    return {one["index"]: one["on"] for one in operators}


@pytest.mark.parametrize("name", CASES)
def test_rules_and_litert_agree(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, name)
    operators = predicted(path)
    fails = any(FAILS in one["reason"] for one in operators)
    try:
        measured = delegation.taken(path).on
    except RecipeError:
        with pytest.raises(RecipeError, match="XNNP"):
            interpreter(path)
        assert fails
        return
    assert not fails
    assert on(operators) == measured, [one["reason"] for one in operators]
    assert not any("no value here" in one["reason"] for one in operators)


def test_rules_and_litert_agree_on_files_of_others(shared_models: Path) -> None:
    looked_at = wrong = 0
    for path in sorted(shared_models.rglob("*.tflite")):
        try:
            measured = delegation.taken(path).on
        except RecipeError:
            continue  # compiled for a chip, or with an operator of its own
        found = on(predicted(path))
        looked_at += len(found)
        wrong += sum(found[index] != taken for index, taken in measured.items())
    assert looked_at > 1500
    assert wrong == 0


def broken_first(model: facts.ModelFacts, table: rule_file.RuleTable) -> set[str]:
    """Give the conditions that decide: of each operator the first that does not hold."""
    found = set()
    for operator in model.operators:
        for rule in table.operators.get(operator.name, ()):
            try:
                holds = rule.holds.value(Scope(model, operator, {}))
            except Unknown:
                holds = False
            if not holds:
                found.add(rule.holds.text)
                break
    return found


def test_every_rule_is_broken_by_a_file_and_every_operator_taken_in_one() -> None:
    table = rule_file.read(Path(str(Cpu().rule_table())))
    broken, taken = set(), set()
    for make in CASES.values():
        model = facts.facts_of(flatbuffer.unpack(make()))
        broken |= broken_first(model, table)
        taken |= {one.name for one in by_rules.predict(model, table, "cpu", {}).operators if one.on}
    rules = {rule.holds.text for rules in table.operators.values() for rule in rules}
    assert rules - broken == REFUSED
    never = {
        name for name, rules in table.operators.items() if any(one.holds.text == "False" for one in rules)
    }
    assert set(table.operators) - taken == never
    assert "SQUEEZE" in never


@pytest.mark.parametrize("name", ["SPLIT int8, other scale", "CONV_2D int8, very fine output"])
def test_what_xnnpack_claims_and_fails_on_runs_without_it(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, name)
    with pytest.raises(RecipeError, match="LiteRT cannot load it"):
        interpreter(path)
    interpreter(path, kernels="builtin")
    placed = Cpu().place(path)
    assert placed is not None
    assert (placed["basis"], placed["delegated"]) == ("measured", 0)
    assert placed["remarks"][-1].startswith(f"Nothing of the file runs: {WHO} cannot load it: failed to ")
    assert FAILS in placed["operators"][0]["reason"]


def test_nothing_runs_of_a_file_that_litert_refuses_whatever_the_rules_say(shared_models: Path) -> None:
    path = shared_models / "tflite_micro/person_detect.tflite"
    foreseen, found = Cpu().foresee(path), placed(path)
    assert foreseen is not None
    assert (foreseen["delegated"], found["delegated"], found["coverage"]) == (15, 0, 0.0)
    reasons = {one["reason"] for one in found["operators"] if one["name"] == "CONV_2D"}
    assert reasons == {f"is in a file that {WHO} cannot load"}
    depthwise = found["operators"][0]
    assert depthwise["cure"] == "the file written anew by a converter of today"


def test_a_file_with_an_operator_that_an_app_brings_is_predicted(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(
        side_by_side([one("Own", [Held((1, 4))], [Held((1, 4))]), CASES["two parts"]()])
    )
    found = placed(tmp_path / "model.tflite")
    assert (found["basis"], found["delegated"]) == ("rules", 3)
    assert found["remarks"][-1].startswith("It is predicted, not measured, because LiteRT cannot load it: ")


def test_a_report_loads_the_file_once_to_place_its_operators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, loads = written(tmp_path, "two parts"), []
    load = delegation.interpreter
    monkeypatch.setattr(delegation, "interpreter", lambda given: loads.append(given) or load(given))
    found = Cpu(runs=1).inspect(TFLiteModel(path=path, digest="", fingerprint=""))
    assert loads == [path]
    assert found["placement"] == placed(path)
    assert (found["delegate"]["delegated"], found["delegate"]["total"]) == (3, 4)


def placed(path: Path) -> Mapping[str, Any]:
    found = Cpu().place(path)
    assert found is not None
    return found


def test_a_placement_is_measured_and_has_the_reasons_of_the_rules(tmp_path: Path) -> None:
    found = placed(written(tmp_path, "two parts"))
    assert (found["basis"], found["delegated"], found["total"], found["remarks"]) == ("measured", 3, 4, [])
    assert found["source"].startswith("LiteRT ")
    assert "on this machine" in found["source"]
    assert [one["reason"] for one in found["operators"]] == [
        "",
        "is no operator of the XNNPACK delegate",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("LOGISTIC int16", "quantize.scores=int8"),
        ("FULLY_CONNECTED int16x8", "quantize.scheme=int8"),
        ("QUANTIZE uint8 to int8", "quantize.input_dtype=int8"),
        ("QUANTIZE int8 to uint8", "quantize.output_dtype=int8"),
        ("DEPTHWISE_CONV_2D int8 weights alone", "quantize.scheme=int8 or quantize.scheme=float16"),
        ("weights from float32, bias from float16", "quantize.scheme=float16"),
        ("CONCATENATION of six inputs", "several CONCATENATIONs of at most five"),
        ("AVERAGE_POOL_2D int8", ""),
        (
            "AVERAGE_POOL_2D int8 of all",
            "MEAN over height and width in place of it (Keras, GlobalAveragePooling2D)",
        ),
    ],
)
def test_what_is_left_names_its_cure(name: str, cure: str, tmp_path: Path) -> None:
    assert {one["cure"] for one in placed(written(tmp_path, name))["operators"] if not one["on"]} >= {cure}


def test_a_file_of_several_graphs_says_that_the_first_is_looked_at(tmp_path: Path) -> None:
    found = placed(written(tmp_path, "a loop"))
    assert [one["name"] for one in found["operators"] if not one["on"]] == ["WHILE"]
    assert found["remarks"] == ["The file has 3 graphs; the operators of the first are looked at."]


def test_rules_of_the_users_own_are_about_another_device(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "device: My board\nsource: me\ndate: 2026-12-01\npartition: each\noperators:\n  ZEROS_LIKE: []\n  ABS: []\n"
    )
    found = Cpu(rule_file=str(rules)).place(written(tmp_path, "two parts"))
    assert found is not None
    assert (found["basis"], found["title"]) == ("rules", "My board")
    assert [one["on"] for one in found["operators"]] == [True, True, False, False]

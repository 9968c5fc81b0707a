"""Planted faults: see `benchmarks/mutants.py`, whose score is in docs/testing.md."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

pytest.importorskip("cosmic_ray", reason="mutants need the extra 'dev'")

import mutants
from planting import score
from planting.mutant import OPERATORS, Mutant, difference, identity
from planting.mutant import mutants as mutants_of
from planting.operators import OWN
from planting.place import Place
from planting.reach import Reach
from planting.sample import sample
from planting.traces import Trace, Traces, digest
from planting.trial import Trial

ALTERED = [
    ("dropped entry", 'x = {"a": 1, "b": 2}', ['x = {"b": 2}', 'x = {"a": 1}']),
    ("dropped entry", "x = {**a, 'b': 2}", ["x = {'b': 2}", "x = {**a}"]),
    ("dropped entry", "x = {a: b for a, b in c}", []),
    ("dropped entry", "x = {a, b}", []),
    ("dropped keyword", "f(a, key=1, other=2)", ["f(a, other=2)", "f(a, key=1)"]),
    ("dropped keyword", "f(key=1)", ["f()"]),
    ("dropped keyword", "f(a, encoding='utf-8')", []),
    ("dropped keyword", "class A(B, metaclass=C): x = 1", []),
    ("swapped", "f(low, self.high, 3)", ["f(self.high, low, 3)"]),
    ("swapped", "f(low, low)", []),
    ("swapped", "f(low=a, high=b)", ["f(low=b, high=a)"]),
    ("swapped", "x = {'low': a, 'high': b}", ["x = {'low': b, 'high': a}"]),
    ("swapped", "x = low, high", ["x = high, low"]),
    ("truth for None", "x = a if b.c is not None else d", ["x = a if b.c else d"]),
    ("truth for None", "x = f(a) is None", ["x = (not (f(a)))"]),
    ("truth for None", "x = a is b", []),
    ("None for truth", "if bound: f()", ["if bound is not None: f()"]),
    ("None for truth", "x = not bound", ["x = (bound is None)"]),
    ("None for truth", "x = a if b else c", ["x = a if (b is not None) else c"]),
    ("None for truth", "x = a and f()", ["x = (a is not None) and f()"]),
    ("constant", "x = f(2.5, 97.5)", ["x = f(5, 97.5)", "x = f(2.5, 95)"]),
    ("constant", "x = y / 1024", ["x = y / 1000"]),
    ("constant", "x = 0.3 * y", ["x = 0.15 * y"]),
    ("constant", "x = 0.0 + 7", []),
    ("removed call", "os.fsync(file)", ["pass"]),
    ("removed call", "x = os.fsync(file)", []),
    ("removed guard", "if a:\n    raise E(1)\nb()\n", ["pass\n\nb()\n"]),
    ("removed guard", "if a:\n    raise E(1)\nelse:\n    b()\n", []),
    ("removed guard", "if a:\n    b()\n    raise E(1)\n", []),
    ("left out", "x = (a, b, c)", ["x = (b, c)", "x = (a, c)", "x = (a, b)"]),
    ("left out", "x = [a, f(b)]", ["x = [f(b)]", "x = [a]"]),
    ("left out", "x = (a, b)", ["x = (b,)", "x = (a,)"]),
    ("left out", "x = [a for a in b]", []),
    ("opposite", "x = min(a, b)", ["x = max(a, b)"]),
    ("opposite", "x = np.any(a)", ["x = np.all(a)"]),
    ("opposite", "x = min", []),
    ("order", "x = sorted(a, key=f)", ["x = sorted(a, key=f, reverse=True)"]),
    ("order", "a.sort()", ["a.sort(reverse=True)"]),
    ("order", "x = sorted(a, reverse=b)", []),
    ("lost return", "def f():\n    return x\n", ["def f():\n    return None\n"]),
    ("lost return", "def f():\n    return None\n", []),
    ("update", "x += 1", ["x -= 1"]),
    ("short end", "x = y[:count]", ["x = y[:count - 1]"]),
    ("short end", "x = range(count)", ["x = range(count - 1)"]),
    ("number", "x = 7", ["x = 8", "x = 6"]),
    ("comparison", "x = a < b", ["x = a <= b", "x = a >= b"]),
    ("arithmetic", "x = a - b", ["x = a + b"]),
]

EXEMPT = [
    "def f(a: Literal[1, 2] = None) -> tuple[A, B] | None: ...",
    "a: A | B",
    "assert a < 3, (a, b)",
    "@dataclass(frozen=True)\nclass A: ...",
    "from a import b, c",
    "if TYPE_CHECKING:\n    x = 1 + 2",
    "def f(*, a): ...",
    "__all__ = ['a', 'b']",
    "class A:\n    def __repr__(self):\n        return f(1)",
    '"""A text of 3 words."""',
    "Number = A | B",
    "Loss = Callable[[A, tuple[B, ...]], C]",
    "x = f'{a}' + b",
]


@pytest.mark.parametrize(("kind", "source", "expected"), ALTERED)
def test_a_kind_of_fault_alters_exactly_its_places(kind: str, source: str, expected: list[str]) -> None:
    source += "\n"
    found = [mutant.source(source) for mutant in mutants_of("a.py", source) if mutant.kind == kind]
    assert [text and ast.unparse(ast.parse(text)) for text in found] == [
        ast.unparse(ast.parse(text)) for text in expected
    ]


def test_every_kind_of_ours_has_an_example() -> None:
    assert {kind for kind, _, expected in ALTERED if expected} >= set(OWN)


@pytest.mark.parametrize("source", EXEMPT)
def test_what_no_test_can_hold_is_never_altered(source: str) -> None:
    assert list(mutants_of("a.py", source)) == []


def test_the_bound_of_an_option_is_altered_though_it_stands_in_its_type() -> None:
    source = "a: Annotated[int, Ge(1)] = b"
    found = [mutant.source(source) for mutant in mutants_of("a.py", source)]
    assert found == ["a: Annotated[int, Ge( 2)] = b", "a: Annotated[int, Ge( 0)] = b"]


def test_strict_is_an_assertion_of_zip_and_an_option_elsewhere() -> None:
    assert {mutant.kind for mutant in mutants_of("a.py", "x = zip(a, b, strict=True)")} == {"swapped"}
    assert "boolean" in {mutant.kind for mutant in mutants_of("a.py", "x = f(a, strict=True)")}


def test_a_fault_that_does_not_compile_or_changes_nothing_is_none() -> None:
    source = "for a in b:\n    break\n"
    (found,) = [
        mutant for mutant in mutants_of("a.py", source) if mutant.kind == "loop" and mutant.operator == 0
    ]
    assert found.source(source) == "for a in b:\n    continue\n"
    assert found.source("break") is None
    assert found.source("x = 1") is None


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Give a checkout of two modules, one of which is called and not held to anything."""
    root = tmp_path / "checkout"
    for path, text in {
        "src/tflbuild/__init__.py": "",
        "src/tflbuild/held.py": "def twice(x):\n    return x + x\n",
        "src/tflbuild/called.py": "def twice(x):\n    return x + x\n",
        "tests/test_both.py": "from tflbuild.called import twice as other\nfrom tflbuild.held import twice\n\n\n"
        "def test_both():\n    other(3)\n    assert twice(3) == 6\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def test_the_same_seed_draws_the_same_mutants_and_never_two_in_a_line(checkout: Path) -> None:
    (checkout / "src/tflbuild/long.py").write_text("\n".join(f"x{n} = {n} + y" for n in range(30)))
    once, again, other = (list(sample(checkout, ["src/"], 8, seed)) for seed in (1, 1, 2))
    assert once == again != other
    assert len({(mutant.path, mutant.line) for mutant in once}) == len(once) == 8
    assert all(
        mutant.path == "src/tflbuild/held.py" for mutant in sample(checkout, ["src/tflbuild/held"], 9, 1)
    )


def test_each_fault_has_a_name_of_its_own_that_stays_where_lines_are_written_above_it() -> None:
    source = "def f(a, b):\n    c = a + b\n    return c - 1\n"

    def names(text: str) -> dict[str, str]:
        found = (one.source(text) for one in mutants_of("src/m.py", text))
        diffs = [difference("src/m.py", text, made) for made in found if made is not None]
        return {diff.partition("@@\n")[2]: identity("src/m.py", diff) for diff in diffs}

    own = names(source)
    assert len(own) >= 5
    assert len(set(own.values())) == len(own)
    moved = names(f"x = y\n\n\n{source}")
    assert {diff: name for diff, name in moved.items() if "return" in diff} == {
        diff: name for diff, name in own.items() if "return" in diff
    }
    assert identity("src/other.py", "-a\n+b") != identity("src/m.py", "-a\n+b")


@pytest.mark.slow
def test_a_fault_is_killed_where_a_test_holds_the_line_and_survives_where_it_only_runs(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in checkout.rglob("*.py")}
    kept = checkout / ".mutants/traces.json"
    arguments = ["--root", str(checkout), "--count", "2", "--jobs", "1", "--traces", str(kept)]
    assert mutants.main([*arguments, "--trace", "fast"]) == 0
    printed = capsys.readouterr().out
    assert "| **all** | **1 / 2** | **50 %** |" in printed
    assert "1 tests in tests/test_both.py" in printed
    rows = json.loads((checkout / ".mutants/last.json").read_text())
    assert {(row["mutant"]["path"], row["outcome"], row["killer"]) for row in rows} == {
        ("src/tflbuild/held.py", "killed", "tests/test_both.py::test_both"),
        ("src/tflbuild/called.py", "survived", ""),
    }
    seen = Traces.read(kept).found["tests/test_both.py"].functions
    names = {
        "__init__.py:<module>",
        "held.py:<module>",
        "held.py:twice",
        "called.py:<module>",
        "called.py:twice",
    }
    assert seen == {f"src/tflbuild/{name}" for name in names}
    assert {path: path.read_bytes() for path in before} == before
    shown = next(row["id"] for row in rows if row["outcome"] == "survived")
    assert mutants.main([*arguments, "--show", shown]) == 0
    assert capsys.readouterr().out.startswith(f"{shown}  src/tflbuild/called.py:2  ")
    assert mutants.main([*arguments, "--resume"]) == 0
    resumed = capsys.readouterr().out
    assert "1 / 2" in resumed
    assert "by tests/test_both.py" not in resumed


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        ("import os\n\ndef twice(x):\n    os._exit(0)\n", "tests/test_both.py::test_both"),
        ("(", "tests/test_both.py"),
    ],
)
def test_a_process_that_ends_early_or_cannot_import_has_failed(
    checkout: Path, tmp_path: Path, fault: str, failed: str
) -> None:
    place = Place(checkout, tmp_path / "place")
    with place.altered("src/tflbuild/held.py", fault):
        session = place.run(["tests/test_both.py"], slow=False)
    assert (session.failed, session.passed, session.hung) == ([failed], False, False)
    assert (place.tree / "src/tflbuild/held.py").read_bytes() == (
        checkout / "src/tflbuild/held.py"
    ).read_bytes()


def test_tests_run_by_nearness_and_only_those_that_run_the_function(tmp_path: Path) -> None:
    files = {
        "tests/core/test_budget.py": "",
        "tests/core/test_form.py": "from tflbuild.core import budget",
        "tests/core/test_seen.py": "from tflbuild.core import budget",
        "tests/test_far.py": "",
        "tests/test_farther.py": "",
        "tests/test_away.py": "",
        "tests/passes/test_train.py": "pytest.mark.slow",
        "tests/passes/test_load.py": "pytest.mark.slow",
        "src/tflbuild/passes/load.py": "from tflbuild.core import (\n    artifact,\n    budget,\n)",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    whole = "src/tflbuild/core/budget.py:judge"
    found = {
        "tests/test_farther.py": Trace("", 9.0, frozenset({whole})),
        "tests/test_far.py": Trace("", 2.0, frozenset({whole})),
        "tests/test_away.py": Trace("", 2.0, frozenset({"src/tflbuild/core/budget.py:other"})),
        "tests/core/test_seen.py": Trace(digest(tmp_path / "tests/core/test_seen.py"), 1.0, frozenset()),
        "tests/passes/test_train.py (slow)": Trace("", 30.0, frozenset({whole})),
    }
    mutant = Mutant("src/tflbuild/core/budget.py", 1, "judge", "number", 0, 0)
    assert list(Reach(tmp_path, Traces(tmp_path / "none", found)).steps(mutant)) == [
        (["tests/core/test_budget.py", "tests/core/test_form.py"], False),
        (["tests/test_far.py", "tests/test_farther.py", "tests/passes/test_load.py"], False),
        (["tests/passes/test_train.py", "tests/passes/test_load.py"], True),
    ]


def test_the_score_counts_by_area() -> None:
    done = [
        Trial("1", Mutant("src/tflbuild/core/budget.py", 1, "", "number", 0, 0), "", "killed"),
        Trial("2", Mutant("src/tflbuild/core/budget.py", 2, "", "number", 0, 0), "", "survived"),
        Trial("3", Mutant("src/tflbuild/quantization/grid.py", 2, "", "swapped", 0, 0), "", "hung"),
        Trial("4", Mutant("src/tflbuild/tflite/tables.py", 2, "", "swapped", 0, 0), "", "unreached"),
        Trial("6", Mutant("src/tflbuild/data/voc.py", 2, "", "swapped", 0, 0), "+ digest=a", "survived"),
        Trial("7", Mutant("src/tflbuild/data/voc.py", 2, "", "swapped", 0, 0), "+ path=a", "survived"),
        Trial("5", Mutant("src/tflbuild/recipe/files.py", 2, "", "swapped", 0, 0), "", "killed"),
    ]
    assert list(score.table(done))[2:] == [
        "| core | 1 / 2 | 50 % |",
        "| recipe | 1 / 1 | 100 % |",
        "| data | 0 / 2 | 0 % |",
        "| quantization | 1 / 1 | 100 % |",
        "| tflite, formats, runtimes | 0 / 1 | 0 % |",
        "| *of these, what proof rests on* | 2 / 4 | 50 % |",
        "| **all** | **3 / 7** | **43 %** |",
    ]
    assert list(score.kinds(done)) == ["by kind: number 1/2, swapped 2/5"]


def test_a_survivor_is_a_row_of_the_documents() -> None:
    diff = "--- a/x\n+++ b/x\n -7,2 +7,2 \n-    a |= b\n+    a &= b\n c"
    mutant = Mutant("src/tflbuild/core/budget.py", 7, "judge", "update", 0, 0)
    done = [Trial("1f", mutant, diff, "survived"), Trial("2f", mutant, diff, "killed")]
    assert list(score.rows(done))[2:] == [
        "| `core/budget.py:7` 1f | update: `a \\|= b` becomes `a &= b` | |",
    ]


def test_every_kind_has_an_operator() -> None:
    assert all(OPERATORS.values())

"""Which test files can notice a fault in a module: those that mirror it, that name it, and that stand beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Reach:
    """The test files of a checkout, ordered by their nearness to a module."""

    root: Path

    @cached_property
    def texts(self) -> dict[str, str]:
        """Give the text of every test file."""
        paths = sorted((self.root / "tests").rglob("test_*.py"))
        return {path.relative_to(self.root).as_posix(): path.read_text(encoding="utf-8") for path in paths}

    def near(self, path: str) -> list[str]:
        """Give the test files that mirror or name a module, the mirrored first."""
        module = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__")
        named = _naming(module.replace("/", "."))
        ranked = {
            test: 0 if _mirrors(test, module) else 1
            for test, text in self.texts.items()
            if _mirrors(test, module) or named.search(text)
        }
        return sorted(ranked, key=lambda test: (ranked[test], len(self.texts[test])))

    def beside(self, path: str) -> list[str]:
        """Give the other test files of the mirrored folder."""
        folder = (Path("tests") / Path(path).relative_to("src/tflbuild").parent).as_posix()
        near = set(self.near(path))
        return [test for test in self.texts if test.startswith(f"{folder}/") and test not in near]

    def fast(self, path: str) -> Sequence[str]:
        """Give the files whose fast tests may notice."""
        return [*self.near(path), *self.beside(path)]

    def slow(self, path: str) -> Sequence[str]:
        """Give the files whose slow tests may notice: the near ones that have any."""
        return [test for test in self.near(path) if "mark.slow" in self.texts[test]]


def _mirrors(test: str, module: str) -> bool:
    name = Path(test).stem.removeprefix("test_")
    parts = module.split("/")[1:]
    return name == parts[-1] and (len(parts) == 1 or parts[0] in Path(test).parts)


def _naming(dotted: str) -> re.Pattern[str]:
    """Match an import of a module, or its name in a text."""
    package, _, name = dotted.rpartition(".")
    return re.compile(rf"\b{re.escape(dotted)}\b|from {re.escape(package)} import [^\n]*\b{name}\b")

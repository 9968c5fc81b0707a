"""Which test files can notice a fault: those that mirror its module or name it, and those that run its function.

Of files that were not seen to run, those that mirror a module that names the faulty one are taken, too, and for fast
tests those in the mirrored folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from planting.mutant import Mutant
from planting.traces import Traces, digest, key

Step = tuple[list[str], bool]
"""Test files to run in one session, and whether their slow or their fast tests are meant."""


@dataclass(frozen=True)
class Reach:
    """The test files of a checkout, ordered by their nearness to a fault."""

    root: Path
    traces: Traces

    @cached_property
    def texts(self) -> dict[str, str]:
        """Give the text of every test file."""
        paths = sorted((self.root / "tests").rglob("test_*.py")) + sorted(self.root.glob("plugins/test_*.py"))
        return {path.relative_to(self.root).as_posix(): path.read_text(encoding="utf-8") for path in paths}

    @cached_property
    def sources(self) -> dict[str, str]:
        """Give the text of every module, by its path without an ending."""
        paths = sorted((self.root / "src").rglob("*.py"))
        return {
            path.relative_to(self.root / "src").with_suffix("").as_posix(): path.read_text(encoding="utf-8")
            for path in paths
        }

    @cached_property
    def slow(self) -> list[str]:
        """Give the files with slow tests."""
        return [test for test, text in self.texts.items() if "mark.slow" in text]

    @cached_property
    def digests(self) -> dict[str, str]:
        """Give the digest of every test file."""
        return {test: digest(self.root / test) for test in self.texts}

    def steps(self, mutant: Mutant) -> Iterator[Step]:
        """Give what to run: near fast tests, then fast tests from afar, then slow ones."""
        module = mutant.path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__")
        near, above = self._near(module), self._above(module)
        for slow in (False, True):
            running = self.traces.reaching(mutant.path, mutant.function, slow)
            close = [test for test in near if self._can(test, module, running, slow)]
            guessed = above if slow else [*above, *self._beside(module)]
            unseen = [test for test in guessed if not self._seen(test, slow)]
            far = [
                test
                for test in dict.fromkeys((*running, *unseen))
                if test not in close and test in self.texts
            ]
            if slow:
                yield [test for test in (*close, *far) if test in self.slow], True
            else:
                yield from ((close, False), (far, False))

    def _near(self, module: str) -> list[str]:
        """Give the test files that mirror or name a module, the mirrored first."""
        named = _naming(module.replace("/", "."))
        ranked = {
            test: 0 if _mirrors(test, module) else 1
            for test, text in self.texts.items()
            if _mirrors(test, module) or named.search(text)
        }
        return sorted(ranked, key=lambda test: (ranked[test], len(self.texts[test])))

    def _can(self, test: str, module: str, running: list[str], slow: bool) -> bool:
        """Tell whether a near file can notice: it runs the function, mirrors the module, or was not seen as it is."""
        return test in running or _mirrors(test, module) or not self._seen(test, slow)

    def _seen(self, test: str, slow: bool) -> bool:
        """Tell whether a file's half was seen as it is."""
        seen = self.traces.found.get(key(test, slow))
        return seen is not None and seen.digest == self.digests[test]

    def _beside(self, module: str) -> list[str]:
        """Give the test files of the mirrored folder, or of the next above that has any."""
        for folder in (Path("tests") / Path(module).relative_to("tflbuild")).parents:
            if found := [test for test in self.texts if Path(test).parent == folder]:
                return found
        return []

    def _above(self, module: str) -> list[str]:
        """Give the test files that mirror a module that names this one."""
        named = _naming(module.replace("/", "."))
        above = [source for source, text in self.sources.items() if named.search(text)]
        return [test for test in self.texts if any(_mirrors(test, source) for source in above)]


def _mirrors(test: str, module: str) -> bool:
    name = Path(test).stem.removeprefix("test_")
    parts = module.split("/")[1:] or [""]
    return name == parts[-1] and (len(parts) == 1 or parts[0] in Path(test).parts)


def _naming(dotted: str) -> re.Pattern[str]:
    """Match an import of a module, or its name in a text."""
    package, _, name = dotted.rpartition(".")
    return re.compile(
        rf"\b{re.escape(dotted)}\b|from {re.escape(package)} import (?:\([^)]*|[^\n]*)\b{name}\b"
    )

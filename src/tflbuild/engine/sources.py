"""Name the code that decides a result: a module and all it reaches within its own package.

The closure follows every import statement, those inside functions included, as text: a word in a docstring
that looks like an import adds a module too many, never one too few. See docs/decisions/0001-source-digest.md.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from tflbuild.core import digest

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<base>[.\w]+)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n#]+)"
    r"|import[ \t]+(?P<modules>[^\n#]+))",
    re.MULTILINE,
)


def code_digest(*modules: str) -> str:
    """Digest the source of modules and of everything they reach within their own packages.

    Args:
        modules: dotted names, e.g. "tflbuild.passes.prune".
    """
    reached: set[str] = set()
    todo = list(modules)
    while todo:
        name = todo.pop()
        if name in reached:
            continue
        reached.add(name)
        todo.extend(_reached_from(name))
    return digest.of_json(sorted((name, _text_digest(name)) for name in reached))


@cache
def _text_digest(module: str) -> str:
    path = _source(module)
    return digest.of_file(path) if path else ""


@cache
def _reached_from(module: str) -> tuple[str, ...]:
    path = _source(module)
    if path is None:
        return ()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for match in _IMPORT.finditer(path.read_text(encoding="utf-8")):
        if match["modules"]:
            found |= {name.split(" as ")[0].strip() for name in match["modules"].split(",")}
            continue
        base = _absolute(match["base"], package)
        names = match["names"].strip("()").replace("\n", " ").split(",")
        found.add(base)
        found |= {f"{base}.{name.split(' as ')[0].strip()}" for name in names}
    root = module.partition(".")[0]
    return tuple(
        sorted(name for name in found if name.partition(".")[0] in {root, "tflbuild"} and _source(name))
    )


def _absolute(base: str, package: str) -> str:
    dots = len(base) - len(base.lstrip("."))
    if dots == 0:
        return base
    parents = package.split(".")[: len(package.split(".")) - dots + 1]
    return ".".join([*parents, base.lstrip(".")]).rstrip(".")


@cache
def _source(module: str) -> Path | None:
    """Find a module's source without importing it; package `__init__` files that only export are left out."""
    if not all(part.isidentifier() for part in module.split(".")):
        return None
    loaded = sys.modules.get(module)
    origin = getattr(loaded, "__file__", None)
    if origin is None:
        origin = _find(module)
    if origin is None or not origin.endswith(".py") or module == "tflbuild":
        return None
    return Path(origin)


def _find(module: str) -> str | None:
    parent, _, _ = module.rpartition(".")
    path = None
    if parent:
        holder = sys.modules.get(parent)
        path = list(getattr(holder, "__path__", [])) if holder else _package_path(parent)
        if not path:
            return None
    spec = PathFinder.find_spec(module, path)
    return spec.origin if spec else None


def _package_path(package: str) -> list[str]:
    origin = _find(package)
    return [str(Path(origin).parent)] if origin and origin.endswith("__init__.py") else []

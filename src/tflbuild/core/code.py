"""Name the code that decides a result: a module, all it reaches within its own package, and versions of other packages.

The closure follows every import statement and every `import_module("...")`, those inside functions included, as
text: a sentence in a docstring that looks like an import adds a module too many, never one too few. Prose of options
(`core/prose.py`), which Python drops, is left out. What a module of tflbuild holds is remembered while its file is what
it was. See docs/decisions/0001-source-digest.md.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from tflbuild.core import digest, prose, toolchain
from tflbuild.core.module_memo import Module, ModuleMemo

_IMPORT = (
    r"(?:^|[:;])[ \t]*(?:from[ \t]+(?P<base>[.\w]+)[ \t]+import[ \t]*(?P<names>\([^)]*\)|(?:[^\n\\;]|\\\n)+)"
    r"|import[ \t]+(?P<modules>(?:[^\n\\;]|\\\n)+))"
    r"|import_module\(\s*[\"'](?P<named>[\w.]+)"
)

REPORTING = frozenset({"tflbuild.core.errors"})
"""Modules that decide no byte of a result: sentences and exit codes. The decision says what may join them."""

REFUSING = frozenset({"annotated_types"})
"""Packages that decide no byte of a result: they say which options are refused."""


@cache
def code_digest(*modules: str) -> str:
    """Digest the source of modules and of everything they reach within their own packages.

    Args:
        modules: dotted names, e.g. "tflbuild.passes.prune".
    """
    return digest.of_json([(name, _module(name).digest) for name in closure(*modules)])


def tools_of(*modules: str) -> dict[str, str]:
    """Give the versions of the packages that modules, and all they reach, import, by import name.

    A package that is not installed is left out, since nothing can have been made with it.
    """
    versions = {name: toolchain.version_behind(name) for name in packages_of(*modules)}
    return {name: found for name, found in versions.items() if found}


@cache
def packages_of(*modules: str) -> tuple[str, ...]:
    """Name the packages that modules and everything they reach import, besides the standard library, sorted."""
    found = {package for name in closure(*modules) for package in _module(name).packages}
    return tuple(sorted(found - REFUSING))


def closure(*modules: str) -> list[str]:
    """List modules and everything they reach within their own packages, sorted."""
    reached: set[str] = set()
    todo = list(modules)
    while todo:
        name = todo.pop()
        if name not in reached and name not in REPORTING:
            reached.add(name)
            todo.extend(_module(name).reaches)
    _OURS.save()
    return sorted(reached)


@cache
def _module(name: str) -> Module:
    path = _source(name)
    if path is None:
        return Module("", (), ())
    return _OURS(name) if name in _OURS.sources else _read(name, path)


def _read(name: str, path: Path) -> Module:
    content = prose.without_prose(path.read_bytes())
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    own = {name.partition(".")[0], "tflbuild"}
    found = _imported(content.decode("utf-8", "replace"), package)
    reaches = {other for other in found if other.partition(".")[0] in own and _source(other)}
    packages = {top for other in found if (top := other.partition(".")[0]).isidentifier()}
    others = packages - own - sys.stdlib_module_names
    return Module(digest.of_bytes(content), tuple(sorted(reaches)), tuple(sorted(others)))


def _imported(text: str, package: str) -> set[str]:
    """Name what import statements may import; `from a import b` may mean the module a or a.b."""
    found: set[str] = set()
    for match in re.finditer(_IMPORT, re.sub(r"#[^\n]*", "", text), re.MULTILINE):
        if match["named"]:
            found.add(match["named"])
        elif match["modules"]:
            found |= _names(match["modules"])
        else:
            base = _absolute(match["base"], package)
            found |= {base, *(f"{base}.{name}" for name in _names(match["names"]))}
    return found


def _names(listed: str) -> set[str]:
    return {name.split()[0] for name in re.sub(r"[()\\\n]", " ", listed).split(",") if name.split()}


def _absolute(base: str, package: str) -> str:
    dots = len(base) - len(base.lstrip("."))
    if dots == 0:
        return base
    parents = package.split(".")[: len(package.split(".")) - dots + 1]
    return ".".join([*parents, base.lstrip(".")]).rstrip(".")


@cache
def _source(module: str) -> Path | None:
    """Find a module's source without importing it; our own `__init__`, which only exports, is left out."""
    if module.partition(".")[0] == PACKAGE.name:
        return _OURS.sources.get(module) if module != PACKAGE.name else None
    if not all(part.isidentifier() for part in module.split(".")):
        return None
    loaded = sys.modules.get(module)
    origin = getattr(loaded, "__file__", None)
    if origin is None:
        origin = _find(module)
    if origin is None or not origin.endswith(".py"):
        return None
    return Path(origin)


@cache
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


PACKAGE = Path(__file__).parents[1]

_RULES = [digest.of_file(Path(file)) for file in (__file__, prose.__file__)]

_OURS = ModuleMemo(PACKAGE, f"{sys.version} {' '.join(_RULES)}", _read)
"""The rules are this file and that of prose, as they were when they were imported."""

"""The commands besides building: each takes its words and gives an exit code."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tflbuild import plugins, recipe_files
from tflbuild.core.compiler_pass import ARCHITECTURES, PASSES, Pass, kinds_of
from tflbuild.core.dataset import DATASETS
from tflbuild.core.errors import PluginError, RecipeError, did_you_mean
from tflbuild.core.metric import METRICS
from tflbuild.core.registry import Registry
from tflbuild.core.target import TARGETS

REGISTRIES: dict[str, Registry[Any]] = {
    "passes": PASSES,
    "models": ARCHITECTURES,
    "data": DATASETS,
    "metrics": METRICS,
    "targets": TARGETS,
}

SKELETON = '''\
"""{title}: a tflbuild plugin."""

from typing import Annotated

from annotated_types import Ge

from tflbuild import Pass, PassContext, TFLiteModel, compiler_pass


@compiler_pass("{name}")
class {title}(Pass):
    """Append `zeros` bytes to the flatbuffer; say here what the pass does, `tflbuild describe {name}` shows it."""

    zeros: Annotated[int, Ge(0)] = 16  # bytes

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Give the next model."""
        return ctx.emit(TFLiteModel, model.path.read_bytes() + bytes(self.zeros))
'''


def plan(words: list[str]) -> int:
    """Print what would run, and why; imports no TensorFlow and writes nothing."""
    from tflbuild.engine.plan import plan as make_plan
    from tflbuild.engine.prepare import prepare
    from tflbuild.recipe import load_recipe

    warnings = list(plugins.load(plugins.default_folder()).warnings)
    prepared = prepare(load_recipe(words), warnings.append)
    made = make_plan(prepared.recipe, prepared.keys, prepared.store)
    width = max(len(planned.step.label) for planned in made.steps)
    for planned in made.steps:
        name = type(planned.step.options).name
        of = "" if name == planned.step.label else f" ({name})"
        say(f"{planned.step.label:<{width}}  {planned.status:<7}  {planned.reason}{of}")
    for label, reason in made.unused.items():
        say(f"{label:<{width}}  unused   {reason}")
    for text in warnings:
        say(f"warning: {text}")
    if prepared.index.dropped:
        say(f"data: {len(prepared.index.dropped)} thing(s) left out:")
        for dropped in prepared.index.dropped[:5]:
            say(f"  {dropped.file}: {dropped.reason}")
    counts = ", ".join(f"{name} {len(samples)}" for name, samples in prepared.index.splits.items())
    say(f"data: {counts}; {len(prepared.index.classes)} classes")
    return 0


def list_(words: list[str]) -> int:
    """List what is declared."""
    loaded = plugins.load(plugins.default_folder())
    kinds = words or ["recipes", *REGISTRIES, "plugins"]
    for kind in kinds:
        if len(kinds) > 1:
            say(f"{kind}:")
        for name, text in _listing(kind, loaded):
            say(f"  {name:<26} {text}")
    return 0


def _listing(kind: str, loaded: plugins.Loaded) -> list[tuple[str, str]]:
    if kind == "recipes":
        return [(name, _recipe_line(name)) for name in recipe_files.recipe_names()]
    if kind == "plugins":
        broken = [(origin, f"BROKEN: {error}") for origin, error in loaded.broken.items()]
        return [*((module, origin) for module, origin in loaded.origins.items()), *broken]
    if kind not in REGISTRIES:
        choices = ["recipes", *REGISTRIES, "plugins"]
        raise RecipeError(f"list: '{kind}' is none of {', '.join(choices)}.{did_you_mean(kind, choices)}")
    return [(name, _first_line(cls)) for name, cls in REGISTRIES[kind].items()]


def _recipe_line(name: str) -> str:
    path = recipe_files.find_recipe(name)
    assert path is not None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("description:"):
            return line.partition(":")[2].strip()
    return ""


def _first_line(cls: type) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0]


def describe(words: list[str]) -> int:
    """Print the page of a pass, model, data set, metric, target or recipe."""
    name = _one(words, "describe NAME")
    loaded = plugins.load(plugins.default_folder())
    found = False
    for kind, registry in REGISTRIES.items():
        if name in registry:
            say(f"{name} ({registry.noun})\n")
            say(page(registry.get(name), kind))
            found = True
    path = recipe_files.find_recipe(name)
    if path is not None:
        say(f"{name} (recipe), {os.path.relpath(path)}\n\n{path.read_text(encoding='utf-8')}")
        found = True
    if not found:
        plugins.require(name, loaded)
        choices = [*recipe_files.recipe_names(), *(n for registry in REGISTRIES.values() for n in registry)]
        raise RecipeError(f"describe: nothing is called '{name}'.{did_you_mean(name, choices)}")
    return 0


def page(cls: type[Any], kind: str) -> str:
    """Give the page of a declared class: its docstring, kinds, promise and options."""
    lines = [inspect.getdoc(cls) or "(no docstring)", ""]
    if issubclass(cls, Pass):
        given, made = kinds_of(cls)
        lines.append(f"takes   {given.kind if given else 'nothing: it starts a model'}")
        lines.append(f"gives   {made.kind}")
        if cls.promises:
            lines.append(f"promises {cls.promises}")
    if kind == "metrics":
        lines.append(f"unit    {cls.unit}; {'higher' if cls.higher_is_better else 'lower'} is better")
    options = dataclasses.fields(cls)
    if options:
        lines.append("options")
    hints = typing.get_type_hints(cls, include_extras=True)
    for option in options:
        default = option.default
        if option.default_factory is not dataclasses.MISSING:
            default = option.default_factory()
        shown = "needed" if default is dataclasses.MISSING else repr(default)
        lines.append(f"  {option.name:<16} {_type_text(hints[option.name])} = {shown}")
    return "\n".join(lines)


def _type_text(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Annotated:
        base, *ranges = typing.get_args(hint)
        return f"{_type_text(base)} ({', '.join(repr(r) for r in ranges)})"
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(str(choice) for choice in typing.get_args(hint))
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " | ".join(_type_text(part) for part in typing.get_args(hint))
    if hint is type(None):
        return "None"
    return str(hint).replace("typing.", "") if typing.get_args(hint) else hint.__name__


def predict(words: list[str]) -> int:
    """Run a delivered file on images."""
    from tflbuild import prediction

    if len(words) < 2:
        raise RecipeError("usage: tflbuild predict RUN_OR_TFLITE IMAGE...")
    folder = Path("predictions")
    results = prediction.predict(Path(words[0]), [Path(word) for word in words[1:]], folder)
    for result in results:
        for line in prediction.lines(result):
            say(line)
    return 0


def report(words: list[str]) -> int:
    """Print a run's outcome."""
    from tflbuild import terminal

    folder = Path(_one(words, "report RUN"))
    path = folder / "report.json" if folder.is_dir() else folder
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"report: {path} cannot be read: {error}") from error
    for step in content["passes"]:
        say(f"{step['label']:<18} {step['outcome']:<9} {terminal.primary_metric(step['metrics'])}")
        for verdict in step["verdicts"]:
            say(f"  gate {'open' if verdict['ok'] else 'CLOSED'}: {verdict['text']}")
    for line in terminal.outcome_lines(content, str(path.parent)):
        say(line)
    if content["error"]:
        say(f"error: {content['error']}")
    return 0


def cache(words: list[str]) -> int:
    """Say what the store holds."""
    if words[:1] != ["info"]:
        raise RecipeError("usage: tflbuild cache info [store.path=FOLDER]")
    given = [word.partition("=")[2] for word in words[1:] if word.startswith("store.path=")]
    root = Path(given[0] if given else os.environ.get("TFLBUILD_STORE", "outputs/store"))
    for name in ("actions", "blobs", "quarantine"):
        sizes = [path.stat().st_size for path in (root / name).glob("*")]
        say(f"{name:<11} {len(sizes):>7} files {sum(sizes) / 2**20:>10.1f} MiB")
    return 0


def new(words: list[str]) -> int:
    """Start a plugin in ./plugins/."""
    name = _one(words, "new NAME")
    if not name.isidentifier():
        raise RecipeError(f"new: '{name}' is no name for a pass; use letters, digits and _.")
    plugins.load(plugins.default_folder())
    if name in PASSES:
        raise PluginError(f"new: there is a pass '{name}' already; choose another name.")
    path = Path("plugins") / f"{name}.py"
    if path.exists():
        raise RecipeError(f"new: {path} exists already.")
    path.parent.mkdir(exist_ok=True)
    title = "".join(part.capitalize() for part in name.split("_"))
    path.write_text(SKELETON.format(name=name, title=title), encoding="utf-8")
    say(f"wrote {path}; try: tflbuild describe {name}")
    return 0


def _one(words: list[str], usage: str) -> str:
    if len(words) != 1:
        raise RecipeError(f"usage: tflbuild {usage}")
    return words[0]


def say(text: str) -> None:
    """Print for the user."""
    print(text)  # noqa: T201 - this is the terminal


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "plan": plan,
    "list": list_,
    "describe": describe,
    "predict": predict,
    "report": report,
    "cache": cache,
    "new": new,
}
"""Every command by name."""

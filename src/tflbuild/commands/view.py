"""`tflbuild view`: the graph of a delivered file, with the error of each layer, in Model Explorer or Netron."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.commands.compare_files import is_model_file
from tflbuild.commands.of_run import listener_for, opened_run
from tflbuild.commands.words import say, warn
from tflbuild.core.analysis import ANALYSES
from tflbuild.core.command import command
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.engine.events import Event
from tflbuild.engine.order import main_line
from tflbuild.engine.plan import plan
from tflbuild.engine.storage.store import writing
from tflbuild.show.node_data import MEASURES, NodeData, node_data

USAGE = "usage: tflbuild view RUN_OR_FILE [--netron] [--json FILE]"
SUFFIX = ".tflite"
TOLD = ("measuring", "progress", "warning", "waiting")
"""Events that are told while errors are measured; what the run's steps gave, its report says."""


class Asked(NamedTuple):
    """The words of the command.

    Attributes:
        subject: a run, or a model file.
        netron: whether Netron is wanted.
        out: the file that node data are written to; "" to look at the graph.
        places: where results are kept instead, as typed.
    """

    subject: str
    netron: bool
    out: str
    places: Sequence[str]


@command("view", "show the graph with each layer's error in a browser", usage="RUN_OR_FILE", prints=False)
def view(words: list[str]) -> int:
    """Serve the graph of a run's delivered file, or of a model file, on this machine until Ctrl-C.

    In Model Explorer the operators of a run are coloured by the error of their layer, as the run's analyses or its
    diagnosis found it; where none did, it is measured first. Netron shows the graph alone, of any format. `--json`
    writes the node data for Model Explorer to a file instead.

    Raises:
        RecipeError: a word is missing or wrong, or there is nothing to look at.
        MissingTool: the extra `view` is not installed.
    """
    from tflbuild.backends.graph_viewer import serve

    asked = _asked(words)
    of_run = not is_model_file(asked.subject)
    model = _delivered(Path(asked.subject)) if of_run else Path(asked.subject)
    if not model.is_file():
        raise RecipeError(f"view: there is no file '{plain(model)}'.")
    netron = asked.netron or model.suffix != SUFFIX
    found = _found(asked, model) if of_run and not netron else []
    if asked.out:
        return _write(asked.out, model, found)
    for one in found:
        say(f"{one.name}: {len(one.data['results'])} operators{_missing(one)}")
    viewer, name = ("netron", "Netron") if netron else ("model_explorer", "Model Explorer")
    data = [{"name": one.name, "data": one.data} for one in found]
    serve(viewer, model, data, lambda address: say(f"{name}, until Ctrl-C: {address}"))  # type: ignore[arg-type]
    return 0


def _asked(words: Sequence[str]) -> Asked:
    """Read the words.

    Raises:
        RecipeError: one is missing or wrong.
    """
    rest, out = list(words), ""
    if "--json" in rest:
        place = rest.index("--json")
        if place + 1 == len(rest) or rest[place + 1].startswith("-"):
            raise RecipeError(f"view: --json wants the name of a file. {USAGE}")
        out = rest.pop(place + 1)
        rest.pop(place)
    netron = "--netron" in rest
    rest = [word for word in rest if word != "--netron"]
    places = [word for word in rest[1:] if "=" in word or word == "--plugins"]
    if not rest or rest[0].startswith("-") or len(rest) > 1 + len(places):
        raise RecipeError(USAGE)
    if out and netron:
        raise RecipeError(
            "view: --json writes node data for Model Explorer, which Netron cannot read; leave one out."
        )
    return Asked(rest[0], netron, out, places)


def _delivered(run: Path) -> Path:
    """Name the file that a run delivered: the first `.tflite`, or else the first of all.

    Raises:
        RecipeError: it is no run, or delivered nothing.
    """
    from tflbuild.engine.report_form import read_report

    folder = run if run.is_dir() else run.parent
    paths: list[Path] = [folder / target["path"] for target in read_report(run)["targets"]]
    if not paths:
        raise RecipeError(f"view: {plain(run)} delivered no file; name one, e.g. from its folder rejected/.")
    return next((path for path in paths if path.suffix == SUFFIX), paths[0])


def _found(asked: Asked, model: Path) -> list[NodeData]:
    """Give the errors by layer that the run or its diagnosis found; where neither did, measure them."""
    from tflbuild.formats.tflite.graph import Graph
    from tflbuild.tflite.model import Model
    from tflbuild.tflite.soundness import check

    graph = Graph(Model(check(model)))
    tensors = {
        graph.tensors[index].name
        for index in (*graph.inputs, *(index for one in graph.operators for index in one.outputs))
    }
    run = Path(asked.subject)
    return node_data(_kept(run), tensors) or node_data(_measured(run, asked.places), tensors)


def _kept(run: Path) -> list[Mapping[str, Any]]:
    """Give what analyses found, as the run's report and its diagnosis tell it."""
    from tflbuild.core import json_text
    from tflbuild.core.form import Malformed, check
    from tflbuild.engine.diagnosis_form import DIAGNOSIS
    from tflbuild.engine.report_form import read_report

    found = list(read_report(run).get("analyses", []))
    file = (run if run.is_dir() else run.parent) / "diagnosis" / "diagnosis.json"
    if not file.is_file():
        return found
    try:
        content = json_text.read_mapping(file)
        check(content, DIAGNOSIS)
    except (Malformed, ValueError) as error:
        raise RecipeError(f"view: {plain(file)} is not a diagnosis: {error}.") from error
    return [*found, *content["analyses"]]


def _measured(run: Path, places: Sequence[str]) -> list[Mapping[str, Any]]:
    """Measure the error of each layer of a run whose models are still in the store; nothing is trained for it."""
    name = next((name for name in MEASURES if name in ANALYSES), "")
    tell = listener_for(())

    def told(event: Event) -> None:
        if event.kind in TOLD:
            tell(event)

    with opened_run("view", [str(run), *places], USAGE, told) as opened:
        prepared = opened.store.prepared
        planned = plan(prepared.recipe, prepared.keys, prepared.store).steps
        again = [one for one in planned if one.status != "HIT"]
        if again:
            why = f"'{again[0].step.label}' would run again first ({again[0].reason})"
            warn([f"no layer errors are shown: none were measured, and {why}"])
            return []
        models = opened.models("looked at")
        main = main_line(prepared.recipe, prepared.order)
        steps = {label: prepared.recipe.steps[label].options for label in main}
        analysis = ANALYSES.get(name).of_steps(steps)
        missing = [of for of in analysis.of if of not in models]
        reason = f"this run has no '{missing[0]}' model" if missing else analysis.fits(models)
        if reason:
            warn([f"no layer errors are shown: {reason}"])
            return []
        return [opened.store.analyst.entry(name, analysis, models)]


def _write(out: str, model: Path, found: Sequence[NodeData]) -> int:
    """Write node data, all of a layer's measures in one file, by the graph that they are of.

    Raises:
        RecipeError: there are none.
    """
    if not found:
        raise RecipeError(f"view: {plain(model)} has no layer errors to write.")
    path = Path(out)
    with writing(path.parent):
        path.write_text(json.dumps(found[0].data, indent=1) + "\n", encoding="utf-8")
    say(f"{plain(path)}: {found[0].name}, {len(found[0].data['results'])} operators{_missing(found[0])}")
    return 0


def _missing(one: NodeData) -> str:
    return f"; {one.missing} more are not in the delivered file" if one.missing else ""

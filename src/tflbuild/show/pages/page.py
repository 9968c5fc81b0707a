"""A report as one page of HTML that needs nothing else: no font, no network, and no script but to copy text."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tflbuild.core.exhibit import Exhibit
from tflbuild.engine.first_look import NAME as FIRST_LOOK
from tflbuild.engine.report_form import typed_words
from tflbuild.show import npu_layers
from tflbuild.show.breach import breach_of, next_commands
from tflbuild.show.conclusion import conclusion
from tflbuild.show.devices import HEADINGS, devices
from tflbuild.show.findings.analyses import exhibits_of_analyses
from tflbuild.show.findings.notes import exhibits_of, plain_notes
from tflbuild.show.micro import micro_lines
from tflbuild.show.outcome import apart_text, step_lines
from tflbuild.show.pages import curve, histogram, plot, scripts
from tflbuild.show.pages.beside import Beside
from tflbuild.show.pages.class_names import class_table
from tflbuild.show.pages.compiled import compiled_templates
from tflbuild.show.pages.contents import listed
from tflbuild.show.pages.figures import (
    change,
    duration,
    figure,
    interval,
    primary_metric,
    size,
)
from tflbuild.show.pages.links import Links
from tflbuild.show.pages.matrix import shaded
from tflbuild.show.pages.measured_there import exhibit_there
from tflbuild.show.pages.packing import packing
from tflbuild.show.pages.sample_views import drawn
from tflbuild.show.pages.snippets.listing import snippets
from tflbuild.show.pages.tile import measured_where
from tflbuild.show.pages.tiles import tiles
from tflbuild.show.pages.training import exhibits_of_training
from tflbuild.show.pages.waterfall import Column, Waterfall, gauge, limits_of, waterfall
from tflbuild.show.placements import Placements
from tflbuild.show.step_lines import mark_of

STATUSES = ("built", "over_budget", "failed", "interrupted")
BANNERS = {"good": "built", "unsure": "warned"}
"""Style of the banner by the tone of the conclusion; a build that failed has one by its status."""

KEPT = ("ran", "cached")
OPTIONS: Mapping[str, Any] = {
    "autoescape": True,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "optimized": False,
}
"""Options that, with the text, decide a template's code; optimizing would run filters while compiling."""


def render(
    report: Mapping[str, Any],
    beside: Sequence[Beside] = (),
    folder: str = "RUN",
    links: Links | None = None,
) -> str:
    """Write the page of `report.json` (schema `tflbuild.report/1`).

    Args:
        report: what it holds.
        beside: what was found out about the run since.
        folder: of the run, as it is typed.
        links: to its files and to other runs.
    """
    looked, others = _split(report.get("analyses", []))
    metric = primary_metric(report)
    unit = _unit(report, metric)
    said, breach = conclusion(report), breach_of(report, folder)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            metric=metric,
            unit=unit,
            headline=said.text,
            banner=BANNERS.get(said.tone, report["status"]),
            breach=breach,
            next_commands=next_commands(report, folder) if breach else [],
            command=_command(report),
            folder=shlex.quote(folder),
            tiles=tiles(report, metric, unit),
            chart=_chart(report, metric, unit),
            steps=[_step(step, metric) for step in report["passes"]],
            longest=max((step["seconds"] for step in report["passes"]), default=0) or 1,
            largest=max((step["bytes"] or 0 for step in report["passes"]), default=0) or 1,
            verdicts=_verdicts(report["budget"]["verdicts"]),
            training=exhibits_of_training(report["passes"]),
            snippets={target["name"]: snippets(target) for target in report["targets"]},
            links=links or Links(),
            scripts=scripts.scripts(scripts.COPY),
            packed={target["name"]: packing(report, target) for target in report["targets"]},
            stepped={target["name"]: step_lines(target) for target in report["targets"]},
            timed={target["name"]: exhibit_there(target) for target in report["targets"]},
            placed={target["name"]: _placed(target) for target in report["targets"]},
            layers={
                target["name"]: npu_layers.exhibit(target.get("npu_layers", []))
                for target in report["targets"]
            },
            base=exhibits_of_analyses(looked),
            found=exhibits_of_analyses(others),
            devices=devices(report),
            headings=HEADINGS,
            beside=beside,
            recognised=report.get("recognised", []),
            classes=class_table(report),
            dropped=_dropped(report["data"].get("dropped", [])),
            resolved=_yaml(report.get("resolved", {})),
        )
    )


def _placed(target: Mapping[str, Any]) -> Exhibit | None:
    """Draw where the operators of a delivered file run; None where nobody said."""
    found = target.get("placement")
    return Placements(target["path"], target["bytes"], [found]).exhibit() if found else None


@cache
def environment() -> Environment:
    """Give the environment that all pages are made in."""
    environment = Environment(
        loader=FileSystemLoader(scripts.TEMPLATES),
        undefined=StrictUndefined,
        bytecode_cache=compiled_templates(OPTIONS),
        **OPTIONS,
    )
    environment.filters |= {
        "figure": figure,
        "size": size,
        "duration": duration,
        "change": change,
        "interval": interval,
        "apart": apart_text,
        "micro": micro_lines,
        "place": curve.place,
        "bins": histogram.place,
        "plotted": plot.place,
        "shaded": shaded,
        "listed": listed,
        "drawn": drawn,
        "address": partial(quote, safe="/=,"),
    }
    return environment


def _split(analyses: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Give the first look at the base, and all other analyses."""
    looked = [entry for entry in analyses if entry.get("name") == FIRST_LOOK]
    return looked, [entry for entry in analyses if entry.get("name") != FIRST_LOOK]


def _command(report: Mapping[str, Any]) -> str:
    return shlex.join(["tflbuild", *typed_words(report)])


def _unit(report: Mapping[str, Any], metric: str) -> str:
    for step in report["passes"]:
        if metric in step["metrics"]:
            return str(step["metrics"][metric]["unit"])
    return "1"


def _chart(report: Mapping[str, Any], metric: str, unit: str) -> Waterfall | None:
    """Show the metric after every pass, and on the test split what was delivered beside the base."""
    steps = [
        Column(
            label=step["label"],
            measurement=step["metrics"][metric],
            state=_state(step),
            limits=limits_of(step["verdicts"], metric),
            output=step["output"] or "",
            input=step["input"] or "",
        )
        for step in report["passes"]
        if step["metrics"].get(metric, {}).get("value") is not None
    ]
    base = report["base"]["metrics"].get(metric, {"value": None})
    first = Column(label=f"{report['base']['label']} (base)", measurement=base)
    final = [first] if base["value"] is not None else []
    for target in report["targets"]:
        if target["metrics"].get(metric, {}).get("value") is not None:
            verdicts = [
                v for v in report["budget"]["verdicts"] if v.get("target", target["name"]) == target["name"]
            ]
            limits = limits_of(verdicts, metric)
            final.append(Column(label=target["name"], measurement=target["metrics"][metric], limits=limits))
    final = final if len(final) > 1 else []
    return waterfall(
        metric, unit, [(_title("after each pass", steps), steps), (_title("delivered", final), final)]
    )


def _title(text: str, columns: list[Column]) -> str:
    where = measured_where(columns[0].measurement) if columns else ""
    return f"{text} ({where})" if where else text


def _state(step: Mapping[str, Any]) -> str:
    if any(not verdict["ok"] for verdict in step["verdicts"]):
        return "closed"
    return "kept" if step["outcome"] in KEPT else "left"


def _step(step: Mapping[str, Any], metric: str) -> dict[str, Any]:
    others = {name: found for name, found in step["metrics"].items() if name != metric}
    return {
        **step,
        "mark": mark_of(step),
        "measured": step["metrics"].get(metric),
        "others": others,
        "judged": _verdicts(step["verdicts"]),
        "notes": {name: _told(note) for name, note in plain_notes(step.get("notes", {})).items()},
        "exhibits": exhibits_of(step.get("notes", {})),
        "options": step.get("options", {}),
    }


def _told(note: Any) -> str:
    """Write a note in words: what is nested by name and value, one after the other."""
    if isinstance(note, Mapping):
        return ", ".join(f"{name}: {_told(value)}" for name, value in note.items())
    if isinstance(note, list):
        return ", ".join(_told(value) for value in note)
    return str(note)


def _verdicts(verdicts: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Add to each verdict its word and its gauge."""
    judged = []
    for verdict in verdicts:
        word = "open" if verdict["ok"] else "closed"
        judged.append(
            {**verdict, "word": word if verdict["decided"] else f"{word}, undecided", "gauge": gauge(verdict)}
        )
    return judged


def _dropped(dropped: list[Mapping[str, str]]) -> list[tuple[str, list[str]]]:
    """Group what was left out by file."""
    files: dict[str, list[str]] = {}
    for entry in dropped:
        files.setdefault(entry["file"], []).append(entry["reason"])
    return list(files.items())


def _yaml(mapping: Mapping[str, Any]) -> str:
    import yaml

    if not mapping:
        return ""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(dict(mapping), Dumper=dumper, sort_keys=False, allow_unicode=True))

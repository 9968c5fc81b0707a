"""A sweep as one page of HTML: charts, a table that sorts and filters, and what failed; its script is in the page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.metric import METRICS
from tflbuild.core.recipe import aim_of
from tflbuild.show.device_figures import device_figures
from tflbuild.show.pages.figures import figure, interval, short
from tflbuild.show.pages.page import STATUSES, environment
from tflbuild.show.pages.parallel import parallel
from tflbuild.show.pages.scatter import LATENCY, SIZE, scatter
from tflbuild.show.pages.scripts import COPY, SWEEP, scripts
from tflbuild.show.pages.tile import measured_where


def render_summary(summary: Mapping[str, Any]) -> str:
    """Write the page of `summary.json` (schema `tflbuild.summary/1`)."""
    jobs = summary["jobs"]
    keys = list(dict.fromkeys(key for job in jobs for key in job["overrides"]))
    metric = summary["metric"]
    counts = {status: sum(job["status"] == status for job in jobs) for status in STATUSES}
    devices = device_figures(jobs, metric)
    charts = [scatter(jobs, metric, across) for across in (SIZE, LATENCY)]
    return (
        environment()
        .get_template("summary.html.j2")
        .render(
            summary=summary,
            keys=keys,
            metric=metric,
            counts={status: count for status, count in counts.items() if count},
            invalid=sum(job["status"] not in STATUSES for job in jobs),
            charts=[chart for chart in charts if chart],
            parallel=parallel(jobs, keys, metric),
            devices=devices,
            rows=[{**_job(job, keys, metric), "devices": _devices(job, devices)} for job in jobs],
            failed=[(number, job) for number, job in enumerate(jobs, start=1) if job.get("error")],
            spreads=_spreads(summary),
            command=shlex.join(["tflbuild", "-m", *summary.get("command", [])]),
            base=_base(jobs, metric),
            started=str(summary.get("started") or "").replace("T", " "),
            scripts=scripts(SWEEP, COPY),
        )
    )


def _base(jobs: Sequence[Mapping[str, Any]], metric: str) -> str:
    """Say what jobs are held against: one base, or the range of several."""
    bases = [job["base"] for job in jobs if (job.get("base") or {}).get("metrics", {}).get(metric)]
    found = [base["metrics"][metric] for base in bases if base["metrics"][metric]["value"] is not None]
    if not found:
        return ""
    labels = ", ".join(dict.fromkeys(str(base.get("label", "the base")) for base in bases))
    texts = sorted({figure(one["value"], one["unit"]) for one in found})
    if len(texts) > 1:
        return f"{labels}: {metric} {texts[0]} to {texts[-1]}, by the options of the job ({measured_where(found[0])})"
    told = [f"95 % interval {interval(found[0])}" if interval(found[0]) else "", measured_where(found[0])]
    return f"{labels}: {metric} {texts[0]} ({'; '.join(text for text in told if text)})"


def _job(job: Mapping[str, Any], keys: list[str], metric: str) -> dict[str, Any]:
    measured = job.get("metrics", {}).get(metric)
    base = (job.get("base") or {}).get("metrics", {}).get(metric)
    known = measured and base and measured["value"] is not None and base["value"] is not None
    return {
        "settings": [short(job["overrides"].get(key, "")) for key in keys],
        "typed": [str(job["overrides"].get(key, "")) for key in keys],
        "words": " ".join([*(f"{key}={value}" for key, value in job["overrides"].items()), job["status"]]),
        "status": job["status"],
        "error": job.get("error"),
        "run": job.get("run"),
        "measured": measured,
        "change": measured["value"] - base["value"] if known else None,
        "bytes": job.get("bytes"),
        "compressed_bytes": job.get("compressed_bytes"),
        "latency_ms": job.get("latency_ms"),
        "seconds": job.get("seconds"),
        "pareto": job["pareto"],
    }


def _devices(job: Mapping[str, Any], names: Sequence[str]) -> list[tuple[float | None, str]]:
    """Give the figures of devices that have a column, each with its unit."""
    metrics = (aim_of(name)[0] for name in names)
    units = [METRICS.get(metric).unit if metric in METRICS else "1" for metric in metrics]
    return [(job.get("figures", {}).get(name), unit) for name, unit in zip(names, units, strict=True)]


def _spreads(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give a row for each figure of each group of jobs that differ in nothing but their seed."""
    units = {"bytes": "bytes", "latency_ms": "ms"}
    return [
        {
            "settings": [f"{key}={short(value)}" for key, value in group["overrides"].items()],
            "built": group["built"],
            "jobs": len(group["jobs"]),
            "name": name,
            "unit": units.get(name, "1"),
            **found,
        }
        for group in summary["groups"]
        for name, found in group["figures"].items()
        if found["n"]
    ]

"""A sweep as one page of HTML: charts, a table that sorts and filters, and what failed; its script is in the page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from tflbuild.show.pages.page import STATUSES, TEMPLATES, environment
from tflbuild.show.pages.parallel import parallel
from tflbuild.show.pages.scatter import LATENCY, SIZE, scatter

SCRIPT = "sweep.js"


def render_summary(summary: Mapping[str, Any]) -> str:
    """Write the page of `summary.json` (schema `tflbuild.summary/1`)."""
    jobs = summary["jobs"]
    keys = list(dict.fromkeys(key for job in jobs for key in job["overrides"]))
    metric = summary["metric"]
    counts = {status: sum(job["status"] == status for job in jobs) for status in STATUSES}
    charts = [scatter(jobs, metric, across) for across in (SIZE, LATENCY)]
    script = (TEMPLATES / SCRIPT).read_text(encoding="utf-8").strip()
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
            rows=[_job(job, keys, metric) for job in jobs],
            failed=[(number, job) for number, job in enumerate(jobs, start=1) if job.get("error")],
            spreads=_spreads(summary),
            script=script,
            policy=f"script-src '{_hash(script)}'",
        )
    )


def _hash(script: str) -> str:
    """Name the one script that a browser runs on the page, by its content."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _job(job: Mapping[str, Any], keys: list[str], metric: str) -> dict[str, Any]:
    measured = job.get("metrics", {}).get(metric)
    base = (job.get("base") or {}).get("metrics", {}).get(metric)
    known = measured and base and measured["value"] is not None and base["value"] is not None
    return {
        "settings": [str(job["overrides"].get(key, "")) for key in keys],
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


def _spreads(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give a row for each figure of each group of jobs that differ in nothing but their seed."""
    units = {"bytes": "bytes", "latency_ms": "ms"}
    return [
        {
            "settings": [f"{key}={value}" for key, value in group["overrides"].items()],
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

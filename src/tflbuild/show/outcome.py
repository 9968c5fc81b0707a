"""How a build ended, in lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from tflbuild.core.amount import amount
from tflbuild.core.change import signed, told, unsigned
from tflbuild.core.file_size import size
from tflbuild.core.metric import METRICS
from tflbuild.core.plain_text import harmless, plain
from tflbuild.engine.events import LOG
from tflbuild.engine.report import Report
from tflbuild.show.breach import breach_lines
from tflbuild.show.conclusion import conclusion
from tflbuild.show.devices import device_lines
from tflbuild.show.findings.analyses import texts_of
from tflbuild.show.micro import micro_lines
from tflbuild.show.npu_layers import heaviest
from tflbuild.show.placements import SAID_BY
from tflbuild.show.step_lines import primary_metric


def outcome_lines(report: Mapping[str, Any], folder: str) -> list[str]:
    """Say how a build ended: in a sentence, then the file, its size, its accuracy against the base, and the report."""
    lines = [conclusion(report).text]
    for target in report["targets"]:
        lines.append(f"built {folder}/{target['path']} for {target['name']}")
        lines.append(f"  {size(target['bytes'])}, {size(target['compressed_bytes'])} compressed")
        lines += _accuracy_lines(report, target)
        lines += _device_lines(target)
        lines += _runtime_lines(target)
        lines += _sample_lines(target)
        lines += [f"  metadata: {plain(target['metadata'])}"] if target.get("metadata") else []
        lines += [f"  warning: {plain(text, 2000)}" for text in target.get("cautions", [])]
        lines += step_lines(target)
    lines += device_lines(report)
    lines += [f"  gate: {v['text']}" for v in report["budget"]["verdicts"] if v.get("ok", True)]
    if report.get("status") == "built" and report.get("stopped_after"):
        last = report["passes"][-1]
        lines.append(
            f"stopped after {last['label']}: a {last['kind']} of {size(last['bytes'])} in {folder}, "
            f"{primary_metric(last['metrics'])} on val"
        )
    lines += [f"warning: {plain(text, 2000)}" for text in texts_of(report.get("analyses", []))]
    if report.get("reproduce"):
        lines.append(f"to run only the failed pass: {report['reproduce']}")
    lines.append(f"report: {folder}/report.html")
    return lines


COARSE = 0.1
"""Part of the mean absolute error from which on a step of the output is coarse."""


def step_lines(target: Mapping[str, Any]) -> list[str]:
    """Say in which steps a quantized file gives its numbers, and which of them that is too coarse for."""
    lines = []
    errors = target["metrics"].get("mae", {}).get("details", {}).get("per_value", {})
    for name, step in target.get("steps", {}).items():
        lines.append(f"  '{plain(name, 60)}' comes in steps of {step:.4g}, in the units of the data")
        coarse = [
            f"{plain(value, 60)} ({error:.4g})"
            for value, error in errors.items()
            if error is not None and step > COARSE * error
        ]
        if coarse:
            lines.append(
                f"  warning: that is more than a tenth of the mean absolute error of {', '.join(coarse)}; "
                f"quantize.scheme=int16x8 gives 256 times finer steps"
            )
    return lines


def keep_outcome(report: Report) -> None:
    """Write how a build ended behind the log of its run, once; a log that cannot be written changes nothing in that."""
    folder, path = str(report.folder), report.folder / LOG
    lines = [*outcome_lines(report.content, folder), *breach_lines(report.content, folder)]
    text = "".join(f"{harmless(line)}\n" for line in lines)
    with suppress(OSError):
        if not path.is_file() or not path.read_bytes().endswith(text.encode()):
            with path.open("a", encoding="utf-8") as log:
                log.write(text)


def _accuracy_lines(report: Mapping[str, Any], target: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, found in target["metrics"].items():
        base = report["base"]["metrics"].get(name)
        if found.get("split") and found["value"] is not None:
            of = (
                f"; {report['base']['label']} had {base['value']:.4f}{_difference(target, name)}"
                if base and base["value"] is not None
                else ""
            )
            measured = unsigned(found["value"], found.get("low"), found.get("high"))
            lines.append(f"  {name} {measured} on {found.get('n', 0)} {found['split']} samples{of}")
    return lines


def _runtime_lines(target: Mapping[str, Any]) -> list[str]:
    """Say which runtime has every operator of the file."""
    needed = target.get("min_runtime")
    if not needed or not needed["version"]:
        return []
    unknown = ", ".join(map(plain, needed["unknown"]))
    doubt = f"; the version of {unknown} is unknown" if unknown else ""
    return [f"  needs TensorFlow Lite {plain(needed['version'])} or later, for {plain(needed['by'])}{doubt}"]


def _sample_lines(target: Mapping[str, Any]) -> list[str]:
    """Say which samples lie beside the file, and how far a replay may be from their outputs."""
    samples = target.get("samples")
    if not samples:
        return []
    where = "beside the file and in it" if samples["embedded"] else "beside the file"
    held = amount(samples["n"], "sample")
    lines = [
        f"  {held} with outputs of {plain(samples['kernels'])} kernels {where}: {plain(samples['path'])}/"
    ]
    for name, output in samples["outputs"].items():
        steps = output.get("tolerance_steps")
        allowed = f"{output['tolerance']:.3g}" if steps is None else f"{steps:g} steps"
        lines.append(f"    '{plain(name)}': a replay may differ by {allowed} ({plain(output['basis'])})")
    return lines


def _agreement_lines(target: Mapping[str, Any]) -> list[str]:
    """Say how a delivered file of another kind, or on another machine, agrees with the `.tflite` that is run here."""
    other = "this machine's LiteRT" if target.get("device") else "the .tflite that it was made from"
    agreed = [
        f"  {name} {found['value']:.4f} with {other}, on {found.get('n', 0)} {found.get('split', '')} samples"
        for name, found in target.get("agreement", {}).items()
        if found.get("value") is not None
    ]
    apart = target.get("difference", {}).get("outputs", {})
    return agreed + [f"  '{plain(name)}' {apart_text(found)}" for name, found in apart.items()]


def apart_text(found: Mapping[str, Any]) -> str:
    """Say how far an output of a delivered file is from that of the `.tflite` that it was made of, at most.

    >>> apart_text({"samples": 12, "largest": 0.5, "size": 4.0, "relative": 0.125})
    'differs from the .tflite by up to 0.5 (12 samples; largest value 4)'
    """
    said = (
        f"differs from the .tflite by up to {found['largest']:.3g} ({found['samples']} samples; largest "
        f"value {found['size']:.3g})"
    )
    if "step" not in found:
        return said
    return f"{said}; {found['steps']:.3g} steps, more than one in {found['beyond_a_step']:.2%} of the values"


def _difference(target: Mapping[str, Any], name: str) -> str:
    """Say by how much a figure differs from the base's, sample by sample, and whether that can be told."""
    found = target.get("differences", {}).get(name)
    if not found:
        return ""
    better = METRICS.get(name).higher_is_better if name in METRICS else True
    ends = found["low"], found["high"]
    return f", {signed(found['value'], *ends)}: {told(*ends, higher_is_better=better)}"


def _device_lines(target: Mapping[str, Any]) -> list[str]:
    lines = _agreement_lines(target)
    latency, delegate = target.get("latency_ms"), target.get("delegate")
    if latency:
        tail = next((f"{name} {latency[name]:.2f}, " for name in ("p90", "p95") if name in latency), "")
        lines.append(
            f"  {latency['median']:.2f} ms a sample ({tail}"
            f"{amount(latency.get('threads', 1), 'thread')}, {plain(latency.get('cpu', ''))})"
        )
    if delegate:
        lines.append(f"  {delegate['delegated']} of {delegate['total']} operators on {delegate['name']}")
    memory = target.get("memory") or {}
    if memory:
        figures = ", ".join(f"{name.removesuffix('_mib')} {value:.1f}" for name, value in memory.items())
        lines.append(f"  memory of the tool in MiB: {figures}")
    placed = target.get("placement")
    if placed and not delegate:
        counts = f"{placed['delegated']} of {placed['total']} operators on {plain(placed['title'])}"
        lines.append(f"  {counts}, {SAID_BY[placed['basis']]}")
    if (target.get("edgetpu") or {}).get("compiled") is False:
        lines.append(
            "  not compiled for the Edge TPU: edgetpu_compiler was not called; the report says how to get it"
        )
    lines += [f"  {line}" for line in micro_lines(target)]
    if "npu_coverage" in target:
        work = ", ".join(_npu_work(target))
        lines.append(f"  NPU coverage {target['npu_coverage']:.1%}{f', {work}' if work else ''}")
    if target.get("npu_layers"):
        lines.append(f"  {heaviest(target['npu_layers'])}")
    return lines


def _npu_work(target: Mapping[str, Any]) -> Iterator[str]:
    if "npu_cycles" in target:
        yield f"{target['npu_cycles']:,.0f} cycles"
    if "npu_sram" in target:
        yield f"SRAM {target['npu_sram']:,.1f} KiB"
    if "npu_flash" in target:
        yield f"flash or DRAM {target['npu_flash']:,.1f} KiB"

"""The worth of zeros: a pruned file's bytes as it is stored, and as it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.exhibit import Bar, Bars, Exhibit


def packing(report: Mapping[str, Any], target: Mapping[str, Any]) -> Exhibit | None:
    """Set a pruned file against its compressed size; None for a model that was not pruned."""
    shares = [step.get("notes", {}).get("sparsity") for step in report["passes"]]
    known = [share for share in shares if isinstance(share, (int, float)) and share > 0]
    if not known or not target.get("compressed_bytes"):
        return None
    stored, compressed = float(target["bytes"]), float(target["compressed_bytes"])
    bars = (
        Bar(label="stored", values=(stored,)),
        Bar(label="compressed", values=(compressed,), text=f"{100 * (1 - compressed / stored):.0f} % less"),
    )
    zeros = (
        f"{100 * known[-1]:.0f} % of the pruned layers' weights are zeros. They are stored like other weights, so "
        f"only the compressed file (a download, an app package) gets smaller."
    )
    return Exhibit(title="Size", text=(zeros,), parts=(Bars(bars=bars, unit="bytes"),))

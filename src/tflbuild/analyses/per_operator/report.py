"""A guilty operator as a bug report: a `.tflite` of it alone, an input, what each kind of kernels gives, and how."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any

from tflbuild.core.analysis import AnalysisContext
from tflbuild.core.machine import cpu_name
from tflbuild.core.plain_text import plain

if TYPE_CHECKING:
    from tflbuild.quantization.one_by_one import Compared, CutOut
    from tflbuild.tflite.graph import Graph

README = """{operator} '{layer}' gives different results with different kernels of LiteRT {version}, on {cpu}.

{said}

{file}: it alone, cut out of the whole file
input.npz: what it reads, by place: input_0, ...
outputs.npz: what it gives, by kernels and place: reference_0, default_0, builtin_0, ...

In this folder, with Python and ai-edge-litert {version}:

python - <<'END'
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType as Kernels

given, found = np.load("input.npz"), {{}}
for name, kernels in (("reference", Kernels.BUILTIN_REF), ("default", Kernels.AUTO),
                      ("builtin", Kernels.BUILTIN_WITHOUT_DEFAULT_DELEGATES)):
    loaded = Interpreter("{file}", experimental_op_resolver_type=kernels)
    loaded.allocate_tensors()
    for place, details in enumerate(loaded.get_input_details()):
        loaded.set_tensor(details["index"], given[f"input_{{place}}"])
    loaded.invoke()
    found[name] = [loaded.get_tensor(one["index"]).astype("f8") for one in loaded.get_output_details()]
for name in ("default", "builtin"):
    for place, (one, other) in enumerate(zip(found["reference"], found[name])):
        same = (one == other) | (np.isnan(one) & np.isnan(other))
        most = np.where(same, 0, np.abs(one - other)).max()
        print(name, "output", place, "differs from the reference by at most", most)
END
"""


def keep(
    graph: Graph, row: Compared, samples: Sequence[Mapping[str, Any]], on: str, ctx: AnalysisContext
) -> dict[str, Any]:
    """Cut an operator out, run it again, and keep what a bug report needs.

    Args:
        graph: of the file.
        row: of the operator.
        samples: that it was compared on.
        on: which file that is, "model" or "float".
        ctx: keeps the files.

    Returns:
        `file`, `kernels` that differ in the cut file, and `text`, what is to be said of it.
    """
    from tflbuild.quantization.one_by_one import cut

    made = cut(graph, row, samples)
    name = folder = f"{on}_{_named(row.layer)}"
    said = _said(made)
    ctx.keep(f"{folder}/{name}.tflite", made.content)
    ctx.keep(
        f"{folder}/input.npz",
        _arrays({f"input_{place}": one for place, one in enumerate(made.inputs.values())}),
    )
    ctx.keep(
        f"{folder}/outputs.npz",
        _arrays(
            {
                f"{kernels}_{place}": value
                for kernels, values in made.outputs.items()
                for place, value in enumerate(values.values())
            }
        ),
    )
    text = README.format(
        operator=row.kind,
        layer=plain(row.layer, 100),
        version=metadata.version("ai-edge-litert"),
        cpu=plain(cpu_name(), 100),
        said=f"{said[:1].upper()}{said[1:]}.",
        file=f"{name}.tflite",
    )
    ctx.keep(f"{folder}/README.txt", text.encode())
    return {"file": f"{folder}/{name}.tflite", "kernels": list(made.kernels), "text": said}


def _named(layer: str) -> str:
    """Give a layer's name as that of a file."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", layer).strip("_-")[:60] or "operator"


def _arrays(values: Mapping[str, Any]) -> bytes:
    import numpy as np

    target = io.BytesIO()
    np.savez(target, **values)
    return target.getvalue()


def _said(made: CutOut) -> str:
    """Say whether the cut file shows the difference, and in which kernels."""
    if not made.kernels:
        return "run alone, its kernels agree: they differ only inside the whole file"
    if made.kernels == ("default",):
        return "run alone, XNNPACK differs from the reference, but LiteRT's own optimized kernel does not"
    if made.kernels == ("builtin",):
        return "run alone, LiteRT's own optimized kernel differs from the reference, but XNNPACK does not"
    return "run alone, LiteRT's own optimized kernel differs from the reference, and so does the default"

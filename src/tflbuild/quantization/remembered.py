"""The last search of this process, for a pass that would run the same one: `quantize_mixed` behind `quantize`."""

from __future__ import annotations

from collections.abc import Sequence

from tflbuild.quantization import settings
from tflbuild.quantization.search import Search
from tflbuild.quantization.settings import Equalize, Failed, Relu6, Scored
from tflbuild.quantization.workbench import Workbench

Found = tuple[list[Scored], list[Failed]]

_last: dict[str, Found] = {}


def searched(bench: Workbench, shared: Sequence[tuple[Equalize, Relu6]], *, learning: bool) -> Found:
    """Search, or give what the same search found before: of the same model, samples and ways, to the bit.

    Args:
        bench: with images held out.
        shared: ways to equalize.
        learning: whether the best is tried with learned rounding.

    Returns:
        All that could be measured, the best first, and what failed.

    Raises:
        PassError: the float model itself cannot be measured, or no candidate could.
    """
    key = f"{bench.digest} {settings.RANGES} {shared} {learning}"
    if key not in _last:
        search = Search(bench)
        found = search.run(settings.RANGES, shared, learning=learning), search.failed
        _last.clear()
        _last[key] = found
    return _last[key]

"""Write docs/passes.md from the declarations: what `tflbuild describe` prints, on one page."""

from pathlib import Path

from tflbuild import plugins
from tflbuild.commands.describe import page
from tflbuild.commands.listing import REGISTRIES


def page_of_everything() -> str:
    """Give the page; plugins of the reader's own are left out."""
    lines = [
        "# Everything that is declared",
        "",
        "Passes, models, data sets, tasks, modalities, formats, runtimes, analyses, metrics, targets, hooks and",
        "commands, as `tflbuild describe NAME` shows them. Written by `make docs`; do not edit.",
        "",
    ]
    for kind, registry in REGISTRIES.items():
        lines += [f"## {kind}", ""]
        for name, cls in registry.items():
            if cls.__module__.startswith("tflbuild."):
                lines += [f"### {name}", "", "```text", page(cls, kind).rstrip(), "```", ""]
    return "\n".join(lines)


def main() -> None:
    """Write the page."""
    plugins.load(None)
    Path(__file__).with_name("passes.md").write_text(page_of_everything(), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Write docs/passes.md from the declarations: what `tflbuild describe` prints, on one page."""

import dataclasses
from pathlib import Path

from tflbuild import plugins
from tflbuild.commands.describe import key_page, page
from tflbuild.commands.listing import REGISTRIES
from tflbuild.commands.option_owners import declared_options, of_heads, of_recipes, of_sweeps
from tflbuild.sweep.launchers import PRESETS


def page_of_everything() -> str:
    """Give the page; plugins of the reader's own are left out."""
    lines = [
        "# Everything that is declared",
        "",
        "Passes, models, data sets, tasks, modalities, formats, runtimes, analyses, metrics, targets, hooks and",
        "commands, and the keys of a recipe, as `tflbuild describe NAME` shows them, with every option: its default,",
        "its range, its unit and what it does. Options of `preprocess` and `augment` stand once, under keys.",
        "Written by `make docs`; do not edit.",
        "",
    ]
    for kind, registry in REGISTRIES.items():
        lines += [f"## {kind}", ""]
        for name, cls in registry.items():
            if cls.__module__.startswith("tflbuild."):
                known = dataclasses.is_dataclass(cls)
                options = declared_options(name, cls, kind, whole=False) if known else None
                lines += _block(name, page(cls, kind, options))
    for kind, having in (("keys", of_recipes()), ("heads", of_heads()), ("sweeps", of_sweeps())):
        lines += [f"## {kind}", ""]
        for owner in having:
            if owner.name in PRESETS:  # another name of a launcher, with an option set
                continue
            lines += _block(owner.name, key_page(owner))
    return "\n".join(lines)


def _block(name: str, text: str) -> list[str]:
    return [f"### {name}", "", "```text", text.rstrip(), "```", ""]


def main() -> None:
    """Write the page."""
    plugins.load(None)
    Path(__file__).with_name("passes.md").write_text(page_of_everything(), encoding="utf-8")


if __name__ == "__main__":
    main()

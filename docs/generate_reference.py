"""Write docs/commands.md and docs/report.md from the declarations: commands, exit codes, and the files for scripts."""

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tflbuild import plugins
from tflbuild.cli import HELP
from tflbuild.commands.schema import DOCUMENTS, schema_of
from tflbuild.core import errors
from tflbuild.core.command import COMMANDS

EXIT_CODES = {
    0: ("it did what you asked for", ""),
    2: (
        "the recipe, an option or an input file is wrong",
        "read the sentence: it names the key or file, what was given and what would be right",
    ),
    3: (
        "a plugin in `./plugins/` or of a package is wrong",
        "the sentence names its file; `tflbuild list plugins` shows all",
    ),
    4: (
        "a pass failed, or the store cannot be read or written",
        "`tflbuild reproduce RUN` runs that pass alone",
    ),
    5: (
        "a limit was exceeded; no model is delivered",
        "`tflbuild report RUN`, `tflbuild diagnose RUN`; the file is in `rejected/` of the run",
    ),
    6: ("a tool or an extra is not installed", "the sentence has the command that installs it"),
    7: (
        "something differs from what was recorded: a lock, the store, or samples from the field",
        "the output names each difference",
    ),
    70: ("a fault of tflbuild itself", "the sentence names the file with the full story: please report it"),
    130: ("interrupted with Ctrl-C", "run the same command again; it continues"),
}
"""What each exit code means, and what to do."""

DEPTH = 4
"""Levels of fields that the page shows; the schema has all."""


def commands_page() -> str:
    """Give the page of commands and exit codes."""
    lines = [
        "# Commands and exit codes",
        "",
        "Written by `make docs` from the commands themselves; do not edit.",
        "",
    ]
    lines += ["```text", HELP.replace("\n{commands}\n", "").rstrip(), "```", ""]
    for name, command in COMMANDS.items():
        if command.__module__.startswith("tflbuild."):
            usage = f"tflbuild {name} {command.usage}".rstrip()
            lines += [f"## {name}", "", "```text", usage, "```", "", prose(inspect.getdoc(command) or ""), ""]
    lines += ["## Exit codes", "", "| code | meaning | what to do |", "| --- | --- | --- |"]
    lines += [f"| {code} | {meaning} | {cure} |" for code, (meaning, cure) in EXIT_CODES.items()]
    lines += [
        "",
        "A sweep ends with the first of 130, 70, 4, 3, 6, 2, 5, 7 and 0 that any of its jobs had.",
        "",
    ]
    return "\n".join(lines)


def prose(docstring: str) -> str:
    """Give a docstring as Markdown: what it raises is a list."""
    text, _, raised = docstring.partition("\nRaises:\n")
    found = re.findall(r"(\w+): (.+?)(?=\n +\w+: |$)", " ".join(raised.split(" " * 8)), re.DOTALL)
    shown = [f"- exit code {code_of(name)}: {' '.join(told.split()).rstrip('.')}." for name, told in found]
    return "\n".join([text.strip(), *(["", *shown] if shown else [])])


def code_of(name: str) -> int:
    """Give the exit code of an error by its name."""
    code: int = getattr(errors, name).exit_code
    return code


def report_page() -> str:
    """Give the page of the files that scripts read."""
    lines = [
        "# Files for scripts",
        "",
        "What tflbuild writes as JSON, field by field. Written by `make docs` from the schemas that",
        "`tflbuild schema NAME` prints; do not edit. Fields stay, and new ones may come: ignore what you do not know.",
        "`null` stands where something was not measured. Bytes are exact; times are in seconds unless the name says",
        "otherwise. `*` stands for any name, `[]` for each item of a list.",
        "",
    ]
    for name, (identity, title, _) in DOCUMENTS.items():
        lines += [f"## {name}: {title}", "", f"Schema `{identity}`; `tflbuild schema {name}` prints it.", ""]
        lines += ["| field | what it is |", "| --- | --- |"]
        lines += [f"| `{path}` | {kind} |" for path, kind in fields_of(name)]
        lines += [""]
    return "\n".join(lines)


def fields_of(name: str) -> list[tuple[str, str]]:
    """Give the fields of a document, each once."""
    schema = schema_of(name)
    return list(dict(fields(schema, schema)).items())


def fields(part: Mapping[str, Any], whole: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Give every field of a schema by its path, some levels deep, with its kind; a `*` stands for any name."""
    for choice in choices_of(part, whole):
        named = dict(choice.get("properties", {}))
        if isinstance(choice.get("additionalProperties"), dict):
            named["*"] = choice["additionalProperties"]
        for name, value in named.items():
            here = f"{path}.{name}" if path else name
            inner = followed(value, whole)
            while inner.get("type") == "array" and isinstance(inner.get("items"), dict):
                inner, here = followed(inner["items"], whole), f"{here}[]"
            optional = "" if name in (*choice.get("required", ()), "*") else ", optional"
            yield here, kind_of(inner, whole) + optional
            if here.count(".") < DEPTH:
                yield from fields(inner, whole, here)


def choices_of(part: Mapping[str, Any], whole: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the mappings that a value may be."""
    found = [followed(one, whole) for one in (part, *part.get("anyOf", ()))]
    return [one for one in found if one.get("type") == "object"]


def followed(part: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference to the part of the schema that it names."""
    while "$ref" in part:
        found: Any = whole
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def kind_of(part: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    """Give the kind of a value in words."""
    part = followed(part, whole)
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(kind_of(choice, whole) for choice in part["anyOf"]))
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    kind = str(part.get("type", "anything"))
    if kind == "array":
        items = part.get("items")
        return f"list of {kind_of(items, whole)}" if isinstance(items, dict) else "list"
    words = {"integer": "whole number", "string": "text", "boolean": "true or false", "object": "mapping"}
    return words.get(kind, kind)


PAGES = {"commands.md": commands_page, "report.md": report_page}


def main() -> None:
    """Write the pages."""
    plugins.load(None)
    for name, page in PAGES.items():
        Path(__file__).with_name(name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

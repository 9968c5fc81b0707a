"""`tflbuild view`, from words to exit code; small files, and no TensorFlow. The viewers themselves, where they are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foreign_networks import Draft
from tflbuild.backends import graph_viewer
from tflbuild.core.errors import MissingTool
from tflbuild.core.interpreter import command, environment
from workspace import Workspace

RUN = "outputs/int8/latest"
EXTRA = os.environ.get("TFLBUILD_TEST_VIEW", "")
"""A folder with Model Explorer and Netron, which are in no environment of ours: `site-packages` of a venv."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a folder with an int8 run of a model of vectors."""
    folder = tmp_path_factory.mktemp("view")
    draft = Draft(1, x=(1, 12))
    draft.dense("h", "x", 8)
    draft.dense("y", "h", 3)
    (folder / "a.tflite").write_bytes(draft.content("y"))
    np.savez(folder / "rows.npz", x=np.random.default_rng(1).uniform(-1, 1, (48, 12)).astype(np.float32))
    space = Workspace(folder)
    free = ("quantize.budget.fidelity.max_drop=1", "budget.fidelity.max_drop=1", "quantize.method=fixed")
    space.build("recipe=int8", "model.path=a.tflite", "data.root=rows.npz", *free)
    return space


def written(here: Workspace, *words: str) -> dict[str, Any]:
    here.run("view", *words, "--json", "data.json")
    made: dict[str, Any] = json.loads((here.folder / "data.json").read_text())
    return made


def test_errors_are_measured_where_the_run_did_not_and_written_by_tensor(here: Workspace) -> None:
    made = written(here, RUN)
    assert made["name"] == "SQNR by channel, dB"
    assert "h" in made["results"]
    assert all(20 < one["value"] < 60 for one in made["results"].values()), "8 bits give some 40 dB"


def test_what_the_run_found_is_taken_and_layers_come_first(here: Workspace) -> None:
    report = here.folder / RUN / "report.json"
    before = report.read_text()
    rows = [{"tensor": "h", "layer": "h", "channel_sqnr": 31.5, "saturated": 0.0}]
    content = json.loads(before)
    content["analyses"].append(
        {"name": "layers", "key": "0" * 64, "findings": [{"text": "", "activations": rows}]}
    )
    report.write_text(json.dumps(content))
    try:
        assert written(here, RUN)["results"] == {"h": {"value": 31.5}}
    finally:
        report.write_text(before)


def test_a_diagnosis_of_the_run_is_read_and_held_to_its_form(here: Workspace) -> None:
    file = here.folder / RUN / "diagnosis" / "diagnosis.json"
    file.parent.mkdir()
    finding = {"text": "", "activations": [{"tensor": "y", "channel_sqnr": 7.5}]}
    entry = {"name": "layers", "key": "0" * 64, "findings": [finding]}
    whole = {
        "schema": "tflbuild.diagnosis/1",
        "subject": {},
        "command": [],
        "causes": [],
        "analyses": [entry],
    }
    file.write_text(json.dumps(whole))
    try:
        assert written(here, RUN)["results"] == {"y": {"value": 7.5}}
        file.write_text(json.dumps({**whole, "causes": 5}))
        printed = here.run("view", RUN, "--json", "data.json", code=2)
        assert "diagnosis.json is not a diagnosis: causes is 5" in printed
    finally:
        file.unlink()
        file.parent.rmdir()


WRONG: list[tuple[list[str], str]] = [
    ([], "usage: tflbuild view RUN_OR_FILE"),
    (["--netron"], "usage: tflbuild view RUN_OR_FILE"),
    ([RUN, "more"], "usage: tflbuild view RUN_OR_FILE"),
    ([RUN, "--json"], "view: --json wants the name of a file."),
    (
        [RUN, "--netron", "--json", "x"],
        "view: --json writes node data for Model Explorer, which Netron cannot read",
    ),
    (["nothing"], "nothing is not a report of a run"),
    (["nothing.tflite"], "view: there is no file 'nothing.tflite'."),
    (["a.tflite", "--json", "x"], "view: a.tflite has no layer errors to write."),
]


@pytest.mark.parametrize(("words", "message"), WRONG)
def test_wrong_words_are_one_sentence(here: Workspace, words: list[str], message: str) -> None:
    printed = here.run("view", *words, code=2)
    assert message in printed
    assert "Traceback" not in printed


def test_nothing_is_built_for_it(here: Workspace) -> None:
    """Where the store has lost the models, the graph is shown without errors rather than built again."""
    printed = here.run("view", RUN, "store.path=elsewhere", "--json", "x", code=2)
    assert "no layer errors are shown: none were measured, and 'load' would run again first" in printed


def test_a_viewer_that_is_not_there_is_named_with_its_extra(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tflbuild.core.toolchain.version", lambda tool: None)
    for words in (["a.tflite"], ["a.tflite", "--netron"]):
        printed = here.run("view", *words, code=6)
        assert 'which is not installed: pip install "tflbuild[view]"' in printed


STAND_IN = """
import http.server
__version__ = "9"
class _HTTPRequestHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{__version__} {file}".encode())
    def log_message(self, *given):
        pass
def serve(path, data, address, browse):
    global file, server
    file, server = path, http.server.HTTPServer(address, _HTTPRequestHandler)
def wait():
    server.serve_forever()
"""


@contextmanager
def served(
    viewer: str, model: Path, packages: str, data: object = ()
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve a file with packages from a folder; gives the process of the viewer, and the address."""
    variables = environment({**os.environ, "PYTHONPATH": packages})
    port = str(graph_viewer._free_port())
    words = command("tflbuild.backends.programs.graph_viewer", viewer, port, str(model))
    path = json.loads(words[4])
    words[4] = json.dumps([*path, packages])
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(json.dumps(data) + "\n")
            process.stdin.flush()
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def asked(address: str, host: str = "") -> tuple[int, Any, bytes]:
    request = urllib.request.Request(address, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=20) as found:
            return found.status, found.headers, found.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, b""


def test_a_page_is_held_to_this_server_and_other_hosts_are_answered_nothing(tmp_path: Path) -> None:
    """With a stand-in for Netron, so that the process around it is tried without the extra."""
    (tmp_path / "netron").mkdir()
    (tmp_path / "netron" / "__init__.py").touch()
    (tmp_path / "netron" / "server.py").write_text(STAND_IN)
    model = tmp_path / "m.onnx"
    model.touch()
    with served("netron", model, str(tmp_path)) as (process, address):
        assert address.startswith("http://127.0.0.1:")
        status, headers, content = asked(address)
        assert (status, content) == (200, f"0.0.0 {model}".encode())
        assert headers["Content-Security-Policy"].startswith("default-src 'self' ")
        assert asked(address, host="rebound.example")[0] == 403
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    with served("netron", model, str(tmp_path)) as (process, address):
        assert process.stdin
        assert asked(address)[0] == 200
        process.stdin.close()
        assert process.wait(20) == 0, "it ends with who started it"


def test_a_viewer_that_ends_by_itself_is_an_error_and_ctrl_c_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.tflite").touch()
    monkeypatch.setattr("tflbuild.core.toolchain.require", lambda tools, wanted_by: {})
    monkeypatch.setattr(
        graph_viewer, "command", lambda *words: [sys.executable, "-c", "raise SystemExit('no \x1b')"]
    )
    with pytest.raises(graph_viewer.PassError, match=r"view: netron ended by itself: no \\x1b"):
        graph_viewer.serve("netron", tmp_path / "a.tflite", [], print)
    code = "print('http://x', flush=True); import sys; sys.stdin.read()"
    monkeypatch.setattr(graph_viewer, "command", lambda *words: [sys.executable, "-c", code])

    def interrupt(address: str) -> None:
        assert address == "http://x"
        raise KeyboardInterrupt

    graph_viewer.serve("netron", tmp_path / "a.tflite", [], interrupt)


def test_the_missing_viewer_is_noticed_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(MissingTool, match="view needs nothing_such"):
        graph_viewer.serve("nothing_such", tmp_path, [], print)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.skipif(
    not EXTRA, reason="Model Explorer is absent: $TFLBUILD_TEST_VIEW names no site-packages with it"
)
def test_node_data_name_what_model_explorer_makes_of_the_file(here: Workspace) -> None:
    made = written(here, RUN)
    model = (here.folder / RUN / "model.tflite").resolve()
    with served("model_explorer", model, EXTRA, [{"name": made["name"], "data": made}]) as (process, address):
        assert asked(address)[0] == 200
        assert asked(address, host="rebound.example")[0] == 403
        base = address.partition("?")[0]
        given = json.loads(asked(f"{base}api/v1/load_node_data?node_data_index=0")[2])["content"]
        assert json.loads(given) == made
        assert not any(json.loads(asked(f"{base}api/v1/check_new_version")[2]).values()), "nobody is asked"
        asking = {
            "cmdId": "convert",
            "extensionId": "builtin_tflite_flatbuffer",
            "modelPath": str(model),
            "settings": {},
            "deleteAfterConversion": False,
        }
        query = urllib.parse.quote(json.dumps(asking))
        (collection,) = json.loads(asked(f"{base}api/v1/send_command?json={query}")[2])["graphCollections"]
        (graph,) = collection["graphs"]
        makers: dict[str, list[str]] = {}
        for node in graph["nodes"]:
            for output in node["outputsMetadata"]:
                names = [one["value"] for one in output["attrs"] if one["key"] == "tensor_name"]
                for name in names:
                    makers.setdefault(name, []).append(node["label"])
        assert {name: len(makers.get(name, [])) for name in made["results"]} == dict.fromkeys(
            made["results"], 1
        )
        assert makers["h"] == makers["y"] == ["fully_connected"]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0

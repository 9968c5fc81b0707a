"""Model Explorer and Netron, each in a process of its own: what they import stays out of this one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from tflbuild.backends.programs import graph_viewer
from tflbuild.backends.programs.graph_viewer import HOST
from tflbuild.core import toolchain
from tflbuild.core.errors import PassError
from tflbuild.core.interpreter import command, environment
from tflbuild.core.plain_text import plain

Viewer = Literal["model_explorer", "netron"]


def serve(
    viewer: Viewer, model: Path, node_data: Sequence[Mapping[str, Any]], said: Callable[[str], None]
) -> None:
    """Serve a file's graph on this machine until it is interrupted.

    Args:
        viewer: by import name.
        model: the file.
        node_data: `name` and `data` of each, for Model Explorer.
        said: is told the address once it answers.

    Raises:
        MissingTool: the viewer is not installed; the message says how to.
        PassError: it ended by itself.
    """
    toolchain.require((viewer,), "view")
    module, port = graph_viewer.__name__, str(_free_port())
    with subprocess.Popen(
        command(module, viewer, port, str(model.resolve())),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(os.environ),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            process.stdin.write(json.dumps(list(node_data)) + "\n")
            process.stdin.flush()
            address = process.stdout.readline().strip()
            if address:
                said(address)
            errors = process.stderr.read()  # until it ends
        except KeyboardInterrupt:
            process.stdin.close()  # which ends it
            return
    if process.returncode:
        last = errors.strip().splitlines()[-1:] or [f"exit code {process.returncode}"]
        raise PassError(f"view: {viewer} ended by itself: {plain(last[0], 400)}")


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        port: int = taken.getsockname()[1]
    return port

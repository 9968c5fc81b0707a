"""Try an extra in an environment that has only that extra: install it, and build with what it is for.

    python .ci/try_extras.py all          # each of them, and tflbuild without any
    python .ci/try_extras.py mlflow s3    # these
    python .ci/try_extras.py turn         # one of them: which, follows from the number of commits (CI)

The environments are copies of one that holds tflbuild alone, so that what one extra brings cannot help another. All
builds but those with a remote store share one: what is trained once serves all. `s3` needs a server to talk to;
moto's runs in the environment that runs this script.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

BUILD = [
    "recipe=mobilenet_v1_int8",
    "model.input_size=32",
    "train.steps=3",
    "prune.steps=2",
    "data.train=60",
    "data.val=20",
    "data.test=20",
    "prune.budget.top1.max_drop=1",
    "convert.budget.top1.max_drop=1",
    "quantize.budget.top1.max_drop=1",
    "budget.top1.max_drop=1",
    "quantize.fallback=null",
    "quantize.method=fixed",
    "quantize.calibration.samples=8",
]

SWEEP = ["-m", *BUILD, "prune.sparsity=0.4,0.5"]

EXTRAS: dict[str, list[str]] = {
    "": BUILD,
    "ethos": [*BUILD, "target=[cpu,ethos_u55]"],
    "micro": [*BUILD, "target=[cpu,tflite_micro]", "quantize.scores=int8"],
    "audio": [
        "recipe=keyword_int8",
        "data=audio_folder",
        "data.root=words",
        "train.steps=5",
        "stop_after=train",
    ],
    "joblib": [*SWEEP, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    "ray": [*SWEEP, "hydra/launcher=ray", "hydra.launcher.ray.init.num_cpus=2"],
    "submitit": [*SWEEP, "hydra/launcher=submitit", "hydra.launcher.cluster=local"],
    "optuna": [
        *("-m", *BUILD, "prune.sparsity=interval(0.3,0.6)", "objective=[size]", "hydra/sweeper=optuna"),
        *("hydra.sweeper.n_trials=2", "hydra.sweeper.storage=sqlite:///search.db"),
    ],
    "remote": [*BUILD, "store.remote=file://{folder}/remote", "store.path={folder}/store"],
    "s3": [*BUILD, "store.remote=s3://bucket/store", "store.path={folder}/store"],
    "view": ["view", "model.tflite"],
    "mlflow": [*BUILD, "hooks=[mlflow]", "hooks.mlflow.tracking_uri=sqlite:///{folder}/mlflow.db"],
    "tensorboard": [*BUILD, "hooks=[tensorboard]"],
    "docs": ["build", "--quiet", "--config-file", str(ROOT / "mkdocs.yml"), "--site-dir", "{folder}/site"],
}
"""What is built with each extra, or looked at; `{folder}` is an empty one. `docs` is for mkdocs."""

TO_LOOK = ("tensorboard",)
"""Extras that look at what tflbuild writes without them."""

READ = """
from pathlib import Path
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
for folder in next(Path("outputs").rglob("tensorboard")).iterdir():
    read = EventAccumulator(str(folder))
    read.Reload()
    print("read", folder.name, *read.Tags()["scalars"])
"""

WORDS = """
import math
from pathlib import Path
try:
    import soundfile
except ImportError:
    soundfile = None
for name, step in ("down", 5), ("up", 15):
    Path("words", name).mkdir(parents=True, exist_ok=True)
    for number in range(8):
        path = Path("words", name, f"{number}.flac")
        if soundfile:
            soundfile.write(path, [math.sin(k / (step + number)) / 2 for k in range(16000)], 16000)
        else:
            path.write_bytes(b"fLaC")
"""

TINY = """
from pathlib import Path
from tflbuild.tflite.tiny import dense_classifier
Path("model.tflite").write_bytes(dense_classifier())
"""


def main() -> int:
    """Try the extras that are named; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extras", nargs="+", help="all, turn, or names of extras")
    wanted = chosen(parser.parse_args().extras)
    with tempfile.TemporaryDirectory(prefix="extras-") as place:
        work = Path(place)
        plain = environment(work / "plain", "")
        failed = [name for name in wanted if not tried(name, plain, work)]
    print(f"{len(wanted) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def chosen(words: list[str]) -> list[str]:
    """Give the names of the extras that are meant."""
    if words == ["all"]:
        return list(EXTRAS)
    if words == ["turn"]:
        count = subprocess.run(
            ["git", "rev-list", "--count", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
        )
        names = [name for name in EXTRAS if name]
        return [names[int(count.stdout) % len(names)]]
    unknown = [word for word in words if word not in EXTRAS]
    if unknown:
        raise SystemExit(f"no such extra: {', '.join(unknown)}; there are {', '.join(filter(None, EXTRAS))}")
    return words


def environment(folder: Path, extra: str) -> Path:
    """Install tflbuild, not editable, with one extra or none; gives the interpreter."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    wanted = f"{ROOT}[{extra}]" if extra else str(ROOT)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, wanted], check=True)
    return python


def tried(extra: str, plain: Path, work: Path) -> bool:
    """Build with an extra in an environment of its own and without it in the plain one; says how it went."""
    folder = work / (extra or "none")
    folder.mkdir()
    started = time.monotonic()
    problem = _refused(extra, plain, folder, work) if extra not in ("", "docs", *TO_LOOK) else ""
    if not problem:
        place = work / f"env-{extra or 'none'}"
        shutil.copytree(plain.parents[1], place, symlinks=True, copy_function=os.link)
        python = environment(place, extra) if extra else place / "bin" / "python"
        with _server() if extra == "s3" else nullcontext({}) as variables:
            problem = _problem(extra, run(extra, python, folder, work, variables), folder)
        shutil.rmtree(place)
    name = extra or "no extra"
    print(f"{name}: {problem or 'works'} ({time.monotonic() - started:.0f} s)", flush=True)
    return not problem


def run(
    extra: str, python: Path, folder: Path, work: Path, variables: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the extra's command as a user does, in a folder of its own."""
    words = [word.format(folder=folder) for word in EXTRAS[extra]]
    words = words if extra in ("view", "docs") else [f"store.path={work / 'store'}", *words]
    unset = ("PYTHONPATH", "VIRTUAL_ENV")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    path = f"{python.parent}{os.pathsep}{inherited.get('PATH', '')}"
    told = {**inherited, "PATH": path, **variables}
    if extra == "view":
        return _looked(python, words, folder, told)
    if extra == "audio":
        subprocess.run([str(python), "-c", WORDS], cwd=folder, env=told, check=True)
    tool = "mkdocs" if extra == "docs" else "tflbuild.cli"
    given = {"cwd": folder, "env": told, "capture_output": True, "text": True, "timeout": 900}
    done = subprocess.run([str(python), "-m", tool, *words], **given)
    if extra == "tensorboard" and not done.returncode:
        return subprocess.run([str(python), "-c", READ], **given)
    return done


def _looked(
    python: Path, words: list[str], folder: Path, variables: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Look at a file until its page has answered, once in each viewer, and end as Ctrl-C does."""
    subprocess.run([str(python), "-c", TINY], cwd=folder, env=variables, check=True)
    for viewer in ([], ["--netron"]):
        command = [str(python), "-m", "tflbuild.cli", *words, *viewer]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=folder, env=variables, **pipes) as process:
            line = process.stdout.readline()
            if "http://" in line:
                urllib.request.urlopen(f"http://{line.split('http://')[1].strip()}", timeout=60).read()
                process.send_signal(signal.SIGINT)
            said, errors = process.communicate(timeout=60)
        if process.returncode:
            break
    return subprocess.CompletedProcess(command, process.returncode, line + said, errors)


def _refused(extra: str, plain: Path, folder: Path, work: Path) -> str:
    """Hold the plain environment to say which extra is missing, with exit code 6; gives what is wrong."""
    done = run(extra, plain, folder, work, {})
    line = f'pip install "tflbuild[{extra}]"'
    if done.returncode == 6 and line in done.stdout + done.stderr:
        return ""
    return f"without the extra: exit code {done.returncode}, and 6 with '{line}' was expected\n{_tail(done)}"


def _problem(extra: str, done: subprocess.CompletedProcess[str], folder: Path) -> str:
    if done.returncode:
        return f"exit code {done.returncode}\n{_tail(done)}"
    if "-m" in EXTRAS[extra]:
        summary = next(folder.rglob("summary.json"), None)
        rows = json.loads(summary.read_text())["jobs"] if summary else []
        built = [row for row in rows if row["status"] == "built"]
        return "" if len(built) == 2 else f"{len(built)} of 2 jobs were built\n{_tail(done)}"
    if extra == "audio":
        return "" if any(folder.rglob("train.h5")) else "nothing was trained"
    if extra == "docs":
        return "" if (folder / "site" / "index.html").is_file() else "no site was written"
    if extra == "view":
        return "" if "http://" in done.stdout else f"no page was served\n{_tail(done)}"
    if extra == "tensorboard":
        wanted = ("read train ", "read prune ", "loss", "val/top1")
        return "" if all(text in done.stdout for text in wanted) else f"TensorBoard read\n{_tail(done)}"
    if extra == "mlflow":
        with sqlite3.connect(folder / "mlflow.db") as tables:
            states = [state for (state,) in tables.execute("select status from runs")]
        return "" if states == ["FINISHED"] else f"runs in MLflow: {states}"
    if extra == "remote" and not any((folder / "remote").rglob("*.json")):
        return "nothing was written to the remote store"
    return "" if any(folder.rglob("model*.tflite")) else "nothing was delivered"


@contextmanager
def _server() -> Iterator[dict[str, str]]:
    """Start moto's S3 server with a bucket; gives the variables that lead to it."""
    url = "http://127.0.0.1:5679"
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "5679"]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        request = urllib.request.Request(f"{url}/bucket", method="PUT", headers={"Host": "127.0.0.1:5679"})
        for _ in range(100):
            try:
                urllib.request.urlopen(request, timeout=5)
                break
            except OSError:
                time.sleep(0.2)
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        server.terminate()
        server.wait(30)


def _tail(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join((done.stdout + done.stderr).splitlines()[-15:])


if __name__ == "__main__":
    sys.exit(main())

"""How a crew shares images, with processes that tests make up; what reads files of others, likewise."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from tflbuild.core.errors import PassError, RecipeError, WorkerDied
from tflbuild.engine.workers import apart as apart_module
from tflbuild.engine.workers import crew as module
from tflbuild.engine.workers.apart import Apart, Suspect
from tflbuild.engine.workers.crew import Crew, SplitWork
from tflbuild.engine.workers.request import Reply


class Asked:
    """Stands for one thing that a process was asked."""

    ended = True

    def __init__(self, process: Any, images: int) -> None:
        self.process, self.images = process, images


class Member:
    """Stands for a process; writes down what it is asked."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.asked: list[tuple[int, int, str]] = []
        self.told: list[Any] = []
        self.stopped = 0

    def begin(self, name: str, *arguments: Any, who: str, progress: Any) -> Any:
        *rest, start, stop, part = arguments
        self.asked.append((start, stop, part.name))
        part.write_text(f"{start}-{stop} ")
        self.told.append(progress)
        assert (name, rest, who) == ("predict", ["model", "data"], "measuring")
        return Asked(self, stop - start)

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> list[Member]:
    """Give three processes; the first is fast, the others answer only when the first has nothing left."""
    made = [Member(number) for number in range(3)]

    def next_reply(tasks: list[Any]) -> Any:
        task = min(tasks, key=lambda task: task.process.number)
        cost = {"cpu_seconds": float(task.images), "peak_rss_mib": 100.0 * (task.process.number + 1)}
        return task, Reply(f"kernels of {task.process.number}", cost)

    monkeypatch.setattr(module, "next_reply", next_reply)
    monkeypatch.setattr(module, "Process", lambda start: made[start.pop(0)])
    return made


def crew_of(*numbers: int) -> Crew:
    given: Any = list(numbers)
    return Crew(given, len(numbers))


def job(tmp_path: Path, images: int, told: list[Any]) -> SplitWork:
    return SplitWork(
        "predict",
        ("model", "data"),
        images,
        tmp_path / "out.npz",
        "measuring",
        lambda *said: told.append(said),
    )


def test_each_has_a_home_and_who_is_done_takes_the_last_of_the_fullest(
    members: list[Member], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew = crew_of(0, 1, 2)
    merged: list[Any] = []

    def ask(name: str, *arguments: Any, who: str, **more: Any) -> Reply:
        merged.append((name, *arguments, who))
        arguments[1].write_text("".join(path.read_text() for path in arguments[0]))
        return Reply(None, {"cpu_seconds": 1000.0, "peak_rss_mib": 5.0})

    monkeypatch.setattr(crew, "ask", ask)
    clock = iter([10.0, 12.5])
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    told: list[Any] = []
    answer = crew.share(job(tmp_path, 200, told))
    homes = [members[1].asked[0], members[2].asked[0]]
    assert [start for start, _, _ in homes] == [66, 133], "each begins at its home"
    assert members[0].asked[0][0] == 0
    shards = sorted(shard for member in members for shard in member.asked)
    assert shards[0][0] == 0
    assert shards[-1][1] == 200
    assert all(before[1] == after[0] for before, after in pairwise(shards))
    assert [name for _, _, name in shards] == [f"out.npz.{start:08d}" for start, _, _ in shards]
    own = [shard for shard in members[0].asked if shard[0] < 66]
    assert own == sorted(own), "in order at home"
    taken = [start for start, _, _ in members[0].asked if start >= 66]
    assert taken == members_last_first(shards, taken)
    assert len(members[1].asked) == len(members[2].asked) == 1
    assert (tmp_path / "out.npz").read_text().split() == [f"{start}-{stop}" for start, stop, _ in shards]
    assert merged[0][0] == "merge"
    assert merged[0][3] == "measuring"
    assert answer.value == "kernels of 0"
    assert answer.cost == {"seconds": 2.5, "cpu_seconds": 1200.0, "peak_rss_mib": 600.0}
    assert told[-1] == (200.0, 200, "")
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def members_last_first(shards: list[tuple[int, int, str]], taken: list[int]) -> list[int]:
    """Give the order in which the fullest home, the earlier of two as full, loses its last shard."""
    homes = [[start for start, _, _ in shards if low < start < high] for low, high in ((66, 133), (133, 200))]
    order = []
    for _ in taken:
        order.append(max(homes, key=len).pop())
    return order


def test_one_part_is_the_whole(members: list[Member], tmp_path: Path) -> None:
    told: list[Any] = []
    answer = crew_of(0, 1).share(job(tmp_path, 5, told))
    assert (tmp_path / "out.npz").read_text() == "0-5 "
    assert list(tmp_path.iterdir()) == [tmp_path / "out.npz"]
    assert members[1].asked == []
    assert answer.cost["peak_rss_mib"] == 100.0
    assert told == [(5.0, 5, "")]


@pytest.mark.parametrize(("images", "busy"), [(1, 1), (127, 1), (128, 2), (191, 2), (192, 3), (1000, 3)])
def test_a_process_is_worth_64_images(
    members: list[Member], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: int, busy: int
) -> None:
    crew = crew_of(0, 1, 2)
    monkeypatch.setattr(crew, "ask", lambda *given, **more: Reply(None, {"cpu_seconds": 0.0}))
    crew.share(job(tmp_path, images, []))
    assert sum(bool(member.asked) for member in members) == busy


def test_progress_of_a_part_counts_with_what_the_others_have_done(
    members: list[Member], tmp_path: Path
) -> None:
    told: list[Any] = []
    sharing = module._Sharing(job(tmp_path, 128, told), members[:2])  # type: ignore[arg-type]
    sharing._hand_out(0)
    sharing._hand_out(1)
    members[0].told[0](3, 9, "")
    members[1].told[0](4, 9, "")
    members[0].told[0](5, 9, "")
    assert told == [(3.0, 128, ""), (7.0, 128, ""), (9.0, 128, "")]


def test_a_crew_stops_all_of_its_processes(members: list[Member]) -> None:
    crew_of(0, 1, 2).stop()
    assert [member.stopped for member in members] == [1, 1, 1]


SUSPECT = Suspect(file=Path("their.tflite"), reader="the runtime", cause="it may be damaged")


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> Apart:
    monkeypatch.setattr(
        psutil, "virtual_memory", lambda: SimpleNamespace(available=1000 * 2**20, total=9 * 2**30)
    )
    return Apart(7.0)


def call(apart: Apart, monkeypatch: pytest.MonkeyPatch, result: Any) -> Any:
    asked: list[Any] = []

    def finished(task: Any) -> Any:
        if isinstance(result, Exception):
            raise result
        return Reply(result, {})

    def begin(*given: Any, **named: Any) -> None:
        asked.append((given, named))

    inner: Any = apart
    monkeypatch.setattr(inner._process, "begin", begin)
    monkeypatch.setattr(apart_module, "finished", finished)
    progress: Any = lambda *said: None  # noqa: E731
    value = apart.call("a.b:c", 1, suspect=lambda: SUSPECT, progress=progress)
    assert asked == [
        (("call", "a.b:c", 1), {"who": "it", "progress": progress, "timeout": 7.0}),
    ]
    return value


def test_what_reads_files_of_others_may_hold_seven_tenths_of_what_is_free(apart: Apart) -> None:
    inner: Any = apart
    start = inner._process._start
    assert start.most_rss == pytest.approx(700.0)
    assert start.max_rss == 2000
    assert start.loader == ("tflbuild.core.names:load_nothing", None)
    assert Apart()._seconds == 60.0


def test_a_file_that_is_to_blame_is_named(apart: Apart, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(apart, monkeypatch, "given") == "given"
    died = WorkerDied("it exceeded", "did not end within 7 s")
    with pytest.raises(RecipeError) as caught:
        call(apart, monkeypatch, died)
    assert (
        str(caught.value)
        == "their.tflite: the runtime did not end within 7 s on this file; it may be damaged."
    )
    innocent = WorkerDied("it ended while it started", "")
    with pytest.raises(WorkerDied, match="while it started"):
        call(apart, monkeypatch, innocent)
    with pytest.raises(RecipeError) as caught:
        call(apart, monkeypatch, PassError("it failed: ValueError: seven\x1b"))
    assert str(caught.value) == "their.tflite cannot be read: ValueError: seven\\x1b."


def test_it_is_gone_when_it_is_left(apart: Apart, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[int] = []
    inner: Any = apart
    monkeypatch.setattr(inner._process, "stop", lambda: stopped.append(1))
    with apart as entered:
        assert entered is apart
        assert stopped == []
    assert stopped == [1]

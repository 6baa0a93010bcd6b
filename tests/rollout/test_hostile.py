"""What a router meets in the wild: odd answers, odd exceptions, odd files. None of it may reach a request, or stop the switch."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade import ModelRouter
from pytest_llmupgrade.errors import FaultyFiles
from pytest_llmupgrade.rollout.loading import parse_rollout
from pytest_llmupgrade.rollout.reading import read_folder, read_records
from tests.rollout.making import changed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_llmupgrade.rollout.rollups import Counts

ALL = ("percent: 5\n", "percent: 100\n")


@pytest.fixture(autouse=True)
def routers(tmp_path: Path) -> Iterator[list[ModelRouter]]:
    """Keep the routers that a test makes, and close them."""
    made: list[ModelRouter] = []
    yield made
    for each in made:
        each.close()


def _router(folder: Path, made: list[ModelRouter], arm: Any, *changes: tuple[str, str]) -> ModelRouter:
    (folder / "rollout.yaml").write_text(changed(ALL, *changes))
    made.append(ModelRouter.from_file(folder / "rollout.yaml", old=arm, new=arm))
    return made[-1]


def _counts(folder: Path) -> Counts:
    (counts,) = read_folder(folder / "pilot").counts.values()
    return counts


# --- the file --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("{path: ./pilot}", '{path: "pil\\0ot"}'), "sink.path must be a text without control characters"),
        (
            ("{path: ./pilot}", f"{{path: x, rotate: {'9' * 5000}GB}}"),
            "sink.rotate must be a size such as 64MB",
        ),
        (("{path: ./pilot}", "{path: x, rotate: 0MB}"), "sink.rotate must be a size such as 64MB"),
        (("max_age: 1h", f"max_age: {'9' * 400}h"), "max_age must be a duration"),
        (("window: 60s", "window: 0s"), "breaker.window is 0s; write a time above zero"),
    ],
)
def test_a_file_that_would_break_later_is_refused(change: tuple[str, str], words: str) -> None:
    """What no disk or clock can do is a fault of the file, told with its line."""
    with pytest.raises(FaultyFiles, match=words):
        parse_rollout(changed(change).encode(), file="rollout.yaml")


def test_a_product_may_change_its_folder(
    tmp_path: Path, routers: list[ModelRouter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that goes to / after the start still sees the file and the kill switch, and writes where it did."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rollout.yaml").write_text(changed(ALL))
    router = ModelRouter.from_file("rollout.yaml", old=lambda _: "old", new=lambda _: "new")
    routers.append(router)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert router.call("x", unit="u") == "new"
    router.flush()
    (tmp_path / "pilot" / "KILL").touch()
    router.poll()
    assert router.call("x", unit="u") == "old"
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["rollout.yaml", "pilot/state.json"])
def test_a_pipe_in_a_files_place_stops_nothing(tmp_path: Path, routers: list[ModelRouter], name: str) -> None:
    """Looking never waits for a pipe, for the kill switch is seen by the same thread."""
    router = _router(tmp_path, routers, lambda _: "answer")
    (tmp_path / "pilot").mkdir()
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    (tmp_path / "pilot" / "KILL").touch()
    looking = threading.Thread(target=router.poll, daemon=True)
    looking.start()
    looking.join(timeout=20)
    assert not looking.is_alive()
    assert router.health().stopped is not None


def test_a_sink_that_is_removed_is_made_anew(tmp_path: Path, routers: list[ModelRouter]) -> None:
    """Whoever clears the folder under a running service loses what was in it, and nothing after it."""
    router = _router(tmp_path, routers, lambda _: "answer")
    router.call("x", unit="u")
    router.flush()
    shutil.rmtree(tmp_path / "pilot")
    router.call("x", unit="v")
    assert router.flush()
    assert _counts(tmp_path).requests == 1


def test_a_sink_that_is_moved_is_whole(tmp_path: Path, routers: list[ModelRouter]) -> None:
    """Whoever moves the folder away under a running service has its records in two places, each of them once."""
    router = _router(tmp_path, routers, lambda _: "answer")
    for unit in ("u", "v", "w"):
        router.call("x", unit=unit)
    router.flush()
    (tmp_path / "pilot").rename(tmp_path / "moved")
    router.call("x", unit="w")
    router.close()
    (counts,) = read_records(tmp_path / "pilot", [tmp_path / "moved"]).counts.values()
    assert (counts.requests, len(counts.units)) == (4, 3)


# --- answers and exceptions ------------------------------------------------------------------------


class _Odd(Exception):  # noqa: N818  it is no error of ours
    """An exception whose attributes raise."""

    @property
    def status_code(self) -> int:
        """Raise."""
        raise RuntimeError("status")


def test_an_exception_that_cannot_be_looked_into(tmp_path: Path, routers: list[ModelRouter]) -> None:
    """It comes through as it is, the arm is called once, and the failure is recorded."""
    calls = []

    def arm(_messages: Any) -> Any:
        calls.append(1)
        raise _Odd

    router = _router(tmp_path, routers, arm)
    with pytest.raises(_Odd):
        router.call("x", unit="u")
    router.flush()
    assert (len(calls), _counts(tmp_path).errors) == (1, {"other": 1})


@pytest.mark.parametrize("kind", ["coroutine", "generator"])
def test_an_answer_that_has_not_begun_is_no_evidence(
    tmp_path: Path, routers: list[ModelRouter], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An async or a yielding callable given to `call` is passed on; its success is not recorded, and the log says so."""

    async def one(_messages: Any) -> int:
        return 1

    def other(_messages: Any) -> Iterator[int]:
        yield 1

    router = _router(tmp_path, routers, one if kind == "coroutine" else other)
    answer = router.call("x", unit="u")
    assert (asyncio.run(answer) if kind == "coroutine" else next(answer)) == 1
    assert router.flush()
    assert router.health().written == 0
    assert f"an arm returned a {kind}" in caplog.text


def test_records_of_ones_own_never_raise(tmp_path: Path, routers: list[ModelRouter]) -> None:
    """`record` takes whatever a product measured; what is no time is lost alone, and said."""
    router = _router(tmp_path, routers, None)
    decision = router.decide(unit="u")
    odd: list[Any] = ["long", None, float("nan"), 10**400]
    for latency in odd:
        router.record(decision, latency_ms=latency)
    router.record(decision, latency_ms=5, first_token_ms=10**400)
    router.record(decision, latency_ms=-5.0, failure="x")
    assert router.flush()
    found = read_folder(tmp_path / "pilot")
    assert (_counts(tmp_path).requests, found.torn) == (1, 0)
    assert (router.health().own_faults, found.lost) == (3, 2)


def test_a_count_that_overflows_is_not_written_twice(tmp_path: Path, routers: list[ModelRouter]) -> None:
    """An event that cannot be counted is in the file once, and the writer goes on."""
    router = _router(tmp_path, routers, lambda _: "answer")
    router.core.log.put({"type": "call", "arm": "new", "mode": "live", "step": 5.0, "unit": "00", "rollout": "x", "t": 10**400, "ms": 10**400, "served": None})  # fmt: skip
    router.call("x", unit="u")
    assert router.flush()
    (path,) = (tmp_path / "pilot").glob("events-*")
    assert len(path.read_bytes().splitlines()) == 2


# --- callers who leave -----------------------------------------------------------------------------


def test_leaving_during_a_pause_is_recorded(tmp_path: Path, routers: list[ModelRouter]) -> None:
    """A caller who is cancelled while a retry waits is counted as a request and as nobody's failure."""
    failed = asyncio.Event()

    async def arm(_messages: Any) -> Any:
        failed.set()
        raise ConnectionError

    retrying = ("{model: gpt-4o, prompt: support}", "{model: gpt-4o, retries: 3, backoff: 600s}")
    router = _router(tmp_path, routers, arm, retrying)

    async def scene() -> None:
        task = asyncio.create_task(router.acall("x", unit="u"))
        await failed.wait()
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(scene())
    router.flush()
    assert (_counts(tmp_path).requests, _counts(tmp_path).errors) == (1, {})


def test_a_closed_async_stream_is_recorded_at_once(tmp_path: Path, routers: list[ModelRouter]) -> None:
    """`contextlib.aclosing` ends an async stream as `close` does, not whenever it is collected."""

    async def arm(_messages: Any) -> Any:
        yield 1
        yield 2

    router = _router(tmp_path, routers, arm)

    async def scene() -> int:
        async with contextlib.aclosing(await router.astream("x", unit="u")) as stream:
            await anext(stream)
        router.flush()
        return router.health().written

    assert asyncio.run(scene()) == 1

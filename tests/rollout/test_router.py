from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade import ModelRouter
from pytest_llmupgrade.errors import FaultyFiles, UsageError
from pytest_llmupgrade.rollout import policy
from pytest_llmupgrade.rollout.buckets import unit_hash
from pytest_llmupgrade.rollout.reading import pairs, read_folder
from pytest_llmupgrade.rollout.shadow import in_shadow
from tests.rollout.making import changed

if TYPE_CHECKING:
    from pathlib import Path

Make = Callable[..., ModelRouter]


class RateLimitError(Exception):
    """What a client raises on 429."""

    status_code = 429


def _old(messages: Any, **_options: Any) -> dict[str, Any]:
    return {"arm": "old", "messages": messages, "usage": {"prompt_tokens": 10, "completion_tokens": 5}}


def _new(messages: Any, **_options: Any) -> dict[str, Any]:
    return {"arm": "new", "messages": messages, "usage": {"prompt_tokens": 10, "completion_tokens": 5}}


def _fails(*_messages: Any, **_options: Any) -> Any:
    raise RateLimitError("slow down")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return a maker of routers over `rollout.yaml` in the test's folder."""
    made: list[ModelRouter] = []

    def router(*changes: tuple[str, str], **arms: Any) -> ModelRouter:
        (tmp_path / "rollout.yaml").write_text(changed(*changes), encoding="utf-8")
        callables = {"old": _old, "new": _new, **arms}
        made.append(ModelRouter.from_file(tmp_path / "rollout.yaml", **callables))
        return made[-1]

    yield router
    for each in made:
        each.close()


ALL = ("percent: 5\n", "percent: 100\n")
HALF = ("percent: 5\n", "percent: 50\n")


def _rewrite(tmp_path: Path, *changes: tuple[str, str]) -> None:
    path = tmp_path / "rollout.yaml"
    path.write_text(changed(*changes), encoding="utf-8")
    later = path.stat().st_mtime_ns + 10_000_000
    os.utime(path, ns=(later, later))  # two writes within one tick of the clock


def _events(tmp_path: Path) -> list[dict[str, Any]]:
    found = sorted((tmp_path / "pilot").glob("events-*"))
    return [json.loads(line) for path in found for line in path.read_bytes().splitlines()]


# --- arms ------------------------------------------------------------------------------------------


def test_a_unit_sticks_to_its_arm(make: Make) -> None:
    """The same conversation is served by the same arm, call after call, and about half of them by each."""
    router = make(HALF)
    first = {unit: router.call([], unit=unit)["arm"] for unit in map(str, range(200))}
    again = {unit: router.call([], unit=unit)["arm"] for unit in map(str, range(200))}
    assert first == again
    assert 60 < sum(arm == "new" for arm in first.values()) < 140


def test_processes_agree_without_a_store(make: Make) -> None:
    """Two routers, as in two processes, decide alike."""
    one, other = make(HALF), make(HALF)
    assert [one.decide(unit=str(n)).arm for n in range(100)] == [
        other.decide(unit=str(n)).arm for n in range(100)
    ]


def test_raising_the_percentage_under_way_moves_nobody_back(make: Make, tmp_path: Path) -> None:
    """The file is re-read: from 5 to 25 per cent new units come, and all who had the new arm keep it."""
    router = make()
    before = {n for n in range(2000) if router.decide(unit=str(n)).arm == "new"}
    _rewrite(tmp_path, ("percent: 5\n", "percent: 25\n"))
    router.poll()
    after = {n for n in range(2000) if router.decide(unit=str(n)).arm == "new"}
    assert before < after
    assert 0.2 < len(after) / 2000 < 0.3


def test_the_context_names_the_unit(make: Make) -> None:
    """Inside `router.unit` every request belongs to it; without a unit each request is its own."""
    router = make(HALF)
    with router.unit("conversation-9"):
        one, other = router.decide(), router.decide()
    assert one.unit == other.unit == router.decide(unit="conversation-9").unit
    assert router.decide().unit != router.decide().unit


def test_arguments_arrive(make: Make) -> None:
    """Messages and options reach the arm as given, and what it returns comes back as it is."""
    seen: list[Any] = []

    def arm(messages: Any, **options: Any) -> object:
        seen.append((messages, options))
        return seen

    assert make(old=arm, new=arm).call(["hi"], unit="u", temperature=0) is seen
    assert seen == [(["hi"], {"temperature": 0})]


# --- records ---------------------------------------------------------------------------------------


def test_intention_to_treat(make: Make, tmp_path: Path) -> None:
    """A fallback is recorded with both arms, and is the new arm's error."""
    router = make(ALL, new=_fails)
    assert router.call([], unit="u")["arm"] == "old"
    router.flush()
    (event,) = _events(tmp_path)
    assert (event["arm"], event["served"], event["error"], event["tries"]) == ("new", "old", "rate_limit", 2)
    assert event["hits"] == ["error"]
    ((key, counts),) = read_folder(tmp_path / "pilot").counts.items()
    assert (key.arm, key.step, counts.fallbacks, counts.first_failures("error")) == ("new", 100.0, 1, 1)


def test_the_products_own_error_comes_through(make: Make, tmp_path: Path) -> None:
    """Where nobody answers, the call raises what the old arm raised, the very object."""
    error = RateLimitError("both")

    def arm(_messages: Any) -> Any:
        raise error

    router = make(ALL, old=arm, new=arm)
    with pytest.raises(RateLimitError) as caught:
        router.call([], unit="u")
    assert caught.value is error
    router.flush()
    assert _events(tmp_path)[0]["served"] is None


def test_no_text_unless_asked(make: Make, tmp_path: Path) -> None:
    """Prompts and answers are recorded only with `record_text: true`."""
    router = make()
    router.call(["a secret"], unit="u")
    router.close()
    assert list((tmp_path / "pilot").glob("*"))
    for path in (tmp_path / "pilot").glob("*"):
        assert b"secret" not in path.read_bytes()


def test_text_where_asked(make: Make, tmp_path: Path) -> None:
    """With `record_text: true` the event holds messages and answer as JSON."""
    router = make(("max_age: 1h", "max_age: 1h\nrecord_text: true"))
    router.call(["hello"], unit="u")
    router.flush()
    (event,) = _events(tmp_path)
    assert (event["messages"], event["answer"]["arm"]) == (["hello"], "old")


def test_ratings_from_anywhere(make: Make, tmp_path: Path) -> None:
    """A rating needs the call's id alone: another process, without any store, counts it for unit, step and arm."""
    one, other = make(ALL), make(ALL)
    one.call([], unit="u")
    assert one.last is not None
    assert other.rate(one.last.call_id, good=False)
    assert not other.rate("n100-0000", good=False)
    other.flush()
    (counts,) = read_folder(tmp_path / "pilot").counts.values()
    assert counts.first_failures("bad") == 1


def test_ones_own_gateway(make: Make, tmp_path: Path) -> None:
    """Who only asks for decisions can leave the same records."""
    router = make(ALL)
    decision = router.decide(unit="u")
    assert (decision.arm, decision.model, decision.prompt) == ("new", "gpt-4o", "support")
    router.record(decision, latency_ms=3000, usage={"input_tokens": 7, "output_tokens": 1})
    router.record(decision, latency_ms=10, failure="timeout")
    router.flush()
    first, second = _events(tmp_path)
    assert (first["hits"], first["tokens"], first["served"]) == (["slow"], [7, 0, 1], "new")
    assert (second["hits"], second["served"]) == (["error"], None)


# --- stops -----------------------------------------------------------------------------------------


def test_kill_by_file(make: Make, tmp_path: Path) -> None:
    """A file named KILL in the sink stops the new arm at the next look; without it the arm is back."""
    router = make(ALL)
    (tmp_path / "pilot").mkdir()
    (tmp_path / "pilot" / "KILL").touch()
    router.poll()
    assert (router.call([], unit="u")["arm"], router.health().percent) == ("old", 0)
    assert "KILL" in (router.health().stopped or "")
    (tmp_path / "pilot" / "KILL").unlink()
    router.poll()
    assert router.call([], unit="u")["arm"] == "new"


def test_kill_by_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """So does the environment variable, unless it says 0."""
    router = make(ALL)
    monkeypatch.setenv("LLMUPGRADE_ROLLOUT_KILL", "0")
    router.poll()
    assert router.decide(unit="u").arm == "new"
    monkeypatch.setenv("LLMUPGRADE_ROLLOUT_KILL", "1")
    router.poll()
    assert router.decide(unit="u").arm == "old"


def test_a_rollback_latches_until_the_id_changes(make: Make, tmp_path: Path) -> None:
    """The state file stops this rollout's new arm; a file of another id does not."""
    router = make(ALL)
    state = tmp_path / "pilot" / "state.json"
    state.parent.mkdir()
    state.write_text(json.dumps({"rollout": "another", "state": "rolled_back"}))
    router.poll()
    assert router.decide(unit="u").arm == "new"
    state.write_text(json.dumps({"rollout": "gpt-4o-2026-11", "state": "rolled_back"}))
    router.poll()
    assert router.decide(unit="u").arm == "old"
    _rewrite(tmp_path, ALL, ("id: gpt-4o-2026-11", "id: gpt-4o-2026-12"))
    router.poll()
    assert router.decide(unit="u").arm == "new"


ROLLED_BACK = json.dumps({"rollout": "gpt-4o-2026-11", "state": "rolled_back"})


def _state(tmp_path: Path, text: str = ROLLED_BACK, sink: str = "pilot") -> Path:
    path = tmp_path / sink / "state.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_rollback_outlives_its_sink(make: Make, tmp_path: Path) -> None:
    """An unmounted sink, or a state file that is removed, ends no rollback that the process has seen."""
    router = make(ALL)
    _state(tmp_path)
    router.poll()
    (tmp_path / "pilot").rename(tmp_path / "gone")
    router.poll()
    assert router.decide(unit="u").arm == "old"
    (tmp_path / "pilot").mkdir()
    router.poll()
    assert (router.decide(unit="u").arm, router.health().fault) == ("old", None)


@pytest.mark.parametrize(
    "text",
    [ROLLED_BACK[:-1], "", "[]", '{"history": 7}', f'{ROLLED_BACK[:-1]}, "history": 7}}', "[" * 100_000],
    ids=range(6),
)
def test_a_damaged_state_keeps_the_new_arm_off(make: Make, tmp_path: Path, text: str) -> None:
    """A state file that cannot be read may hold a rollback: nobody gets the new arm until it can, and the health says why."""
    state = _state(tmp_path, text)
    router = make(ALL)
    assert router.decide(unit="u").arm == "old"
    assert "state.json: cannot be read: it is no state file" in (router.health().fault or "")
    assert router.health().stopped == router.health().fault
    state.write_text(json.dumps({"rollout": "gpt-4o-2026-11", "state": "pilot"}), encoding="utf-8")
    router.poll()
    assert (router.decide(unit="u").arm, router.health().fault) == ("new", None)


def _read_in_vain(monkeypatch: pytest.MonkeyPatch, router: ModelRouter) -> None:
    """Let a router look while the process has no file left to open."""

    def full(_path: Path) -> bytes:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as context:
        context.setattr(policy, "_bytes_of", full)
        router.poll()


def test_a_rollback_that_could_not_be_read_is_read_later(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollback that comes while no file can be opened stops the new arm at once, and is known once it can be read."""
    router = make(ALL)
    _state(tmp_path)
    _read_in_vain(monkeypatch, router)
    assert router.health().percent == 0
    assert "Too many open files" in (router.health().fault or "")
    router.poll()
    assert router.health().fault is None
    assert "rolled back, says" in (router.health().stopped or "")


def test_an_edit_that_could_not_be_read_is_read_later(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`percent: 0`, written while no file can be opened, is in force as soon as one can."""
    router = make(ALL)
    _rewrite(tmp_path, ("percent: 5\n", "percent: 0\n"))
    _read_in_vain(monkeypatch, router)
    assert router.health().percent == 100
    assert "Too many open files" in (router.health().fault or "")
    router.poll()
    assert (router.decide(unit="u").arm, router.health().fault) == ("old", None)


def test_a_file_that_comes_back_as_it_was_is_good_again(make: Make, tmp_path: Path) -> None:
    """A rollout file that was away for a moment and is the same leaves no fault behind."""
    router = make(ALL)
    (tmp_path / "rollout.yaml").rename(tmp_path / "away")
    router.poll()
    assert "cannot be read" in (router.health().fault or "")
    (tmp_path / "away").rename(tmp_path / "rollout.yaml")
    router.poll()
    assert router.health().fault is None


@pytest.mark.parametrize("sink", ["pilot", "elsewhere"])
def test_another_sink_releases_nothing(make: Make, tmp_path: Path, sink: str) -> None:
    """A running router obeys the sink that it started with and writes to, and the one that the file names by now; the health says so."""
    router = make(ALL)
    _rewrite(tmp_path, ALL, ("./pilot", "./elsewhere"))
    router.poll()
    assert router.decide(unit="u").arm == "new"
    assert "records go to ./pilot until a restart" in (router.health().fault or "")
    kill = tmp_path / sink / "KILL"
    kill.parent.mkdir()
    kill.touch()
    router.poll()
    assert router.decide(unit="u").arm == "old"
    kill.unlink()
    _state(tmp_path, sink=sink)
    router.poll()
    assert "rolled back, says" in (router.health().stopped or "")
    _rewrite(tmp_path, ALL, ("./pilot", "./a third"))
    router.poll()
    assert router.decide(unit="u").arm == "old"


def test_stopped_requests_are_counted_apart(make: Make, tmp_path: Path) -> None:
    """While the new arm is stopped requests count under step 0, so they dilute no step's evidence."""
    router = make(ALL)
    (tmp_path / "pilot").mkdir()
    (tmp_path / "pilot" / "KILL").touch()
    router.poll()
    router.call([], unit="u")
    router.flush()
    (key,) = read_folder(tmp_path / "pilot").counts
    assert (key.step, key.arm) == (0.0, "old")


def test_the_thread_looks_by_itself(make: Make, tmp_path: Path) -> None:
    """Without any call to `poll`, the watching thread sees the kill file."""
    router = make(ALL)
    assert router.decide(unit="u").arm == "new"
    (tmp_path / "pilot").mkdir(exist_ok=True)
    (tmp_path / "pilot" / "KILL").touch()
    tick = threading.Event()
    for _ in range(200):  # up to twenty seconds on a loaded machine; usually half a second
        if router.decide(unit="u").arm == "old":
            break
        tick.wait(0.1)
    assert router.decide(unit="u").arm == "old"


def _kill(tmp_path: Path) -> None:
    (tmp_path / "pilot").mkdir(exist_ok=True)
    (tmp_path / "pilot" / "KILL").touch()


def test_a_kill_holds_for_the_first_decision(make: Make, tmp_path: Path) -> None:
    """Whoever kills a router that has not decided yet, or that was closed, is obeyed by its very next decision."""
    router = make(ALL)
    _kill(tmp_path)
    assert router.decide(unit="u").arm == "old"
    (tmp_path / "pilot" / "KILL").unlink()
    router.poll()
    assert router.decide(unit="u").arm == "new"
    router.close()
    _kill(tmp_path)
    assert router.decide(unit="u").arm == "old"


def test_a_first_look_that_fails_sends_nobody_to_the_new_arm(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first look breaks nobody knows of a kill: the old arm is called until a look succeeds."""
    router = make(ALL)
    look = router.core.decider._watch.look

    def broken() -> Any:
        raise RuntimeError("inside")

    monkeypatch.setattr(router.core.decider._watch, "look", broken)
    assert router.call([], unit="u")["arm"] == "old"
    monkeypatch.setattr(router.core.decider._watch, "look", look)
    assert router.call([], unit="u")["arm"] == "new"


# --- faults ----------------------------------------------------------------------------------------


def test_a_broken_edit_keeps_the_last_good_one(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A typo in the file changes nothing, is said once in the log, and stands in the health until it is mended."""
    router = make(ALL)
    _rewrite(tmp_path, ("percent: 5\n", "percnt: 25\n"))
    router.poll()
    router.poll()
    assert router.decide(unit="u").arm == "new"
    assert "unknown key 'percnt'" in (router.health().fault or "")
    assert caplog.text.count("percnt") == 1
    _rewrite(tmp_path, ("percent: 5\n", "percent: 0\n"))
    router.poll()
    assert (router.decide(unit="u").arm, router.health().fault) == ("old", None)


def test_a_file_that_vanishes_changes_nothing(make: Make, tmp_path: Path) -> None:
    """A deploy that removes the file for a moment, or for good, leaves the last good one in force."""
    router = make(ALL)
    (tmp_path / "rollout.yaml").unlink()
    router.poll()
    assert router.decide(unit="u").arm == "new"
    assert "cannot be read" in (router.health().fault or "")


def test_a_broken_file_at_the_start_is_told(tmp_path: Path) -> None:
    """At the start there is no last good one: the mistake is raised, in one line."""
    (tmp_path / "rollout.yaml").write_text("percent: 5")
    with pytest.raises(FaultyFiles, match="lacks rollout"):
        ModelRouter.from_file(tmp_path / "rollout.yaml", old=_old, new=_new)


@pytest.mark.parametrize("part", ["decider.decide", "log.put", "decider.breaker.allows"])
def test_its_own_faults_never_reach_a_request(make: Make, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """Whatever breaks inside, the request is answered, and the fault is counted."""
    router = make(ALL)
    owner: Any = router.core
    *path, name = part.split(".")
    for step in path:
        owner = getattr(owner, step)

    def broken(*_args: Any, **_options: Any) -> Any:
        raise RuntimeError("inside")

    monkeypatch.setattr(owner, name, broken)
    assert router.call(["x"], unit="u")["messages"] == ["x"]
    assert asyncio.run(router.acall(["x"], unit="u"))["messages"] == ["x"]
    assert router.health().own_faults == 2


def test_an_answer_that_cannot_be_looked_into_is_passed_on(make: Make) -> None:
    """An answer whose attributes raise is the caller's all the same; only its tokens stay unknown."""

    class Hostile:
        @property
        def usage(self) -> object:
            raise RuntimeError("no")

    answer = Hostile()
    router = make(ALL, new=lambda _messages: answer)
    assert router.call([], unit="u") is answer
    assert list(make(ALL, new=lambda _messages: [answer]).stream([], unit="u")) == [answer]
    assert router.health().own_faults == 1


def test_a_unit_of_a_wrong_type_is_served(make: Make) -> None:
    """A unit that is no text, as an integer key, is hashed by its text; the request goes on."""
    router = make(HALF)
    assert router.decide(unit=7).unit == router.decide(unit="7").unit  # type: ignore[arg-type]  # the product's slip


def test_a_missing_callable_is_told(tmp_path: Path) -> None:
    """`call` on a router without callables says what to pass."""
    (tmp_path / "rollout.yaml").write_text(changed(ALL))
    router = ModelRouter.from_file(tmp_path / "rollout.yaml")
    with pytest.raises(UsageError, match="pass old= and new="):
        router.call([], unit="u")
    router.close()


# --- async -----------------------------------------------------------------------------------------


def test_async_calls(make: Make, tmp_path: Path) -> None:
    """Async arms are awaited, with the same fallback and the same records."""

    async def old(messages: Any) -> Any:
        return _old(messages)

    async def new(_messages: Any) -> Any:
        raise TimeoutError

    router = make(ALL, old=old, new=new)
    assert asyncio.run(router.acall([], unit="u"))["arm"] == "old"
    router.flush()
    assert _events(tmp_path)[0]["error"] == "timeout"


def test_cancelling_goes_through(make: Make, tmp_path: Path) -> None:
    """A cancelled task ends as cancelled, calls nobody else, and counts as nobody's failure."""

    async def new(_messages: Any) -> Any:
        await asyncio.Event().wait()

    router = make(ALL, new=new)

    async def scene() -> None:
        task = asyncio.create_task(router.acall([], unit="u"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())
    router.flush()
    (event,) = _events(tmp_path)
    assert event["cancelled"]
    assert "hits" not in event


def test_tasks_and_threads_do_not_mix(make: Make, tmp_path: Path) -> None:
    """Each task sees its own latest decision; calls of eight threads at once all have records and names of their own."""
    router = make(HALF, old=_old, new=_new)

    async def one(unit: str) -> bool:
        await router.acall([], unit=unit)
        await asyncio.sleep(0)
        return router.last is not None and router.last.unit == unit_hash("gpt-4o-2026-11", unit)

    async def scene() -> list[bool]:
        return await asyncio.gather(*(one(str(number)) for number in range(50)))

    assert all(asyncio.run(scene()))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: router.call([], unit=str(number)), range(800)))
    router.flush()
    calls = [event["call"] for event in _events(tmp_path)]
    assert len(calls) == len(set(calls)) == 850


# --- streams ---------------------------------------------------------------------------------------


def _pieces(messages: Any) -> Iterator[Any]:
    yield from messages
    yield {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}


def test_a_stream_passes_on_and_is_recorded(make: Make, tmp_path: Path) -> None:
    """Every piece arrives; time to the first one and tokens are recorded at the end."""
    router = make(ALL, new=_pieces)
    assert list(router.stream(["a", "b"], unit="u"))[:2] == ["a", "b"]
    router.flush()
    (event,) = _events(tmp_path)
    assert event["tokens"] == [3, 0, 2]
    assert 0 <= event["first_token_ms"] <= event["ms"]


def test_a_stream_that_fails_at_once_is_replaced(make: Make, tmp_path: Path) -> None:
    """Before its first piece the old arm can take over."""

    def new(messages: Any) -> Iterator[Any]:
        if messages:
            raise RateLimitError
        yield "nothing was asked"

    router = make(ALL, old=_pieces, new=new)
    assert next(router.stream(["a"], unit="u")) == "a"
    router.flush()
    assert (_events(tmp_path)[0]["served"], _events(tmp_path)[0]["error"]) == ("old", "rate_limit")


def test_a_stream_that_has_begun_is_not_replaced(make: Make, tmp_path: Path) -> None:
    """After its first piece the failure is the caller's to see: two half answers are worse than one."""

    def new(_messages: Any) -> Iterator[Any]:
        yield "a"
        raise RateLimitError

    router = make(ALL, old=_pieces, new=new)
    stream = router.stream([], unit="u")
    assert next(stream) == "a"
    with pytest.raises(RateLimitError):
        next(stream)
    router.flush()
    (event,) = _events(tmp_path)
    assert (event["served"], event["error"], event["hits"]) == (None, "rate_limit", ["error"])


def test_a_stream_left_early_is_no_failure(make: Make, tmp_path: Path) -> None:
    """A caller who stops reading is counted as gone, once."""
    router = make(ALL, new=_pieces)
    with router.stream(["a", "b"], unit="u") as stream:
        next(stream)
    del stream
    router.flush()
    (event,) = _events(tmp_path)
    assert event["cancelled"]


@pytest.mark.parametrize("kind", ["response.failed", "error"])
def test_a_failure_seen_in_a_stream_that_is_then_left_counts(make: Make, tmp_path: Path, kind: str) -> None:
    """Whoever stops reading, or raises, at a piece that tells of a failure has seen one: it stays the arm's."""
    router = make(ALL, new=lambda _messages: iter([SimpleNamespace(type=kind), "never"]))
    with contextlib.suppress(LookupError), router.stream([], unit="u") as stream:
        next(stream)
        raise LookupError
    router.flush()
    (event,) = _events(tmp_path)
    assert (event["error"], event["hits"], event["served"]) == ("other", ["error"], None)
    assert "cancelled" not in event


def test_a_stream_left_late_is_as_slow_as_its_last_piece(make: Make, tmp_path: Path) -> None:
    """How long the caller keeps a stream that he reads no further says nothing of the arm."""
    router = make(ALL, new=_pieces)
    stream = router.stream(["a", "b"], unit="u")
    next(stream)
    stream._watched.last_at = 0.0  # before the request began
    stream.close()
    router.flush()
    (event,) = _events(tmp_path)
    assert (event["ms"], event["cancelled"]) == (0.0, True)


def test_async_streams(make: Make, tmp_path: Path) -> None:
    """Async generators stream alike, with the same replacement before the first piece."""

    async def old(messages: Any) -> Any:
        for each in messages:
            yield each

    async def new(messages: Any) -> Any:
        if messages:
            raise RateLimitError
        yield "nothing was asked"

    router = make(ALL, old=old, new=new)

    async def scene() -> list[Any]:
        return [piece async for piece in await router.astream(["a", "b"], unit="u")]

    assert asyncio.run(scene()) == ["a", "b"]
    router.flush()
    assert (_events(tmp_path)[0]["served"], _events(tmp_path)[0]["error"]) == ("old", "rate_limit")


# --- shadow ----------------------------------------------------------------------------------------

SHADOW = (("mode: live", "mode: shadow"), ("percent: 5\n", "percent: 0\n"))


def test_shadow_answers_nobody_and_is_paired(make: Make, tmp_path: Path) -> None:
    """Everybody gets the old arm; the new one is called beside it, and both events bear the call's id."""
    seen: list[bool] = []

    def shadow(messages: Any) -> Any:
        seen.append(in_shadow())
        return _new(messages)

    router = make(*SHADOW, shadow=shadow)
    assert router.call(["x"], unit="u")["arm"] == "old"
    router.core.shadow.join()
    router.flush()
    old, new = _events(tmp_path)
    assert (old["type"], old["arm"], new["type"], new["arm"]) == ("call", "old", "shadow", "new")
    assert list(pairs(tmp_path / "pilot")) == [(old, new)]
    assert (seen, in_shadow()) == ([True], False)
    keys = {(key.mode, key.step, key.arm) for key in read_folder(tmp_path / "pilot").counts}
    assert keys == {("shadow", 0.0, "old"), ("shadow", 0.0, "new")}


def test_a_shadow_sees_the_messages_as_they_were(make: Make) -> None:
    """What the product does to its messages afterwards does not reach the shadow."""
    seen: list[Any] = []
    start = threading.Event()

    def shadow(messages: Any) -> None:
        start.wait()
        seen.append(messages)

    router = make(*SHADOW, shadow=shadow)
    messages = [{"role": "user", "content": "hi"}]
    router.call(messages, unit="u")
    messages.clear()
    start.set()
    router.core.shadow.join()
    assert seen == [[{"role": "user", "content": "hi"}]]


def test_a_full_queue_drops(make: Make) -> None:
    """More shadows than may wait are dropped and counted; the requests go on."""
    start = threading.Event()
    router = make(
        *SHADOW,
        ("max_age: 1h", "max_age: 1h\nshadow: {queue: 1, workers: 1}"),
        shadow=lambda _m: start.wait(),
    )
    for _ in range(10):
        assert router.call([], unit="u")["arm"] == "old"
    assert router.health().shadow_dropped >= 8
    start.set()
    router.core.shadow.join()


def test_async_shadow(make: Make, tmp_path: Path) -> None:
    """In an event loop the shadow is a task of its own; its failure is recorded, and raised to nobody."""

    async def shadow(_messages: Any) -> Any:
        raise RateLimitError

    router = make(*SHADOW, shadow=shadow)

    async def scene() -> Any:
        answer = await router.acall([], unit="u")
        await asyncio.gather(*router.core.shadow._tasks)
        return answer

    assert asyncio.run(scene())["arm"] == "old"
    router.flush()
    assert _events(tmp_path)[1]["error"] == "rate_limit"


def test_shadow_needs_a_callable_that_does_not_act(make: Make) -> None:
    """Mode shadow without `shadow=` is refused: the product's own callable may run tools."""
    with pytest.raises(UsageError, match="mode shadow needs"):
        make(*SHADOW)


# --- processes -------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_worker_has_its_own_files(make: Make, tmp_path: Path) -> None:
    """A router made before the fork, as with a preloading server, works in the child, in files of its own."""
    router = make(ALL)
    router.call([], unit="u")
    router.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            router.call([], unit="v")
            code = 0 if router.flush() else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list((tmp_path / "pilot").glob("events-*"))) == 2
    assert sum(each.requests for each in read_folder(tmp_path / "pilot").counts.values()) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_worker_looks_before_it_decides(make: Make, tmp_path: Path) -> None:
    """A worker forked after a kill, of a parent that never decided and so never looked again, sends nobody to the new arm."""
    router = make(ALL)
    _kill(tmp_path)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if router.decide(unit="u").arm == "old" else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

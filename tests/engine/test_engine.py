from __future__ import annotations

import asyncio
import inspect
import signal
import threading
from concurrent.futures import CancelledError
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.engine.breaker import IN_A_ROW
from pytest_llmupgrade.engine.engine import Engine
from pytest_llmupgrade.engine.flight import Planned
from pytest_llmupgrade.engine.jobs import Jobs
from pytest_llmupgrade.engine.plan import PlannedJob
from pytest_llmupgrade.engine.retry import RetryPolicy
from pytest_llmupgrade.engine.settings import EngineEvent, EngineSettings
from pytest_llmupgrade.model import CallFailure, Completion, ModelSpec, Request, Usage
from pytest_llmupgrade.store import Store
from tests.engine.scripted import WAIT_S, Scripted, echo, failure, quick, request, running, settle, words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_llmupgrade.model import Answer, FailureKind


def texts(answers: Iterable[Answer]) -> list[str]:
    """Return what was answered; a failure is an error of the test."""
    return [answer.text if isinstance(answer, Completion) else f"FAILED {answer}" for answer in answers]


def test_planned_calls_run_together_and_each_once() -> None:
    """All planned calls are in flight before the first item asks, and none is made twice."""
    provider = Scripted(held=True)
    asked = [request(f"q{i}") for i in range(20)]
    with running(provider) as engine:
        engine.plan(asked)
        provider.wait_for(20)
        provider.release(engine)
        answers = [engine.complete(each) for each in asked]
    assert texts(answers) == [f"q{i}" for i in range(20)]
    assert sorted(provider.asked) == sorted(f"q{i}" for i in range(20))


def test_window_is_bounded_and_moves_with_execution() -> None:
    """No more than the window's size is completed ahead of the item being executed."""
    provider = Scripted()
    asked = [request(f"q{i}") for i in range(30)]
    with running(provider, quick(window=4)) as engine:
        engine.plan(asked)
        provider.wait_for(4)
        settle(engine)
        assert provider.asked == ["q0", "q1", "q2", "q3"]
        for done, each in enumerate(asked[:10]):
            engine.complete(each)
            settle(engine)
            assert len(provider.asked) == done + 4


def test_reaching_an_item_moves_the_window_though_it_asks_for_something_else() -> None:
    """An item whose request a fixture changed does not stop the prefetch of those behind it."""
    provider = Scripted()
    with running(provider, quick(window=2)) as engine:
        engine.plan([Planned(request=request(f"q{i}"), owner=f"item{i}") for i in range(10)])
        provider.wait_for(2)
        assert texts([engine.complete(request("changed"))]) == ["changed"]
        engine.reached("item5")
        provider.wait_for(5)
    assert provider.asked == ["q0", "q1", "changed", "q5", "q6"]


def test_demand_goes_before_plan() -> None:
    """A call that somebody waits for overtakes those that are only planned."""
    provider = Scripted(held=True)
    waiting: list[Answer] = []
    with running(provider, quick(concurrency=1, window=8)) as engine:
        engine.plan([request(f"q{i}") for i in range(8)])
        provider.wait_for(1)
        thread = threading.Thread(target=lambda: waiting.append(engine.complete(request("q6"))))
        thread.start()
        demanded = threading.Event()
        while not demanded.is_set():
            engine._thread.post(
                lambda: demanded.set() if engine._dispatcher._flights[request("q6").key].demanded else None
            )
            settle(engine)
        provider.release(engine)
        thread.join(WAIT_S)
        provider.wait_for(8)
    assert provider.asked[:3] == ["q0", "q6", "q1"]
    assert texts(waiting) == ["q6"]


def test_concurrency_is_never_exceeded() -> None:
    """As many calls run at once as the settings allow, and no more."""
    provider = Scripted(held=True)
    asked = [request(f"q{i}") for i in range(12)]
    with running(provider, quick(concurrency=3, window=12)) as engine:
        engine.plan(asked)
        provider.wait_for(3)
        provider.release(engine)
        for each in asked:
            engine.complete(each)
    assert provider.most_at_once == 3


def test_one_flight_for_many_who_ask() -> None:
    """Threads that ask for the same thing at the same time share one call."""
    provider = Scripted(held=True)
    answers: list[Answer] = []
    with running(provider) as engine:
        threads = [
            threading.Thread(target=lambda: answers.append(engine.complete(request("same"))))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        provider.wait_for(1)
        while len(_waiting(engine, request("same"))) < 8:
            settle(engine)
        provider.release(engine)
        for thread in threads:
            thread.join(WAIT_S)
    assert texts(answers) == ["same"] * 8
    assert provider.asked == ["same"]


def _waiting(engine: Engine, asked: Request) -> list[object]:
    flight = engine._dispatcher._flights.get(asked.key)
    return list(flight.waiting) if flight else []


def test_first_call_goes_alone() -> None:
    """Until a model has answered once, one call at a time finds out whether it can be called."""
    provider = Scripted(held=True)
    with running(provider, EngineSettings(probe_s=600)) as engine:
        engine.plan([request(f"q{i}") for i in range(5)])
        provider.wait_for(1)
        settle(engine)
        assert provider.asked == ["q0"]
        assert provider.prepared_before
        provider.release(engine)
        provider.wait_for(5)


def test_follow_ups_start_before_they_are_asked_for() -> None:
    """A judge's call begins as soon as the completion is there, and a continuation that raises harms nobody."""
    provider = Scripted()

    def judged(completion: Completion) -> list[Request]:
        return [request(f"judge {completion.text}")]

    def broken(_: Completion) -> list[Request]:
        raise ZeroDivisionError

    with running(provider) as engine:
        engine.plan(
            [Planned(request=request("a"), after=judged), Planned(request=request("b"), after=broken)]
        )
        provider.wait_for(3)
        answers = [engine.complete(request(text)) for text in ("a", "b", "judge a")]
    assert texts(answers) == ["a", "b", "judge a"]
    assert len(provider.asked) == 3


def test_cases_that_share_an_answer_have_follow_ups_of_their_own() -> None:
    """The same question planned twice is called once, and what each asks after it begins ahead, too."""
    provider = Scripted()
    afters = (lambda _: [request("judge 1")], lambda _: [request("judge 2")])
    with running(provider, quick(window=1)) as engine:
        engine.plan([Planned(request=request("q"), owner=f"item{i}", after=afters[i]) for i in (0, 1)])
        provider.wait_for(2)
        while request("q").key not in _held(engine):
            settle(engine)
        engine.reached("item1")
        engine._thread.post(engine._tell)
        provider.wait_for(3)
    assert provider.asked == ["q", "judge 1", "judge 2"]


def _held(engine: Engine) -> dict[str, Answer]:
    return engine._dispatcher.results._answers


@pytest.mark.parametrize("kind", ["server", "connection", "timeout", "protocol", "rate_limit"])
def test_passing_failures_are_retried(kind: FailureKind) -> None:
    """A call that fails once and would then succeed does succeed, and the retry is counted."""
    failures = [failure(kind)]
    provider = Scripted(lambda asked: failures.pop() if failures else echo(asked))
    with running(provider) as engine:
        engine._dispatcher._sender._policy = _unjittered()
        assert texts([engine.complete(request("q"))]) == ["q"]
        assert engine.stats().retried == 1
        assert engine.stats().live == 1


def _unjittered() -> RetryPolicy:
    return RetryPolicy(chance=lambda: 0.0)


def test_failing_server_is_not_hammered() -> None:
    """Where every call fails, retries stay within the reserve and the share, and the message counts the tries."""
    provider = Scripted(lambda _: failure("server"))
    asked = [request(f"q{i}") for i in range(15)]
    with running(provider, quick(retry_reserve=4, retry_share=0.2)) as engine:
        engine._dispatcher._sender._policy = _unjittered()
        engine.plan(asked)
        answers = [engine.complete(each) for each in asked]
    assert all(isinstance(answer, CallFailure) for answer in answers)
    assert 15 < len(provider.asked) <= 15 + 4 + 3
    assert any("tried" in str(answer) for answer in answers)


@pytest.mark.parametrize("kind", ["auth", "quota", "not_found"])
def test_hopeless_failures_stop_the_calls(kind: FailureKind) -> None:
    """A bad key is met three times, not a thousand times, and said once."""
    provider = Scripted(lambda _: failure(kind))
    events: list[EngineEvent] = []
    asked = [request(f"q{i}") for i in range(100)]
    with running(provider, EngineSettings(), on_event=events.append) as engine:
        engine.plan(asked)
        answers = [engine.complete(each) for each in asked]
    assert len(provider.asked) == IN_A_ROW[kind] == 3
    assert {answer.kind for answer in answers if isinstance(answer, CallFailure)} == {kind}
    assert [event.kind for event in events] == ["broken"]


def test_other_requests_outlive_a_refused_one() -> None:
    """A request that is wrong in itself fails alone, however often."""
    provider = Scripted(lambda asked: failure("bad_request") if "bad" in words(asked) else echo(asked))
    with running(provider) as engine:
        bad = [engine.complete(request(f"bad{i}")) for i in range(30)]
        good = engine.complete(request("good"))
    assert {answer.kind for answer in bad if isinstance(answer, CallFailure)} == {"bad_request"}
    assert texts([good]) == ["good"]


def test_retry_after_pauses_the_model() -> None:
    """A server that asks for a wait gets it: nothing else is sent meanwhile, and the user hears of it once."""
    provider = Scripted(lambda _: failure("rate_limit", retry_after_s=100))
    events: list[EngineEvent] = []
    with running(provider, quick(concurrency=2, window=8), on_event=events.append) as engine:
        engine.plan([request(f"q{i}") for i in range(8)])
        provider.wait_for(1)
        settle(engine)
        engine.cancel()
    assert len(provider.asked) <= 2
    assert [event.kind for event in events] == ["paused"]


def test_budget_is_a_hard_cap() -> None:
    """Once the money is spent nothing more is sent; the overshoot is at most what was in flight."""
    provider = Scripted()
    asked = [request(f"q{i}") for i in range(100)]
    events: list[EngineEvent] = []
    settings = quick(concurrency=4, budget_usd=Decimal("0.10"))
    with running(
        provider, settings, cost=lambda _request, _usage: Decimal("0.01"), on_event=events.append
    ) as engine:
        engine.plan(asked)
        answers = [engine.complete(each) for each in asked]
        spent = engine.stats().spent_usd
    refused = [answer for answer in answers if isinstance(answer, CallFailure)]
    assert spent == Decimal("0.01") * len(provider.asked)
    assert 10 <= len(provider.asked) <= 14
    assert {answer.kind for answer in refused} == {"budget"}
    assert len(refused) == 100 - len(provider.asked)
    assert [event.kind for event in events] == ["budget"]


def test_a_budget_without_usage_goes_by_length() -> None:
    """Where the server does not say what calls use, the cap holds by the length of question and answer, and that is said."""
    provider = Scripted(lambda asked: Completion(text=words(asked)))
    asked = [request(f"{i:400}") for i in range(40)]  # about 100 tokens each way
    events: list[EngineEvent] = []

    def cost(_request: Request, usage: Usage | None) -> Decimal | None:
        return None if usage is None else Decimal(usage.input_tokens + usage.output_tokens) / 10_000

    settings = quick(concurrency=2, budget_usd=Decimal("0.20"))
    with running(provider, settings, cost=cost, on_event=events.append) as engine:
        engine.plan(asked)
        answers = [engine.complete(each) for each in asked]
    assert 8 <= len(provider.asked) <= 12
    assert sum(isinstance(answer, CallFailure) for answer in answers) == 40 - len(provider.asked)
    assert [event.message.partition(":")[0] for event in events] == ["m", "the budget of $0.20 is spent"]


def test_paid_failures_count() -> None:
    """An answer that brought nothing but was paid for is part of what was spent."""
    empty = CallFailure(kind="empty", message="m: empty", usage=Usage(input_tokens=1, output_tokens=9))
    provider = Scripted(lambda _: empty)
    with running(provider, cost=lambda _request, _usage: Decimal(1)) as engine:
        assert engine.complete(request("q")) == empty
        assert engine.stats().spent_usd == 1


def test_price_that_cannot_be_computed_fails_the_call(caplog: pytest.LogCaptureFixture) -> None:
    """A fault in accounting is an answer that says so, never a wait without end."""

    def cost(_request: Request, _usage: Usage | None) -> Decimal:
        raise ZeroDivisionError

    with running(Scripted(), cost=cost) as engine:
        answer = engine.complete(request("q"))
    assert isinstance(answer, CallFailure)
    assert "ZeroDivisionError" in str(answer)
    caplog.clear()


def test_cancel_keeps_what_has_arrived() -> None:
    """After a cancel nothing is sent, what is under way is given up, and finished answers are handed out."""
    provider = Scripted()
    with running(provider, quick(concurrency=2, window=2)) as engine:
        engine.plan([request("done")])
        provider.wait_for(1)
        settle(engine)
        while engine.stats().in_flight or request("done").key not in _held(engine):
            settle(engine)
        engine.cancel()
        assert texts([engine.complete(request("done"))]) == ["done"]
        answer = engine.complete(request("late"))
    assert isinstance(answer, CallFailure)
    assert answer.kind == "cancelled"
    assert provider.asked == ["done"]


def test_cancel_frees_whoever_waits() -> None:
    """A thread that waits for an answer gets 'cancelled', and the call in flight is cancelled."""
    provider = Scripted(held=True)
    answers: list[Answer] = []
    with running(provider) as engine:
        thread = threading.Thread(target=lambda: answers.append(engine.complete(request("q"))))
        thread.start()
        provider.wait_for(1)
        engine.cancel()
        thread.join(WAIT_S)
    assert [answer.kind for answer in answers if isinstance(answer, CallFailure)] == ["cancelled"]
    assert provider.cancelled == 1
    assert provider.closed


def test_ctrl_c_gets_through() -> None:
    """KeyboardInterrupt leaves `complete` in the main thread while the call hangs."""
    provider = Scripted(held=True)

    def interrupt() -> None:
        provider.wait_for(1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with running(provider) as engine:
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            engine.complete(request("q"))
        thread.join(WAIT_S)


def test_deadline_of_the_run() -> None:
    """When the run's time is over, calls under way and later ones fail, and the user hears why."""
    events: list[EngineEvent] = []
    with running(Scripted(held=True), quick(deadline_s=0.01), on_event=events.append) as engine:
        answer = engine.complete(request("q"))
    assert isinstance(answer, CallFailure)
    assert answer.kind == "cancelled"
    assert [event.kind for event in events] == ["deadline"]


def test_closed_engine_refuses() -> None:
    """A call after the end fails as 'cancelled', and closing twice is closing once."""
    engine = Engine(Scripted(), {"m": ModelSpec(name="m", wire_name="m")}, None, quick())
    before = threading.active_count()
    engine.close()
    engine.close()
    answer = engine.complete(request("q"))
    assert isinstance(answer, CallFailure)
    assert answer.kind == "cancelled"
    assert threading.active_count() == before - 2


def test_unknown_model_is_a_failure() -> None:
    """A request for a model that nobody declared is answered at once."""
    with running(Scripted()) as engine:
        answer = engine.complete(request("q", model="nobody"))
    assert isinstance(answer, CallFailure)
    assert answer.kind == "not_found"


def test_provider_that_raises_fails_its_call_alone() -> None:
    """An exception of the provider becomes a value that names its type and keeps its text to itself."""

    def script(asked: Request) -> Answer:
        if words(asked) == "bad":
            raise ValueError("sk-secret")
        return echo(asked)

    with running(Scripted(script), quick(max_attempts=1)) as engine:
        bad, good = engine.complete(request("bad")), engine.complete(request("good"))
    assert "ValueError" in str(bad)
    assert "sk-secret" not in str(bad)
    assert texts([good]) == ["good"]


def test_answers_are_on_the_disk_before_anybody_sees_them(tmp_path: Path) -> None:
    """Whatever `complete` returns can be read from the store by another connection at that moment."""
    shelf = Store.open(tmp_path / "answers.db")
    with running(Scripted(), shelf=shelf) as engine:
        engine.plan([request(f"q{i}") for i in range(20)])
        for i in range(20):
            engine.complete(request(f"q{i}"))
            other = Store.open(tmp_path / "answers.db")
            assert other.get(request(f"q{i}").key) is not None
            other.close()
    shelf.close()


def test_an_answer_that_cannot_be_kept_fails_alone(tmp_path: Path) -> None:
    """What cannot be written down, such as tools nested hundreds deep, fails its own call, and nobody waits for ever."""
    nested: list[Any] = []
    for _ in range(700):
        nested = [nested]
    deep = replace(request("deep"), body={**request("deep").body, "tools": nested})
    shelf = Store.open(tmp_path / "answers.db")
    with running(Scripted(), shelf=shelf) as engine:
        engine.plan([deep, request("q")])
        answer, others = engine.complete(deep), engine.complete(request("q"))
        assert isinstance(answer, CallFailure)
        assert "cannot be kept (RecursionError)" in str(answer)
        assert texts([others]) == ["q"]
    shelf.close()


def test_second_run_costs_nothing(tmp_path: Path) -> None:
    """Stored answers come back without a call, also when an item asks twice, and are counted once."""
    shelf = Store.open(tmp_path / "answers.db")
    asked = [request(f"q{i}") for i in range(10)]
    for provider, live in ((Scripted(), 10), (Scripted(), 0)):
        with running(provider, shelf=shelf) as engine:
            engine.plan(asked)
            answers = [engine.complete(each) for each in asked * 2]
            assert texts(answers) == [words(each) for each in asked * 2]
            assert (engine.stats().live, engine.stats().stored) == (live, 10 - live)
        assert len(provider.asked) == live
    shelf.close()


def test_finished_answers_are_not_kept() -> None:
    """Memory holds what nobody has asked for yet, and nothing of what is done."""
    asked = [request(f"q{i}") for i in range(50)]
    with running(Scripted()) as engine:
        engine.plan(asked)
        for each in asked:
            engine.complete(each)
        engine._thread.post(engine._tell)  # it is told of many at once, of the last ones at the end
        settle(engine)
        assert not engine._notes
        assert len(engine._dispatcher.results) == 0
        assert not engine._dispatcher._flights
        assert engine._plan._entries == [None] * 50
        assert not engine._plan._by_key


def test_jobs_ride_in_the_window() -> None:
    """A project's functions, sync or async, run ahead; each result is handed out once, an exception as it was."""

    async def later() -> str:
        await asyncio.sleep(0)
        return "async"

    def fails() -> str:
        raise ZeroDivisionError("by the project")

    with running(Scripted()) as engine:
        engine.plan([PlannedJob(key="a", run=lambda: "sync"), PlannedJob(key="b", run=later)])
        engine.submit("c", fails)
        settle(engine)
        assert engine.result("a") == "sync"
        assert engine.result("b") == "async"
        with pytest.raises(ZeroDivisionError, match="by the project"):
            engine.result("c")
        with pytest.raises(KeyError):
            engine.result("a")


def test_job_may_ask_the_engine() -> None:
    """A coroutine that waits for the engine in a blocking way stops nobody but itself."""
    with running(Scripted()) as engine:

        async def target() -> Answer:
            return engine.complete(request("from within"))

        engine.submit("job", target)
        assert texts([engine.result("job")]) == ["from within"]


def test_a_coroutine_after_the_end_is_closed() -> None:
    """What is handed in once all jobs were cancelled is not begun, and leaves no coroutine that nobody awaits."""

    async def late() -> None:
        pytest.fail("it began")

    jobs, coroutine = Jobs(1), late()
    jobs.cancel()
    with pytest.raises(CancelledError):
        jobs.wait(coroutine)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_cancel_reaches_jobs() -> None:
    """Jobs that wait their turn, and coroutines that run, end with the run."""
    begun = threading.Event()

    async def hangs() -> None:
        begun.set()
        await asyncio.get_running_loop().create_future()

    with running(Scripted(), quick(concurrency=1)) as engine:
        engine.submit("running", hangs)
        engine.submit("waiting", hangs)
        assert begun.wait(WAIT_S)
        running_job, waiting_job = engine.jobs.take("running"), engine.jobs.take("waiting")
        engine.cancel()
        assert running_job is not None
        assert waiting_job is not None
        assert waiting_job.cancelled()
        with pytest.raises(CancelledError):
            running_job.result(WAIT_S)

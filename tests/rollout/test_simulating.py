"""`llmupgrade rollout simulate`: a rollout that never happened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.rollout.simulating.running import START_S
from pytest_llmupgrade.rollout.simulating.traffic import Wanted, conducts, requests
from pytest_llmupgrade.rollout.simulating.world import World
from tests import golden
from tests.rollout.making import rollout
from tests.rollout.sinks import write_rollout

if TYPE_CHECKING:
    from pathlib import Path

SHORT = (
    ("min_duration: 24h, ", ""),
    ("percent: 25, max_ratio: 1.5", "percent: 25, max_ratio: 3"),
    ("percent: 50, max_ratio: 1.25", "percent: 50, max_ratio: 3"),
)
"""Steps that a few thousand requests decide."""
TRAFFIC = [
    "--requests",
    "8000",
    "--units",
    "80000",
    "--traffic",
    "10/s",
    "--rated",
    "0.6",
    "--base",
    "error=0.05",
    "--base",
    "slow=0.2",
    "--base",
    "bad=0.3",
    "--harm",
    "cost_usd=1",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a short rollout, in which the command is typed."""
    monkeypatch.chdir(tmp_path)
    write_rollout(tmp_path, *SHORT)
    return tmp_path


def simulated(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what the command prints."""
    assert main(["rollout", "simulate", *TRAFFIC, *arguments]) == 0
    return capsys.readouterr().out


def plain(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return the JSON that the command prints."""
    told: dict[str, Any] = json.loads(simulated(capsys, "--format", "json", *arguments))
    return told


def test_harm_is_caught(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Harm ends the story: when, after how many requests, and how many units it hit; nothing is written."""
    text = simulated(capsys, "--harm", "error=4")
    golden.check("rollout/simulated_harm.txt", text)
    assert [path.name for path in folder.iterdir()] == ["rollout.yaml"]
    told = plain(capsys, "--harm", "error=4")
    assert (told["schema"], told["state"]) == ("llmupgrade-rollout-simulation/1", "rolled_back")
    assert told["hit"]["error"]["units"] > 2 * told["hit"]["error"]["anyway"] > 0
    assert told["requests"] < 8000


def test_no_harm_goes_to_the_end(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A new arm that does alike passes step after step, each with its evidence, and hits nobody more than the old one."""
    assert folder.exists()
    golden.check("rollout/simulated_way.txt", simulated(capsys))
    told = plain(capsys)
    assert [(step["percent"], step["state"]) for step in told["steps"]] == [
        (5, "ready"),
        (25, "ready"),
        (50, "ready"),
        (100, "complete"),
    ]
    assert told["hit"]["bad"]["units"] == told["hit"]["bad"]["anyway"]


def test_harm_at_all_of_the_traffic_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a max_share is left to hold, the story does not end with `complete`: harm after it still rolls back."""
    limit = ("error: {type: event}", "error: {type: event, max_share: 0.05}")
    write_rollout(folder, *SHORT, ("percent: 5\n", "percent: 100\n"), limit)
    told = plain(capsys, "--base", "error=0.01", "--harm", "error=8")
    assert (told["state"], [step["percent"] for step in told["steps"]]) == ("rolled_back", [100])
    assert told["requests"] > 500
    assert plain(capsys, "--requests", "2000")["state"] == "complete"


def test_the_seed_decides(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same seed tells the same story to the last digit, another one another; also where each request is a unit."""
    few = ("--requests", "1000")
    one, again, other = (simulated(capsys, *few, "--seed", seed) for seed in ("7", "7", "8"))
    assert one == again
    assert one.splitlines()[3:] != other.splitlines()[3:]
    write_rollout(folder, *SHORT, ("unit: conversation", "unit: request"))
    assert plain(capsys, *few) == plain(capsys, *few)


def test_too_little_traffic(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the traffic ends before the evidence is there, the story says how much more it needs."""
    assert folder.exists()
    text = simulated(capsys, "--requests", "1500")
    assert "The traffic ended" in text
    assert "It needs about " in " ".join(text.split())


def test_a_real_price_is_found_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a ratio of its own the cost is that of the arms' prices, so a limit that cannot hold shows before the pilot."""
    assert folder.exists()
    assert main(["rollout", "simulate", "--requests", "3000", "--base", "error=0.1"]) == 0
    assert "cost_usd: more than 3x: $" in capsys.readouterr().out


def test_users_who_always_fail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Units that fail twenty times each count once: no alarm where the arms do alike."""
    assert folder.exists()
    told = plain(capsys, "--sticky", "--units", "400", "--harm", "error=1")
    assert told["state"] != "rolled_back"
    errors = next(check for check in told["steps"][0]["checks"] if check["name"] == "error")
    assert errors["failed"]["new"][1] <= 40


def test_what_cannot_be_simulated_is_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The time to a first token is left out, and said to be."""
    first = "  first: {type: event, source: first_token, threshold_ms: 900}\nfallback"
    write_rollout(folder, *SHORT, ("fallback", first))
    assert "first: left out, answers are simulated whole\n" in simulated(capsys, "--requests", "100")


def test_the_router_is_the_real_one() -> None:
    """What is simulated goes through the router's own fallback and breaker: a dead arm is soon left alone."""
    declared = rollout(("percent: 5\n", "percent: 50\n"))
    wanted = Wanted(
        requests=400,
        units=400,
        per_second=10,
        base={"error": 0.01},
        harm={"error": 99},
        rated=0,
        sticky=False,
        seed=1,
    )
    world = World(declared, conducts(declared, wanted, 1.0), start_s=START_S)
    events = [world.serve(request) for request in requests(wanted)]
    errors = [event.get("error") for event in events if event["arm"] == "new"]
    assert {event["served"] for event in events if event["arm"] == "new" and event.get("error")} == {"old"}
    assert "timeout" in errors[:10]
    assert errors.count("breaker") > 3 * errors.count("timeout")
    assert world.router.health().breaker_open
    world.declared.stopped = "rolled back"
    world.router.poll()
    assert {world.serve(request)["arm"] for request in requests(wanted)} == {"old"}


FAULTS = (
    ["--harm", "eror=3"],
    ["--harm", "error"],
    ["--harm", "error=-1"],
    ["--base", "error=2"],
    ["--base", "cost_usd=0.1"],
    ["--harm", "slower=2"],
    ["--traffic", "fast"],
    ["--traffic", "0/s"],
    ["--requests", "0"],
    ["--units", "-5"],
    ["--rated", "2"],
    ["--every", "soon"],
)


def test_errors_read_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every slip is told in one line that says what to write, with exit code 2."""
    write_rollout(folder, ("fallback", "  slower: {type: event, threshold_ms: 5000}\nfallback"))
    page = []
    for arguments in FAULTS:
        assert main(["rollout", "simulate", *arguments]) == 2, arguments
        page.append(f"{' '.join(arguments)}\n  {capsys.readouterr().err}")
    golden.check("rollout/simulate_errors.txt", "".join(page))

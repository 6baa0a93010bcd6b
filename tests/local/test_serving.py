"""The child process that serves: the same bytes every time, and never an orphan."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.errors import UsageError
from pytest_llmupgrade.providers.local.serve import LocalServer
from tests.local.conftest import BASE, DEGRADED, ask, spec, turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.model import ModelSpec

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and process groups of POSIX")

PROMPTS = ("Name the capital city of Norway.", "Write one sentence about parcels.", "What is 7 + 5?")

STARTS_AND_WAITS = """
import sys
from pytest_llmupgrade.model import ModelSpec
from pytest_llmupgrade.providers.local.serve import LocalServer
server = LocalServer.start([ModelSpec(name=sys.argv[1], wire_name=sys.argv[1])], progress=lambda line: None)
print(server.urls[sys.argv[1]], flush=True)
sys.stdin.read()
"""


def started(*models: ModelSpec) -> LocalServer:
    """Serve the models, or skip where there is no llama.cpp to serve them."""
    pytest.importorskip("xllamacpp", reason="the extra 'local' is not installed")
    return LocalServer.start(models, progress=lambda _line: None)


def said(base_url: str) -> list[str]:
    """Return the answers to all prompts."""
    return [ask(base_url, turns(prompt), max_tokens=24).message["content"] for prompt in PROMPTS]


def children(parent: int) -> list[int]:
    """Return the ids of a process's children."""
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """Run a process that serves and waits; its first line of output is read."""
    pytest.importorskip("xllamacpp", reason="the extra 'local' is not installed")
    if not Path("/proc/self/task").exists():
        pytest.skip("processes are looked up in /proc")
    process = subprocess.Popen(  # noqa: S603  this interpreter, the script above
        [sys.executable, "-c", STARTS_AND_WAITS, BASE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        yield process
        process.kill()


def ended(pid: int) -> bool:
    """Wait for the end of a process that is not ours; False if it lives on for ten seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        import select

        return bool(select.select([handle], [], [], 10)[0])
    finally:
        os.close(handle)


def test_answers_are_the_same_bytes_after_a_restart(local_urls: dict[str, str]) -> None:
    """Another process, started with other models beside it, answers byte for byte alike."""
    server = started(spec(BASE))
    try:
        assert said(server.urls[BASE]) == said(local_urls[BASE])
    finally:
        server.stop()


def test_answers_do_not_depend_on_what_was_asked_before(local_urls: dict[str, str]) -> None:
    """The order of requests leaves no trace in the answers."""
    forward = said(local_urls[BASE])
    backward = [
        ask(local_urls[BASE], turns(prompt), max_tokens=24).message["content"] for prompt in PROMPTS[::-1]
    ]
    assert backward[::-1] == forward


def test_the_same_model_twice_is_loaded_once() -> None:
    """`m` and `m#2` are two names of one server."""
    server = started(spec(BASE), spec(f"{BASE}#2"))
    try:
        assert server.urls[BASE] == server.urls[f"{BASE}#2"]
        assert server.urls[BASE].startswith("http://127.0.0.1:")
        assert server.urls[BASE].endswith("/v1")
    finally:
        server.stop()


def test_stop_ends_the_child_and_may_be_repeated() -> None:
    """After stop nobody listens, and a second stop is no error."""
    server = started(spec(BASE))
    server.stop()
    server.stop()
    with pytest.raises(OSError, match="refused"):
        ask(server.urls[BASE], turns("Hi"))


def test_the_child_dies_with_a_killed_parent(parent: subprocess.Popen[str]) -> None:
    """A parent that is killed with -9 leaves no server behind."""
    [child] = children(parent.pid)
    parent.kill()
    parent.wait()
    assert ended(child)


def test_ctrl_c_reaches_the_parent_only(parent: subprocess.Popen[str]) -> None:
    """The terminal's interrupt ends the parent by itself, and the server after it, without a word of its own."""
    [child] = children(parent.pid)
    assert os.getpgid(child) != os.getpgid(parent.pid)
    os.killpg(parent.pid, signal.SIGINT)
    _, errors = parent.communicate()
    assert ended(child)
    assert errors.count("Traceback") == 1
    assert "providers/local/child" not in errors


def test_the_server_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """What llama.cpp has to say stays out of the terminal."""
    server = started(spec(BASE))
    ask(server.urls[BASE], turns("Hi"), max_tokens=2)
    server.stop()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "content", [b"GGUF", b"GGUF" + bytes(2000), b"GGUF" + b"x" * 2000], ids=["magic", "zeros", "noise"]
)
def test_a_broken_weights_file_is_named(tmp_path: Path, content: bytes) -> None:
    """A file that llama.cpp refuses is an error of one line that names the model."""
    file = tmp_path / "mine.gguf"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"\Alocal/mine: llama\.cpp cannot [a-z ]+: .*(header|version).*\Z"):
        started(spec("local/mine", gguf=str(file)))


def test_a_file_of_ones_own_is_served(tmp_path: Path, local_urls: dict[str, str]) -> None:
    """A GGUF file anywhere on disk answers under the name it was given, with its own chat template."""
    from pytest_llmupgrade.providers.local.fetch import weights_path

    file = tmp_path / "mine.gguf"
    file.symlink_to(weights_path(spec(BASE)))
    server = started(spec("local/mine", gguf=str(file)))
    try:
        reply = ask(server.urls["local/mine"], turns("Name the capital city of France."))
        assert reply.body["model"] == "local/mine"
        assert "Paris" in reply.message["content"]
    finally:
        server.stop()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are looked up in /proc")
def test_a_refused_model_leaves_no_child(tmp_path: Path) -> None:
    """Where one of two models cannot be loaded, the start fails and nothing is left running."""
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF")
    before = children(os.getpid())
    with pytest.raises(UsageError, match="local/mine"):
        started(spec(BASE), spec("local/mine", gguf=str(file)))
    assert children(os.getpid()) == before


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without xllamacpp the message says what to install."""
    (tmp_path / "xllamacpp.py").write_text("raise ModuleNotFoundError(\"No module named 'xllamacpp'\")")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF")
    with pytest.raises(
        UsageError, match=r"local/mine needs the extra: pip install 'pytest-llmupgrade\[local\]'"
    ):
        LocalServer.start([spec("local/mine", gguf=str(file))], progress=lambda _line: None)


def test_a_child_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Loading has a deadline, and the message says so."""
    (tmp_path / "xllamacpp.py").write_text("import threading; threading.Event().wait()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF")
    with pytest.raises(UsageError, match=r"local/mine: not loaded within 0\.5 s"):
        LocalServer.start([spec("local/mine", gguf=str(file))], progress=lambda _line: None, timeout_s=0.5)


def test_an_unknown_name_is_corrected() -> None:
    """A slip of the pen gets the name that was meant."""
    with pytest.raises(UsageError, match=f"Did you mean '{BASE}'"):
        LocalServer.start([spec("local/smolm2-135m")], progress=lambda _line: None)


def test_both_models_share_one_process(local_urls: dict[str, str]) -> None:
    """Two models are two addresses."""
    assert local_urls[BASE] != local_urls[DEGRADED]

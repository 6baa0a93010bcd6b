"""Runs every command of README.md for real, in a copy of this folder, and prints the README with this run's output.

```text
python example_suite/rollout/story.py            # some minutes; uvicorn and the extra `local` are needed
python example_suite/rollout/story.py --write    # writes README.md, too
```
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
README = HERE / "README.md"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_TIMEOUT_S = 1800


def retold(page: str, run: Callable[[str], str]) -> str:
    """Return a page with the output that its commands have now; a command is a line that begins with `$ `."""

    def block(found: re.Match[str]) -> str:
        commands = [line[2:] for line in found[1].splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"$ {command}\n{run(command)}" for command in commands) + "```"

    return _BLOCK.sub(block, page)


class Shell:
    """Runs commands in a copy of this folder; what ends with `&` goes on until the story is over."""

    def __init__(self, folder: Path) -> None:
        for name in ("service.py", "drive.py", "rollout.yaml"):
            shutil.copy(HERE / name, folder)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._where = {"cwd": folder, "env": {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "110"}}
        self._background: list[subprocess.Popen[bytes]] = []

    def run(self, command: str) -> str:
        """Return what a command prints, once it has ended; nothing of one in the background."""
        print(f"$ {command}", file=sys.stderr)
        if command.endswith("&"):
            line = ["bash", "-c", f"exec {command.removesuffix('&')}"]
            self._background.append(subprocess.Popen(line, start_new_session=True, **self._where))  # type: ignore[call-overload]  # one dict for both
            return ""
        done = subprocess.run(  # type: ignore[call-overload]  # as above
            ["bash", "-c", command],
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
            **self._where,
        )
        print(done.stdout + done.stderr, file=sys.stderr)
        return str(done.stdout + done.stderr)

    def close(self) -> None:
        """End what runs in the background."""
        for each in reversed(self._background):
            each.send_signal(signal.SIGINT)
            each.wait(timeout=30)


def main() -> None:
    """Tell the story anew."""
    with tempfile.TemporaryDirectory() as text:
        shell = Shell(Path(text))
        try:
            page = retold(README.read_text("utf-8"), shell.run)
        finally:
            shell.close()
    print(page)
    if "--write" in sys.argv:
        README.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Small and read-only disks, where the machine lets a test mount one."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def ran(*command: str) -> bool:
    """Run a command of the system; return whether it worked."""
    return not subprocess.run(command, capture_output=True, check=False).returncode  # noqa: S603  fixed words


@contextmanager
def mounted(options: str) -> Iterator[Path]:
    """Mount a small tmpfs, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() != 0 or not ran("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder):
            pytest.skip("no permission to mount a file system")
        try:
            yield Path(folder)
        finally:
            assert ran("umount", "-l", folder)

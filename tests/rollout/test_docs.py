from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.cli import main
from pytest_llmupgrade.rollout.loading import parse_rollout
from pytest_llmupgrade.rollout.wire import rollout_schema
from tests.rollout.making import FILE, changed, rollout

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "rollout.md"


def test_the_pages_file_is_read() -> None:
    """The rollout.yaml of the user's page means what the tests' one means."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    shown = parse_rollout(text.encode(), file="rollout.yaml")
    assert (shown.arms, shown.sink, shown.breaker) == (rollout().arms, rollout().sink, rollout().breaker)
    assert [metric.name for metric in shown.metrics] == [metric.name for metric in rollout().metrics]


def test_the_page_names_every_key() -> None:
    """No top-level key of the file is without its words on the page."""
    page = PAGE.read_text("utf-8")
    assert [key for key in rollout_schema()["properties"] if key not in page] == []


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`llmupgrade schema rollout` prints the schema by which the file is read."""
    assert main(["schema", "rollout"]) == 0
    assert json.loads(capsys.readouterr().out) == rollout_schema()


def test_the_file_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`llmupgrade check rollout.yaml` tells its faults with exit code 2, before anything runs by it."""
    path = tmp_path / "rollout.yaml"
    path.write_text(FILE)
    assert main(["check", str(path)]) == 0
    path.write_text(changed(("percent: 5\n", "percent: 7\n")))
    assert main(["check", str(path)]) == 2
    assert "rollout.yaml:5: percent 7 is no step" in capsys.readouterr().err
    other = path.rename(tmp_path / "pilot.rollout.yaml")
    assert main(["check", str(other)]) == 2
    assert "pilot.rollout.yaml:5: percent 7 is no step" in capsys.readouterr().err


def test_the_product_imports_no_pytest() -> None:
    """`from pytest_llmupgrade import ModelRouter` imports neither pytest nor a client."""
    code = (
        "import sys; from pytest_llmupgrade import ModelRouter; "
        "print(sorted({'pytest', '_pytest', 'openai', 'opentelemetry'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  our own code
    assert done.stdout.strip() == "[]"

from __future__ import annotations

import subprocess
import sys

import pytest_llmupgrade


def test_public_names() -> None:
    """The public surface is this list: a change of it is a change for users."""
    assert sorted(pytest_llmupgrade.__all__) == [
        "CallError",
        "CallFailure",
        "Case",
        "Completion",
        "JudgeError",
        "LlmUpgradeError",
        "ModelRouter",
        "Request",
        "ToolCall",
        "Usage",
        "Verdict",
        "__version__",
    ]
    assert all(hasattr(pytest_llmupgrade, name) for name in pytest_llmupgrade.__all__)


def test_importing_it_imports_nothing_heavy() -> None:
    """`import pytest_llmupgrade` imports neither pytest nor a client."""
    code = (
        "import sys, pytest_llmupgrade; "
        "print(sorted({'pytest', 'openai', 'pydantic', 'yaml', 'jsonschema'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"

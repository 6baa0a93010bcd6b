"""Model names are found in a code base, with file and line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.deadlines import shipped
from pytest_llmupgrade.deadlines.scan import files_in, scan

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = '''\
"""Talks to gpt-4o."""
o1 = 1  # gpt-4 was here
MODEL = "gpt-3.5-turbo"
SMALL = 'o1'
call(f"openai/gpt-4.1-mini", text="""
uses claude-3-opus-20240229, or command-r
""")
name = "my-gpt-4o"
next_model = "gpt-6-luna"
'''


def found(path: Path) -> list[tuple[int, str]]:
    """Return what is found in a file."""
    return [(hit.line, hit.name) for hit in scan(path, path.name, shipped())]


def test_python(tmp_path: Path) -> None:
    """In Python only string literals count; short names only where they are the whole string; unlisted models too."""
    path = tmp_path / "app.py"
    path.write_text(PYTHON)
    assert found(path) == [
        (1, "gpt-4o"),
        (3, "gpt-3.5-turbo"),
        (4, "o1"),
        (5, "openai/gpt-4.1-mini"),
        (6, "claude-3-opus-20240229"),
        (9, "gpt-6-luna"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "hits"),
    [
        ("a.yaml", "model: gpt-4o  # not gpt-4-0613\nother:\n  - o3\n", [(1, "gpt-4o"), (3, "o3")]),
        ("a.yml", "models: {gpt-3.5-turbo: {xfail: never}}\n", [(1, "gpt-3.5-turbo")]),
        (
            "a.toml",
            'addopts = "--llm-models=gpt-4o,gpt-5-mini"\n',
            [(1, "gpt-4o"), (1, "gpt-5-mini")],
        ),
        ("a.json", '{\n"o1": 1,\n"model": "command-r"}\n', [(2, "o1"), (3, "command-r")]),
        ("a.ts", "const o1 = f(`gpt-4-turbo`, 'o1')\n", [(1, "gpt-4-turbo"), (1, "o1")]),
        (".env", "export OPENAI_MODEL=o4-mini\nKEY=sk-o1\n", [(1, "o4-mini")]),
        (
            ".env.production",
            'MODEL="ft:gpt-4o-mini-2024-07-18:acme::x"',
            [(1, "ft:gpt-4o-mini-2024-07-18:acme::x")],
        ),
        (
            "book.ipynb",
            '{"source": ["ask(model=\\"gpt-4o-mini\\")", "ask(\\"o1\\")"]}',
            [(1, "gpt-4o-mini"), (1, "o1")],
        ),
        ("broken.py", 'x = (\n"gpt-4o"\n', [(2, "gpt-4o")]),
    ],
)
def test_formats(tmp_path: Path, name: str, text: str, hits: list[tuple[int, str]]) -> None:
    """Each format is read for what it is, and broken code still tells its strings."""
    path = tmp_path / name
    path.write_text(text)
    assert found(path) == hits


def test_what_is_left_out(tmp_path: Path) -> None:
    """Caches, installed packages, links, circles of them, pipes and prose are not read."""
    for name in ("node_modules/a.js", ".venv/a.py", "README.md", "src/a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('"gpt-4o"')
    (tmp_path / "link.py").symlink_to(tmp_path / "src" / "a.py")
    (tmp_path / "src" / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.py")
    assert [path.relative_to(tmp_path).as_posix() for path in files_in(tmp_path)] == ["src/a.py"]


@given(st.binary(max_size=300), st.sampled_from([".py", ".json", ".yaml"]))
def test_any_bytes_are_a_file(tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str) -> None:
    """No content makes the scan fail."""
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(data)
    assert all(hit.line >= 1 for hit in scan(path, path.name, shipped()))

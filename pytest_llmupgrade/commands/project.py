"""What a project's pyproject.toml says of its models: who is incumbent, candidate, judge."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import Fault, FaultyFiles
from pytest_llmupgrade.settings import load_settings, models_text, parse_models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_llmupgrade.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The models that a project declares."""

    settings: Settings
    roles: tuple[tuple[str, str], ...]
    """(role, model): incumbent, candidate, judge, or declared."""


def read_project(root: Path) -> Project:
    """Read `[tool.pytest.ini_options]` and `[tool.llmupgrade]`; FaultyFiles or UsageError where they are wrong."""
    path = root / "pyproject.toml"
    settings = load_settings(path)
    roles = [*_of_pytest(_pytest_table(path))]
    if settings.judge.model:
        roles.append(("judge", settings.judge.model))
    named = {name for _role, name in roles}
    roles += [("declared", name) for name in settings.models if name not in named]
    return Project(settings=settings, roles=tuple(dict.fromkeys(roles)))


def _pytest_table(path: Path) -> dict[str, Any]:
    try:
        tool = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise FaultyFiles([Fault("pyproject.toml", 0, f"cannot be read: {error.strerror}")]) from None
    table = tool.get("pytest", {}).get("ini_options", {}) if isinstance(tool.get("pytest"), dict) else {}
    return table if isinstance(table, dict) else {}


def _of_pytest(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    addopts = table.get("addopts", "")
    words = addopts if isinstance(addopts, str) else " ".join(map(str, addopts))
    models = _flag(words, "--llm-models") or models_text(table.get("llm_models", ""))
    names = parse_models(models) if models else ()
    first = _flag(words, "--llm-incumbent") or next(iter(names), None)
    for name in names:
        yield "incumbent" if name == first else "candidate", name
    judge = _flag(words, "--llm-judge-model")
    if judge:
        yield "judge", judge


def _flag(words: str, flag: str) -> str | None:
    found = re.search(rf"(?:^|\s){flag}[= ]\s*['\"]?([^\s'\"]+)", words)
    return found[1] if found else None

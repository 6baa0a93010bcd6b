"""What the user declared: `[tool.llmupgrade]` in pyproject.toml, parsed once into frozen values."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, replace
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.errors import Fault, FaultyFiles, UsageError
from pytest_llmupgrade.model import ModelSpec, Price
from pytest_llmupgrade.model_tables import line_of, model_faults, table_faults
from pytest_llmupgrade.verdict.table import GateTable, gate_faults, gate_table
from pytest_llmupgrade.wording import slip_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_llmupgrade.model_tables import TableFault

LOCAL_PREFIX = "local/"
_TABLE = "llmupgrade"
_OTHER_SPELLINGS = ("pytest-llmupgrade", "pytest_llmupgrade")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeTable:
    """`[tool.llmupgrade.judge]`: the model behind `llm_judge`, and how it is asked."""

    model: str | None = None
    prompt: str | None = None
    """A prompt text that replaces the built-in one."""
    votes: int = 1
    """Odd; more votes are asked only where the first ones disagree."""
    structured: bool = True
    """False: the server knows no JSON Schema; the judge ends with PASS or FAIL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The table `[tool.llmupgrade]`."""

    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By model name: keyword arguments of ModelSpec."""
    judge: JudgeTable = field(default_factory=JudgeTable)
    gate: GateTable = field(default_factory=GateTable)
    monthly_requests: int | None = None
    """Production's traffic, for the cost per month."""

    def misspelt(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield (name, declared model) for names without a table that are slips of one that has a table."""
        for name in dict.fromkeys(name.partition("#")[0] for name in names):
            if name not in self.models and (meant := slip_of(name, self.models)) is not None:
                yield name, meant

    def spec(self, name: str) -> ModelSpec:
        """Return what is declared for a model, or for its base name where `name` ends in `#2`."""
        base = name.partition("#")[0]
        declared = dict(self.models.get(name) or self.models.get(base) or {})
        return ModelSpec(name=name, wire_name=declared.pop("wire_name", base), **declared)


def load_settings(pyproject: Path, *, shown: str = "pyproject.toml") -> Settings:
    """Read the table; a missing file or table gives the defaults; FaultyFiles names every fault."""
    try:
        text = pyproject.read_text(encoding="utf-8")
        tool = tomllib.loads(text).get("tool", {})
    except FileNotFoundError:
        return Settings()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FaultyFiles([Fault(shown, 0, f"not valid TOML: {error}")]) from None
    for name in tool:
        if name in _OTHER_SPELLINGS or (
            name != _TABLE and get_close_matches(name.lower(), [_TABLE], cutoff=0.9)
        ):
            line = line_of(text, (name,))
            raise FaultyFiles([Fault(shown, line, f"[tool.{name}] is not read; write [tool.{_TABLE}]")])
    return _parse(tool[_TABLE], text, shown) if _TABLE in tool else Settings()


def models_text(declared: object) -> str:
    """Return what the ini value `llm_models` says as `--llm-models` would: a text, or a TOML list; UsageError else."""
    if isinstance(declared, str):
        return declared
    if isinstance(declared, list) and all(isinstance(name, str) for name in declared):
        return ",".join(declared)
    raise UsageError(f"llm_models = {declared!r}: write llm_models = 'MODEL,MODEL', or a list of names")


def parse_models(text: str) -> tuple[str, ...]:
    """Split `--llm-models`; UsageError where a name is empty or stands twice."""
    names = tuple(part.strip() for part in text.split(","))
    if ";" in text:
        raise UsageError(f"--llm-models={text}: write a comma between two models, not ';'")
    if not all(names):
        raise UsageError(f"--llm-models={text}: a name is empty; write --llm-models=MODEL[,MODEL...]")
    for index, name in enumerate(names):
        if name in names[:index]:
            raise UsageError(
                f"--llm-models={text}: {name!r} stands twice; to measure how often a model disagrees with "
                f"itself, write {name},{name}#2"
            )
        if re.search(r"[\[\]\s]|::", name):
            raise UsageError(
                f"--llm-models={' '.join(text.split())}: {name!r} has a space, a bracket or '::' in it"
            )
    return names


# --- parsing ---------------------------------------------------------------------------------------


def _parse(table: object, text: str, shown: str) -> Settings:
    faults = list(_faults(table))
    if faults:
        raise FaultyFiles(
            Fault(shown, line_of(text, ("llmupgrade", *path)), message) for path, message in faults
        )
    assert isinstance(table, dict)  # noqa: S101  _faults refuses anything else
    return Settings(
        models={name: _spec_fields(fields) for name, fields in table.get("models", {}).items()},
        judge=JudgeTable(**table.get("judge", {})),
        gate=gate_table(table.get("gate", {})),
        monthly_requests=table.get("monthly_requests"),
    )


_JUDGE_KEYS: Mapping[str, tuple[type, ...]] = {
    "model": (str,),
    "prompt": (str,),
    "votes": (int,),
    "structured": (bool,),
}
_TOP_KEYS: Mapping[str, tuple[type, ...]] = {
    "models": (dict,),
    "judge": (dict,),
    "gate": (dict,),
    "monthly_requests": (int,),
}


def _faults(table: object) -> Iterator[TableFault]:
    """Yield (path, what is wrong) for everything in the table that is."""
    if not isinstance(table, dict):
        yield (), "[tool.llmupgrade] must be a table"
        return
    yield from table_faults("tool.llmupgrade", table, _TOP_KEYS)
    traffic = table.get("monthly_requests", 1)
    if isinstance(traffic, int) and traffic < 1:
        yield (
            ("monthly_requests",),
            f"[tool.llmupgrade]: monthly_requests must be 1 or more, not {traffic!r}",
        )
    judge = table.get("judge", {})
    yield from table_faults("tool.llmupgrade.judge", judge, _JUDGE_KEYS, "judge")
    votes = judge.get("votes", 1) if isinstance(judge, dict) else 1
    if isinstance(votes, int) and (votes < 1 or votes % 2 == 0):
        yield ("judge", "votes"), "[tool.llmupgrade.judge]: votes must be odd, so that they cannot tie"
    if isinstance(table.get("gate", {}), dict):
        for key, message in gate_faults(table.get("gate", {})):
            yield ("gate", key), message
    models = table.get("models", {})
    for name, fields in models.items() if isinstance(models, dict) else ():
        for path, message in model_faults(f'tool.llmupgrade.models."{name}"', fields):
            yield ("models", name, *path), message


def _spec_fields(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    price = fields.get("price")
    if price is None:
        return fields
    exact = {key: Decimal(str(value)) for key, value in price.items()}
    return {**fields, "price": Price(**exact)}


def with_base_urls(specs: Sequence[ModelSpec], urls: Mapping[str, str]) -> tuple[ModelSpec, ...]:
    """Return the specs with the addresses that servers started for this run listen on."""
    return tuple(replace(spec, base_url=urls.get(spec.name, spec.base_url)) for spec in specs)

"""The report as one HTML file: no network, no dependency, a policy that lets nothing run but its own script.

All that a model, a file or a user wrote goes into the page as JSON in a script element that is never executed, and from
there by `textContent`. So nothing is put into HTML at all, and a template engine would have nothing to escape.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.run.report.json_report import case_of, head_of
from pytest_llmupgrade.run.report.prompt_lines import effect_lines, grid
from pytest_llmupgrade.run.report.verdict_lines import verdict_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_llmupgrade.model import Record
    from pytest_llmupgrade.run.prompt_effects import PromptEffects
    from pytest_llmupgrade.run.summary import Summary

_LEFT_OUT = (
    "nodeid",
    "case_sha256",
    "asked_sha256",
    "must_pass",
    "repeats",
    "usage",
    "origin",
    "adapted",
    "weight",
)
"""Of a record: what the page does not show."""
_ERRORS = 20
"""Messages shown above the grid, the most frequent."""
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPES = str.maketrans(_UNSAFE)


def html_lines(
    summary: Summary, records: Iterable[Record], *, versions: Mapping[str, str | None]
) -> Iterator[str]:
    """Yield the page's text, one piece per case, so that any number of cases passes through."""
    style, script = _asset("report.css"), _asset("report.js")
    page = _asset("report.html").replace("@CSP@", _policy(style, script))
    before, _, after = page.replace("@STYLE@", style).partition("@DATA@")
    yield before
    yield _json(head_of(summary, versions) | _beside(summary)).removesuffix("}")
    yield ',"cases":['
    separator = ""
    for record in records:
        yield separator + _json(_case(record))
        separator = ",\n"
    yield "]}"
    yield after.replace("@SCRIPT@", script)


def _beside(summary: Summary) -> dict[str, Any]:
    """Return what the page shows and the JSON report leaves to its cases."""
    return {
        "verdict_lines": _verdicts(summary),
        "prompt_grids": [_prompt(one) for one in summary.prompts if len(one.cells) > 1],
        "errors": dict(list(summary.errors.items())[:_ERRORS]),
    }


def _prompt(effects: PromptEffects) -> dict[str, Any]:
    return {"name": effects.name, "grid": list(grid(effects)), "lines": list(effect_lines(effects))}


def _asset(name: str) -> str:
    return resources.files("pytest_llmupgrade").joinpath("data", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return a policy under which only these two run; `style` attributes set by the script are no inline styles."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _json(value: object) -> str:
    """Return JSON that ends no script element and opens no comment in one."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


def _case(record: Record) -> dict[str, Any]:
    told = case_of(record).items()
    return {key: value for key, value in told if key not in _LEFT_OUT and value is not None}


def _verdicts(summary: Summary) -> list[dict[str, Any]]:
    """Return each verdict or breach with the lines that say why."""
    boxes: list[dict[str, Any]] = []
    for text, kind in verdict_lines(summary):
        if kind not in ("", "next") or not boxes:
            boxes.append({"text": text.strip(), "kind": kind, "details": []})
        else:
            boxes[-1]["details"].append(text.strip())
    return boxes

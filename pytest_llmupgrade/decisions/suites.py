"""Which cases a decision rests on: one hash per eval file, so that a change is told by the file's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmupgrade.decisions.wire import Suite
from pytest_llmupgrade.fingerprints import asked_fingerprint, case_fingerprint, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_llmupgrade.model import Case, Request


def suites_of(cases: Mapping[str, str]) -> tuple[Suite, ...]:
    """Return the eval files of cases, given by `FILE::ID` with a hash of each."""
    files: dict[str, dict[str, str]] = {}
    for case_id, sha256 in cases.items():
        file, _, name = case_id.rpartition("::")
        files.setdefault(file, {})[name] = sha256
    return tuple(
        Suite(file=file, cases=len(found), sha256=fingerprint(found)) for file, found in sorted(files.items())
    )


def suite_of(file: str, cases: Iterable[Case]) -> Suite:
    """Return an eval file as it stands now."""
    found = {case.id: case_fingerprint(case) for case in cases}
    return Suite(file=file, cases=len(found), sha256=fingerprint(found))


def asked_suite(file: str, requests: Mapping[str, Request]) -> Suite:
    """Return an eval file as a model would be sent it now, by the cases' ids."""
    found = {name: asked_fingerprint(request) for name, request in requests.items()}
    return Suite(file=file, cases=len(found), sha256=fingerprint(found))

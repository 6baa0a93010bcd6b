"""The flag of batches, and what it does not go with."""

from __future__ import annotations

import pytest


def add_batch_option(group: pytest.OptionGroup) -> None:
    """Declare the flag."""
    group.addoption(
        "--llm-batch",
        dest="llm_batch",
        action="store_true",
        help="make the calls by the provider's Batch API, at its price: the run waits, or fetches what an earlier "
        "run handed in",
    )


def read_batch(config: pytest.Config) -> bool:
    """Return whether batches are wanted; pytest.UsageError beside flags that they cannot keep to."""
    if not config.getoption("llm_batch"):
        return False
    if config.getoption("dist", "no") != "no":
        raise pytest.UsageError("--llm-batch waits for one answer to all calls; leave out -n")
    if config.getoption("llm_budget") is not None:
        raise pytest.UsageError(
            "--llm-batch cannot be stopped by --llm-budget once it is handed in; leave out one of the two "
            "(--llm-estimate tells the tokens beforehand)"
        )
    return True

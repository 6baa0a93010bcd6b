"""Prices in a worker of xdist, looked up by its controller."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from pytest_llmupgrade.engine.broker import Broker
from pytest_llmupgrade.engine.remote import RemoteEngine
from pytest_llmupgrade.model import ModelSpec, Usage
from pytest_llmupgrade.plugin.remote_prices import RemotePrices, told
from pytest_llmupgrade.prices import cost_usd, tariff_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.plugin.conftest import Project

USAGES = (
    Usage(input_tokens=0, output_tokens=0),
    Usage(input_tokens=1_000, cached_input_tokens=400, output_tokens=70, reasoning_tokens=30),
    Usage(input_tokens=300_000, cached_input_tokens=1, output_tokens=5),
)


@pytest.fixture
def remote() -> Iterator[RemoteEngine]:
    """Return a worker's line to a controller that knows prices and calls nothing."""
    broker = Broker(lambda: pytest.fail("nothing is asked"), lambda _plain: lambda _completion: (), told)
    found = RemoteEngine.reach(broker.port, broker.token)
    assert found is not None
    yield found
    found.close()
    broker.close()


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("gpt-4o", None),
        ("gpt-5.4", None),  # by tiers
        ("gpt-6-rosalind", None),  # no batch price
        ("no-such-model", None),
        ("gpt-4o", "http://127.0.0.1:8000/v1"),
        ("sonar", "https://api.perplexity.ai"),  # priced by the request, too
    ],
)
def test_a_worker_prices_as_its_controller(
    remote: RemoteEngine,
    name: str,
    address: str | None,
    batch: bool,  # noqa: FBT001  a table's column
) -> None:
    """What a call costs does not depend on who looked the price up: tiers, batches, unknown models included."""
    spec = ModelSpec(name=name, wire_name=name, base_url=address)
    tariffs = RemotePrices(remote).tariff_of
    for usage in USAGES:
        assert cost_usd(spec, usage, batch=batch, tariffs=tariffs) == cost_usd(spec, usage, batch=batch)


def test_a_lost_controller_leaves_the_catalogue(remote: RemoteEngine) -> None:
    """Where the controller is gone, a worker looks by itself."""
    remote.close()
    key = ("gpt-4o", None, False, int(time.time() // 60))
    assert RemotePrices(remote).tariff_of(*key) == tariff_of(*key)


def test_workers_load_no_catalogue_and_no_client(project: Project) -> None:
    """A worker imports neither the price catalogue nor the client: its controller has both."""
    project.write(
        "conftest.py",
        "import os, sys\n"
        "def pytest_sessionfinish(session):\n"
        "    name = os.environ.get('PYTEST_XDIST_WORKER', 'controller')\n"
        "    heavy = [one for one in ('genai_prices', 'openai', 'aiohttp', 'sqlite3') if one in sys.modules]\n"
        "    open(f'imported-{name}', 'w').write(' '.join(heavy))\n",
    )
    project.run("-n2")
    imported = {path.name: path.read_text() for path in project.pytester.path.glob("imported-*")}
    assert imported == {
        "imported-controller": "genai_prices openai aiohttp sqlite3",
        "imported-gw0": "",
        "imported-gw1": "",
    }


def test_nothing_is_warmed_up_where_the_store_has_it_all(project: Project) -> None:
    """A run that finds every answer stored does not import the client, with workers either."""
    project.run("-n2")
    project.write(
        "conftest.py",
        "import sys\ndef pytest_unconfigure(config):\n    print('client imported:', 'openai' in sys.modules)\n",
    )
    assert "client imported: False" in project.run("-n2", "-s").stdout.str()

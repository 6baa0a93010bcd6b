"""Prices in a worker of xdist: the controller looks them up, for the catalogue takes longer to load than many items do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_llmupgrade.prices import Tariff, tariff_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.engine.remote import RemoteEngine


def told(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a worker hears of a model's prices: none, three of them, or to look itself."""
    tariff = tariff_of(**model)
    if tariff is None:
        return {}
    return {"rates": tariff.to_plain()}


class RemotePrices:
    """What the controller told of each model; asked anew when a minute has passed."""

    def __init__(self, remote: RemoteEngine) -> None:
        self._remote = remote
        self._known: dict[tuple[str, str | None, bool, int], Tariff | None] = {}

    def tariff_of(self, wire_name: str, address: str | None, batch: bool, minute: int) -> Tariff | None:  # noqa: FBT001  prices.Tariffs
        """Return a model's prices as `prices.tariff_of` does."""
        key = (wire_name, address, batch, minute)
        if key not in self._known:
            self._known[key] = self._ask(*key)
        return self._known[key]

    def _ask(self, wire_name: str, address: str | None, batch: bool, minute: int) -> Tariff | None:  # noqa: FBT001  prices.Tariffs
        model = {"wire_name": wire_name, "address": address, "batch": batch, "minute": minute}
        heard = self._remote.price(model)
        if heard == {}:
            return None
        rates = heard and heard["rates"]
        return Tariff.from_plain(rates) if rates else tariff_of(**model)

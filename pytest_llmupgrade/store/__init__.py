"""The response store: what was paid for is kept before anything else sees it.

An SQLite database in WAL mode with `synchronous=FULL`: what `put_many` wrote survives a killed process, and the loss
of power as far as the disk keeps its word on flushing. Several processes may use it at once.
"""

from pytest_llmupgrade.store.store import Adapted, Store, Stored, StoreStats

__all__ = ["Adapted", "Store", "StoreStats", "Stored"]

"""syrupy's side of a snapshot: where it stands, how it is written, and which snapshots nobody needs any more.

Imported only where syrupy is installed and snapshots are written or replayed. The stock extension would name by Python
identifiers, so that `refund-a` and `refund-b` are one, and would delete the snapshots of models that are not in the run.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syrupy.data import Snapshot, SnapshotCollection, SnapshotCollections
from syrupy.extensions.base import AbstractSyrupyExtension
from syrupy.utils import exclusive_file_lock, snapshot_file_lock_enabled

from pytest_llmupgrade.errors import FaultyFiles
from pytest_llmupgrade.run.load.yaml_values import read_yaml
from pytest_llmupgrade.snapshots.files import FOLDER, SUFFIX, snapshot_path, split_text, write_texts

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from syrupy.location import PyTestLocation
    from syrupy.types import SnapshotIndex


class LlmSnapshotExtension(AbstractSyrupyExtension):
    """One file per suite and model, one snapshot per case."""

    snapshot_dirname = FOLDER
    file_extension = SUFFIX.removeprefix(".")

    def serialize(self, data: Any, **_options: Any) -> str:
        """Return a case's text as it stands."""
        return str(data)

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: SnapshotIndex = 0) -> str:  # noqa: ARG003  one snapshot per item
        """Return the case's id."""
        return test_location.snapshot_name.partition("[")[0]

    @classmethod
    def get_location(cls, *, test_location: PyTestLocation, index: SnapshotIndex = 0) -> str:  # noqa: ARG003  as above
        """Return the file: that of the suite and of the item's parameters."""
        return str(location_of(Path(test_location.filepath), test_location.testname))

    @classmethod
    def matches_test_location(cls, *, test_location: PyTestLocation, snapshot_location: str) -> bool:
        """Whether the item's snapshot stands in that file."""
        return cls.get_location(test_location=test_location) == snapshot_location

    @classmethod
    def discovery_dirname(cls, *, test_location: PyTestLocation) -> str:
        """Return the item's own file: syrupy looks for unused snapshots once in each, and in no other model's."""
        return cls.get_location(test_location=test_location)

    def discover_snapshots(
        self, *, test_location: PyTestLocation, ignore_extensions: list[str] | None = None
    ) -> SnapshotCollections:
        """Return only what may be deleted: cases that the suite has no more. What is deselected is never unused."""
        del ignore_extensions
        location = self.get_location(test_location=test_location)
        gone = _read(location).keys() - _cases_of(Path(test_location.filepath), _read(location).keys())
        found = SnapshotCollections()
        if gone:
            collection = SnapshotCollection(location=location)
            for name in gone:
                collection.add(Snapshot(name=name, data=""))
            found.add(collection)
        return found

    def read_snapshot_collection(self, *, snapshot_location: str) -> SnapshotCollection:
        """Return a file's snapshots."""
        collection = SnapshotCollection(location=snapshot_location)
        for name, text in _read(snapshot_location).items():
            collection.add(Snapshot(name=name, data=text))
        return collection

    def read_snapshot_data_from_location(
        self, *, snapshot_location: str, snapshot_name: str, session_id: str
    ) -> str | None:
        """Return a case's text, None where there is none."""
        return _read_once(snapshot_location, session_id).get(snapshot_name)

    @classmethod
    def write_snapshot_collection(
        cls, *, snapshot_collection: SnapshotCollection, name_order: dict[str, int] | None = None
    ) -> None:
        """Write cases into their file; every other case keeps its text, byte for byte."""
        del name_order
        location = snapshot_collection.location
        with _locked(location):
            written = {snapshot.name: str(snapshot.data) for snapshot in snapshot_collection}
            write_texts(Path(location), {**_read(location), **written})

    def delete_snapshots(self, *, snapshot_location: str, snapshot_names: set[str]) -> None:
        """Remove cases from their file, and the file with its last case."""
        with _locked(snapshot_location):
            texts = {
                name: text for name, text in _read(snapshot_location).items() if name not in snapshot_names
            }
            if texts:
                write_texts(Path(snapshot_location), texts)
            else:
                Path(snapshot_location).unlink(missing_ok=True)


def location_of(suite: Path, item_name: str) -> Path:
    """Return the snapshot file of an item: the controller of xdist knows names only, no parameters."""
    return snapshot_path(suite, item_name.partition("[")[2].removesuffix("]"))


def recorded(place: PyTestLocation, session_id: str) -> str:
    """Return an item's snapshot as it stands in its file, '' where it has none."""
    location = LlmSnapshotExtension.get_location(test_location=place)
    return _read_once(location, session_id).get(
        LlmSnapshotExtension.get_snapshot_name(test_location=place), ""
    )


def _cases_of(suite: Path, names: Any) -> set[str]:
    """Return the ids of a suite's cases; of a suite that cannot be read, and of Python tests, all the names."""
    if suite.suffix == ".py":
        return set(names)
    try:
        root, _ = read_yaml(suite.read_bytes(), str(suite))
    except (OSError, FaultyFiles):
        return set(names)
    cases = root.get("cases") if isinstance(root, dict) else None
    if not isinstance(cases, list):
        return set(names)
    return {str(case.get("id")) for case in cases if isinstance(case, dict)}


def _locked(location: str) -> AbstractContextManager[object]:
    return exclusive_file_lock(location) if snapshot_file_lock_enabled() else nullcontext()


def _read(location: str) -> dict[str, str]:
    try:
        return split_text(Path(location).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return {}


@lru_cache(maxsize=256)
def _read_once(location: str, session_id: str) -> dict[str, str]:  # noqa: ARG001  it tells sessions apart
    return _read(location)

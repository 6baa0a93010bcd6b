"""How long the HTML report of a large run takes to open, and how big it is.

Run: python benchmarks/page.py [CASES]; needs playwright and a Chromium on PATH.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.report.making import many, page


def main(cases: int = 10_000) -> None:
    """Open the page three times, and print the slowest: from the navigation to the first rows drawn."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = page(Path(folder) / "page.html", many(cases))
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=["--no-sandbox"]
        )
        taken = []
        for _ in range(3):
            tab = browser.new_page()
            start = time.perf_counter()
            tab.goto(path.as_uri())
            tab.wait_for_selector("#rows .row")
            taken.append(time.perf_counter() - start)
            tab.close()
        browser.close()
        print(f"{cases:,} cases x 2 models: {path.stat().st_size / 1e6:.1f} MB, opens in {max(taken):.2f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""The argument parser behind `llmupgrade` and each of its commands."""

from __future__ import annotations

import argparse
from typing import Any

from pytest_llmupgrade.wording import nearest


class Parser(argparse.ArgumentParser):
    """Refuses an unknown flag by the usage of the command it was given to, not by that of the whole program."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse, and leave nothing over."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            flags = [flag for action in self._actions for flag in action.option_strings]
            hint = nearest(rest[0].partition("=")[0], flags) if rest[0].startswith("-") else ""
            self.error(f"unrecognized arguments: {' '.join(rest)}{hint and '. '}{hint}")
        return found, rest

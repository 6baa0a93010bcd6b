"""How fast a model may be called: how many calls at once, how many requests and tokens a minute.

Pure: the clock's reading, in seconds, comes in as `now`.
"""

from __future__ import annotations

from typing import Protocol

_BURST_S = 6.0
"""A minute's allowance may be spent unevenly over so many seconds."""
_DECREASE = 0.5
_NOTHING = 1e-9
"""Units and seconds that are only a remainder of float arithmetic."""


class Limit(Protocol):
    """Whatever may hold a call back."""

    def wait_s(self, now: float) -> float:
        """Return how many seconds to wait before the next call; 0 where it may go."""


class Aimd:
    """How many calls may be in flight: halved when the server is overrun, one more for each round that goes well."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = float(most)
        self._halved_at = float("-inf")

    @property
    def allowed(self) -> int:
        """Calls that may be in flight; never below one."""
        return int(self._allowed)

    def succeeded(self) -> None:
        """Widen by one call for every `allowed` answers."""
        self._allowed = min(self._most, self._allowed + 1 / self._allowed)

    def overrun(self, *, sent_at: float, now: float) -> None:
        """Halve, once for all calls that were in flight together."""
        # What was sent before the last halving says nothing about the present rate.
        if sent_at > self._halved_at:
            self._allowed = max(1.0, self._allowed * _DECREASE)
            self._halved_at = now


class Probe:
    """Lets the first call go alone, until it is answered or has been on its way for long enough not to be refused."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._alone_since: float | None = None
        self._proven = seconds <= 0

    def sent(self, now: float) -> None:
        """Count a call that is being sent."""
        if self._alone_since is None:
            self._alone_since = now

    def back(self, *, proven: bool) -> None:
        """Count a call that has come back: `proven` if it shows that the model can be called at all."""
        self._proven = self._proven or proven
        self._alone_since = None

    def wait_s(self, now: float) -> float:
        """Return how many seconds the call under way still goes alone."""
        if self._proven or self._alone_since is None:
            return 0.0
        return max(0.0, self._alone_since + self._seconds - now)


class Pause:
    """A server's own word on when to come back."""

    def __init__(self) -> None:
        self._until = float("-inf")

    def hold(self, seconds: float, now: float) -> bool:
        """Wait at least so long; True where this is a new pause and no longer part of the last one."""
        new = self._until <= now and seconds > 0
        self._until = max(self._until, now + seconds)
        return new

    def wait_s(self, now: float) -> float:
        """Return how many seconds the pause still lasts."""
        return max(0.0, self._until - now)


class Allowance:
    """So many units a minute: a bucket that fills steadily and holds a few seconds' worth.

    The last call may overdraw it, since what a call uses is known only afterwards.
    """

    def __init__(self, per_minute: float, now: float) -> None:
        self._per_s = per_minute / 60
        self._holds = max(1.0, self._per_s * _BURST_S)
        self._level = self._holds
        self._at = now

    def wait_s(self, now: float) -> float:
        """Return the seconds until a whole unit is there."""
        self._fill(now)
        lacking = 1.0 - self._level
        return lacking / self._per_s if lacking > _NOTHING else 0.0

    def take(self, units: float, now: float) -> None:
        """Spend units; a negative number gives some back."""
        self._fill(now)
        self._level = min(self._holds, self._level - units)

    def _fill(self, now: float) -> None:
        if now > self._at:
            self._level = min(self._holds, self._level + (now - self._at) * self._per_s)
            self._at = now


class TokenEstimate:
    """How many tokens a call will use: what earlier ones used, on average."""

    def __init__(self, first: float = 500.0) -> None:
        self._mean = first
        self._seen = 0

    @property
    def tokens(self) -> float:
        """Tokens of a call that has not been made."""
        return self._mean

    def learn(self, tokens: int) -> None:
        """Take a finished call into account; old ones fade."""
        self._seen = min(self._seen + 1, 50)
        self._mean += (tokens - self._mean) / self._seen

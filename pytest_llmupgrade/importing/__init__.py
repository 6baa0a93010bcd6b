"""Suites of other tools, turned into eval files; what has no counterpart is said, and left as a comment."""

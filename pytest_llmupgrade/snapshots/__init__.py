"""Snapshots: reviewed, committed answers, and all that reads and writes their files."""

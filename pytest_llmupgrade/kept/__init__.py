"""Runs that are kept: written while they run, read back, compared, merged."""

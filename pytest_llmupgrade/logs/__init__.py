"""Logs: from what production answered to eval cases. Records in, one Exchange each, a sample, YAML out."""

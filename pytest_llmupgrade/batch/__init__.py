"""Calls by a provider's Batch API: cheaper, later, and resumed where a run has stopped waiting."""

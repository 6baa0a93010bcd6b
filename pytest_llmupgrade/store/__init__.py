"""The response store: every answer that was paid for, in one SQLite file that several runs share."""

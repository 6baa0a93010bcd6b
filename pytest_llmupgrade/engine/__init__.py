"""The engine: every call at once, each call once, none lost."""

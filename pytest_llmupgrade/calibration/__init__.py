"""How far `llm_judge` can be trusted: its verdicts against people's, on the same answers."""

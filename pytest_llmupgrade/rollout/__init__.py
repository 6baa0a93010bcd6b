"""The rollout: production traffic moves to a new model on evidence. Knows nothing of pytest."""

"""A rollout that never happened: made traffic through the real router and the real gate."""

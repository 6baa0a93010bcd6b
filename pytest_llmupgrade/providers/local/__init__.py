"""The embedded models: weights fetched once, served by a child process on loopback."""

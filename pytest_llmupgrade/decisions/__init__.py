"""The decision file: what an offline run decided, kept in the repository as the evidence that a pilot may start."""

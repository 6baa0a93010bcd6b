"""What commands of `llmupgrade` do that need more than one part of the package; `cli` only calls them."""

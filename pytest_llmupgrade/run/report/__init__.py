"""One Summary, rendered for each reader; every renderer is an iterator of lines."""

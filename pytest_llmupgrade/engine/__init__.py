"""Every call at once, each call once: the loop thread, its limits and its retries."""

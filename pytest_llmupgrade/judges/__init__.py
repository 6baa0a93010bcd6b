"""What decides about a completion: pure functions, offered as fixtures by the plugin."""

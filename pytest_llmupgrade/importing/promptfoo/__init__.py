"""promptfoo configurations, read as promptfoo reads them (github.com/promptfoo/promptfoo, 2026)."""

"""Pages for one act each: they show what the act does, ask, and call it."""

"""One asset per layer; a body says which room's function runs and what the UI shows of it."""

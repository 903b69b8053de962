"""Evidence of whole segments: how far the load of a stretch lies from what was expected of it, whatever its length."""

"""Evidence of whole segments: how far the load of a stretch lies from what was expected of it, whatever its length."""

CODE = ("segments/search", "segments/kernel", "segments/days", "kinds/around")
"""What the evidence of segments is made by, below `detection/`; for digests."""

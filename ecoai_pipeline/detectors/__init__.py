"""One folder per detector, all through the one contract of `contract.py`; `make` and `load` give them by name."""

from ecoai_pipeline.detectors.catalogue import costly, knows_calendar, load, make, windows

__all__ = ["costly", "knows_calendar", "load", "make", "windows"]

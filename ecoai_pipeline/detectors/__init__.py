"""One folder per detector, all through the one contract of `contract.py`; `make` and `load` give them by name."""

from ecoai_pipeline.detectors.catalogue import costly, load, make, windows

__all__ = ["costly", "load", "make", "windows"]

"""One folder per detector, all through the one contract of `contract.py`."""

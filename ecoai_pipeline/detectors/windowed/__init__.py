"""The one runner of detectors that rebuild windows of the load with a network: how meters become windows, and windows scores."""

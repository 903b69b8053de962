"""Detectors over a portfolio: training, calibration to an alarm budget, scores, events, the ledger of detections."""

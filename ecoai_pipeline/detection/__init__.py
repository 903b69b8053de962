"""Running detectors over a portfolio: training, scores, calibration by alarm budget, events and what a night found."""

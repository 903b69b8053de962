"""Nightly anomaly detection for portfolios of industrial electricity meters."""

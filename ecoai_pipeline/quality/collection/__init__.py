"""Faults of how readings were collected: what a head-end, an export or a clock did to whole days. One fault per file."""

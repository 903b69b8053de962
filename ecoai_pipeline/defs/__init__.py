"""Dagster and nothing else: partitions, resources, assets, checks, jobs, schedules, sensors; no computation."""

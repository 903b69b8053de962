"""A made-up portfolio: industries that run as industries do, and faults put into it, or into any real series, on record."""

FAULTS, MAINTENANCE, REGISTRY = "faults.csv", "maintenance.csv", "meters.csv"

"""More days to learn from: adversarial ones, made from real ones on record."""

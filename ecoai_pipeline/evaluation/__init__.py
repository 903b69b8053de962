"""How well are injected or labelled faults found; the only reader of labels."""

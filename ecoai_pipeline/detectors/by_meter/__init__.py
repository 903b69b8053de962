"""What detectors share that learn each meter by itself, without a network: its units, its state, and a pooled one for other meters."""

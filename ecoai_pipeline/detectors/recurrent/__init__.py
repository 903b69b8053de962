"""Recurrent layers for windows that stand side by side: torch's own parameters and results, in a fraction of the time on a processor."""

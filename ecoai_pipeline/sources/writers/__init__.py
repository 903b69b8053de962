"""Readings as providers write them, one file per format: for the simulator, and for people who must hand readings on."""

"""What an event looks like, by the shape that its readings took."""

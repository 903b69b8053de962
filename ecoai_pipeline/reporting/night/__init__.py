"""The page that an analyst opens in the morning: what happened, what it is worth, what to look at first."""

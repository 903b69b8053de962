"""Is it a reading, and may it be believed? Rules, and Great Expectations suites, which only this room imports."""

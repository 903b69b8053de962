"""Which data and which model made a number, and having it again: the only room that imports or runs DVC."""

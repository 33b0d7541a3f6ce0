"""Cards, charts and comparisons that `trainers.evaluate` leaves to look at."""

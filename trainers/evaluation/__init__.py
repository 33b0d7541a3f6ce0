"""What `trainers.evaluate` leaves to look at: cards, charts, comparisons."""

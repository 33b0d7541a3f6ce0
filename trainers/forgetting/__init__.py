"""What `trainers.unlearn` and `trainers.label` are made of."""

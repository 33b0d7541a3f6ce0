"""What `trainers.toy` measures and draws."""

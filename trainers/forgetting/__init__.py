"""Machinery of `trainers.unlearn` and `trainers.label`."""

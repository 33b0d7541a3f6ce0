"""Measures and figures of `trainers.toy`."""

"""Checks of what was exported, in processes that cannot import Keras."""

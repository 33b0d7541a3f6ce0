"""What other implementations computed from the arrays that `tests/golden/make_metrics.py` stored with it."""

import functools
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parents[2] / "golden"


@functools.cache
def golden():
    """The stored arrays and numbers, by name."""
    with np.load(FOLDER / "metrics.npz") as stored:
        return dict(stored)

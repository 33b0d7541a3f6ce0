"""The other implementations themselves, on arrays of another seed, where the `bench` extra is installed."""

import importlib.util

import numpy as np
import pytest

from keras_gan import metrics
from tests.keras_gan.metrics import oracles
from tests.test_case import TestCase


class LiveOraclesTest(TestCase):
    def test_agree(self):
        for name in ("torch", "torch_fidelity", "cleanfid", "prdc"):
            pytest.importorskip(name)
        spec = importlib.util.spec_from_file_location("make_metrics", oracles.FOLDER / "make_metrics.py")
        making = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(making)
        real, fake, logits = making.arrays(seed=77)
        theirs = making.oracles(real, fake, logits)
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        balls = metrics.manifold_metrics(real, fake, (5, 5))
        ours = {
            "frechet": metrics.frechet_distance(real, fake),
            "clean_fid_kernel": metrics.kernel_distance(real[:200], fake).value,
            "torch_fidelity_kernel": metrics.kernel_distance(real, fake, 10, 50, 3).value,
            "torch_fidelity_score": metrics.classifier_score(probabilities).mean,
            "torch_fidelity_precision": metrics.precision_recall(real, fake).precision,
            "torch_fidelity_recall": metrics.precision_recall(real, fake).recall,
            **{f"prdc_{name}": value for name, value in balls._asdict().items()},
        }
        for name, value in ours.items():
            named = [theirs[each] for each in theirs if each == name or each.endswith(f"_{name}")]
            assert named, name
            np.testing.assert_allclose(value, named, rtol=1e-10, err_msg=name)

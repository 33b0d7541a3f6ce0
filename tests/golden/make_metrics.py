"""Makes `metrics.npz`: what other implementations compute from small arrays, for tests that run without them.

pip install '.[bench]' && python tests/golden/make_metrics.py
"""

import contextlib
import io
from pathlib import Path

import numpy as np
import scipy.linalg
import torch
from cleanfid import fid as clean_fid
from prdc import compute_prdc
from torch_fidelity import metric_fid, metric_isc, metric_kid, metric_prc


def arrays(seed=20):
    """Correlated, skewed features of two distributions, real and fake, and logits."""
    random = np.random.RandomState(seed)
    mix = random.normal(size=(12, 12))
    real = np.maximum(random.normal(size=(250, 12)) @ mix + 0.5, 0) + 0.1 * random.normal(size=(250, 12))
    fake = np.maximum(0.8 * random.normal(size=(200, 12)) @ mix + 0.7, 0) + 0.1 * random.normal(size=(200, 12))
    return real, fake, 2 * random.normal(size=(205, 7))


def sqrtm_distance(real, fake):
    """Frechet distance through scipy's matrix square root."""
    product = np.cov(real, rowvar=False) @ np.cov(fake, rowvar=False)
    traces = np.trace(np.cov(real, rowvar=False)) + np.trace(np.cov(fake, rowvar=False))
    mean = np.sum((real.mean(0) - fake.mean(0)) ** 2)
    return mean + traces - 2 * np.trace(scipy.linalg.sqrtm(product)).real


def oracles(real, fake, logits):
    """What the other implementations say."""
    found = {"scipy_frechet": sqrtm_distance(real, fake)}
    found["clean_fid_frechet"] = clean_fid.fid_from_feats(real, fake)
    found["clean_fid_kernel"] = clean_fid.kernel_distance(real[:200], fake, num_subsets=1, max_subset_size=200)
    statistics = [metric_fid.fid_features_to_statistics(torch.tensor(each)) for each in (real, fake)]
    (found["torch_fidelity_frechet"],) = metric_fid.fid_statistics_to_metric(*statistics, verbose=False).values()
    options = {"kid_subsets": 10, "kid_subset_size": 50, "rng_seed": 3, "verbose": False}
    kernel = metric_kid.kid_features_to_metric(torch.tensor(real), torch.tensor(fake), **options)
    found["torch_fidelity_kernel"] = kernel[metric_kid.KEY_METRIC_KID_MEAN]
    found["torch_fidelity_kernel_std"] = kernel[metric_kid.KEY_METRIC_KID_STD]
    score = metric_isc.isc_features_to_metric(torch.tensor(logits), splits=10, shuffle=False)
    found["torch_fidelity_score"] = score[metric_isc.KEY_METRIC_ISC_MEAN]
    found["torch_fidelity_score_std"] = score[metric_isc.KEY_METRIC_ISC_STD]
    precision, recall = metric_prc.calculate_precision_recall_full(torch.tensor(fake), torch.tensor(real), 3)
    found["torch_fidelity_precision"], found["torch_fidelity_recall"] = precision, recall
    with contextlib.redirect_stdout(io.StringIO()):
        for name, value in compute_prdc(real, fake, nearest_k=5).items():
            found[f"prdc_{name}"] = value
    return {name: float(np.real(value)) for name, value in found.items()}


if __name__ == "__main__":
    real, fake, logits = arrays()
    found = oracles(real, fake, logits)
    np.savez_compressed(Path(__file__).with_name("metrics.npz"), real=real, fake=fake, logits=logits, **found)
    for name, value in found.items():
        print(f"{name:28} {value:.16g}")

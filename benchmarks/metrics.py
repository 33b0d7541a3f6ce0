"""How long the metrics take beside other implementations of them, on the same float64 arrays.

    pip install '.[bench]' && python benchmarks/metrics.py

Theirs and ours alternate in one run; medians of wall-clock time and of processor time, and their ratios. What of the
other implementations takes images is not called, only what takes features.
"""

import argparse
import contextlib
import io
import statistics
import time

import numpy as np

from keras_gan import metrics


def _features(number, width, seed):
    random = np.random.RandomState(seed)
    mixed = random.normal(size=(number, width)) @ (random.normal(size=(width, width)) / np.sqrt(width))
    return np.maximum(mixed + 0.1 * random.normal(size=(number, width)), 0) + 0.01 * random.normal(size=(number, width))


def _frechet(real, fake):
    import torch
    from cleanfid import fid
    from torch_fidelity import metric_fid

    def torch_fidelity():
        statistics = [metric_fid.fid_features_to_statistics(torch.from_numpy(each)) for each in (real, fake)]
        return metric_fid.fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]

    yield "frechet_distance", lambda: metrics.frechet_distance(real, fake)
    yield "clean-fid (scipy sqrtm)", lambda: fid.fid_from_feats(real, fake)
    yield "torch-fidelity (eigvals)", torch_fidelity


def _kernel(real, fake):
    import torch
    from cleanfid import fid
    from torch_fidelity import metric_kid

    tensors = torch.from_numpy(real), torch.from_numpy(fake)

    def torch_fidelity():
        found = metric_kid.kid_features_to_metric(*tensors, rng_seed=0, verbose=False)
        return found[metric_kid.KEY_METRIC_KID_MEAN]

    yield "kernel_distance", lambda: metrics.kernel_distance(real, fake).value
    yield "kernel_distance(subsets=None)", lambda: metrics.kernel_distance(real, fake, None).value
    yield "clean-fid", lambda: fid.kernel_distance(real, fake)
    yield "torch-fidelity", torch_fidelity


def _precision_recall(real, fake):
    import torch
    from torch_fidelity import metric_prc

    tensors = torch.from_numpy(fake), torch.from_numpy(real)
    yield "precision_recall", lambda: sum(metrics.precision_recall(real, fake))
    yield "torch-fidelity", lambda: sum(metric_prc.calculate_precision_recall_full(*tensors, 3))


def _manifold(real, fake):
    from prdc import compute_prdc

    def prdc():
        with contextlib.redirect_stdout(io.StringIO()):
            return sum(compute_prdc(real, fake, 5).values())

    yield "manifold_metrics", lambda: sum(metrics.manifold_metrics(real, fake, (5, 5)))
    yield "prdc", prdc


def _measure(title, contestants, rounds):
    contestants = list(contestants)
    taken = {name: [] for name, _ in contestants}
    for _ in range(rounds):
        for name, function in contestants:
            wall, processor = time.perf_counter(), time.process_time()
            value = function()
            taken[name].append((time.perf_counter() - wall, time.process_time() - processor, value))
    print(title)
    ours = None
    for name, times in taken.items():
        wall, processor, value = (statistics.median(column) for column in zip(*times, strict=True))
        ours = ours or (wall, processor)
        print(
            f"  {name:30} {wall:7.2f} s, {processor:7.2f} s of processors, "
            f"{wall / ours[0]:5.1f} and {processor / ours[1]:5.1f} times the first; value {np.real(value):.10g}",
            flush=True,
        )


def main():
    """Measures and prints."""
    flags = argparse.ArgumentParser()
    flags.add_argument("--number", type=int, default=10_000)
    flags.add_argument("--wide", type=int, default=2048)
    flags.add_argument("--narrow", type=int, default=64)
    flags.add_argument("--rounds", type=int, default=3)
    flags.add_argument("--only", default="", help="Part of the title of what is measured.")
    flags = flags.parse_args()
    for title, function, width in [
        ("Frechet distance", _frechet, flags.wide),
        ("Frechet distance", _frechet, flags.narrow),
        ("Kernel distance", _kernel, flags.wide),
        ("Kernel distance", _kernel, flags.narrow),
        ("Precision and recall", _precision_recall, flags.narrow),
        ("Precision, recall, density, coverage", _manifold, flags.narrow),
    ]:
        title = f"{title}, {flags.number} x {width}"
        if flags.only in title:
            real, fake = _features(flags.number, width, 0), 1.05 * _features(flags.number, width, 1)
            _measure(title, function(real, fake), flags.rounds)


if __name__ == "__main__":
    main()

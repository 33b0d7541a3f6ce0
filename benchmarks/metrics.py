"""How long the metrics take beside other implementations of them, on the same float64 arrays.

    pip install '.[bench]' && python benchmarks/metrics.py

Theirs and ours alternate in one run, ours in one process and theirs in another, because TensorFlow and PyTorch cannot
be loaded together; medians of wall-clock time and of processor time, and their ratios. Of the other implementations
only what takes features is called, nothing that takes images.
"""

import argparse
import concurrent.futures
import contextlib
import functools
import io
import multiprocessing
import statistics
import time

import numpy as np


@functools.cache
def _features(number, width):
    sets = []
    for seed, scale in ((0, 1.0), (1, 1.05)):
        random = np.random.RandomState(seed)
        mixed = random.normal(size=(number, width)) @ (random.normal(size=(width, width)) / np.sqrt(width))
        noise = random.normal(size=(number, width))
        sets.append(scale * (np.maximum(mixed + 0.1 * noise, 0) + 0.01 * noise))
    return tuple(sets)


def _frechet(real, fake):
    from keras_gan import metrics

    return metrics.frechet_distance(real, fake)


def _frechet_clean_fid(real, fake):
    from cleanfid import fid

    return np.real(fid.fid_from_feats(real, fake))


def _frechet_torch_fidelity(real, fake):
    import torch
    from torch_fidelity import metric_fid

    moments = [metric_fid.fid_features_to_statistics(torch.from_numpy(each)) for each in (real, fake)]
    return metric_fid.fid_statistics_to_metric(*moments, verbose=False)["frechet_inception_distance"]


def _kernel(real, fake):
    from keras_gan import metrics

    return metrics.kernel_distance(real, fake).value


def _kernel_over_all(real, fake):
    from keras_gan import metrics

    return metrics.kernel_distance(real, fake, None).value


def _kernel_clean_fid(real, fake):
    from cleanfid import fid

    return fid.kernel_distance(real, fake)


def _kernel_torch_fidelity(real, fake):
    import torch
    from torch_fidelity import metric_kid

    found = metric_kid.kid_features_to_metric(torch.from_numpy(real), torch.from_numpy(fake), rng_seed=0, verbose=False)
    return found[metric_kid.KEY_METRIC_KID_MEAN]


def _precision_recall(real, fake):
    from keras_gan import metrics

    return sum(metrics.precision_recall(real, fake))


def _precision_recall_torch_fidelity(real, fake):
    import torch
    from torch_fidelity import metric_prc

    return sum(metric_prc.calculate_precision_recall_full(torch.from_numpy(fake), torch.from_numpy(real), 3))


def _manifold(real, fake):
    from keras_gan import metrics

    return sum(metrics.manifold_metrics(real, fake, (5, 5)))


def _manifold_prdc(real, fake):
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        return sum(compute_prdc(real, fake, 5).values())


def _timed(function, number, width):
    wall, processor = time.perf_counter(), time.process_time()
    value = function(*_features(number, width))
    return time.perf_counter() - wall, time.process_time() - processor, float(value)


_OURS = (_frechet, _kernel, _kernel_over_all, _precision_recall, _manifold)


def _measure(ours, theirs, functions, number, width, rounds):
    taken = {function: [] for function in functions}
    for function in functions:
        process = ours if function in _OURS else theirs
        process.submit(_timed, function, 1001, 8).result()  # imports
        process.submit(_features, number, width).result()
    for _ in range(rounds):
        for function, times in taken.items():
            process = ours if function in _OURS else theirs
            times.append(process.submit(_timed, function, number, width).result())
    first = None
    for function, times in taken.items():
        wall, processor, value = (statistics.median(column) for column in zip(*times, strict=True))
        first = first or (wall, processor)
        print(
            f"  {function.__name__[1:]:32} {wall:7.2f} s, {processor:7.2f} s of processors: {wall / first[0]:5.1f} and "
            f"{processor / first[1]:5.1f} times the first; value {value:.10g}",
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
    frechet = [_frechet, _frechet_clean_fid, _frechet_torch_fidelity]
    kernel = [_kernel, _kernel_over_all, _kernel_clean_fid, _kernel_torch_fidelity]
    spawn = multiprocessing.get_context("spawn")
    with (
        concurrent.futures.ProcessPoolExecutor(1, spawn) as ours,
        concurrent.futures.ProcessPoolExecutor(1, spawn) as theirs,
    ):
        for title, functions, width in [
            ("Frechet distance", frechet, flags.narrow),
            ("Kernel distance", kernel, flags.narrow),
            ("Precision and recall", [_precision_recall, _precision_recall_torch_fidelity], flags.narrow),
            ("Precision, recall, density, coverage", [_manifold, _manifold_prdc], flags.narrow),
            ("Frechet distance", frechet, flags.wide),
            ("Kernel distance", kernel, flags.wide),
        ]:
            title = f"{title}, {flags.number} x {width}"
            if flags.only in title:
                print(title)
                _measure(ours, theirs, functions, flags.number, width, flags.rounds)


if __name__ == "__main__":
    main()

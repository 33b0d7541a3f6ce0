"""The metrics as other packages compute them, and as this one does.

    python -m benchmarks.peers.metrics

is a worker of `benchmarks.metrics` (see `benchmarks.gate`): for each line of standard input, the name of a function,
rows and features, it reports what a call takes. What a function imports stays with its process.
"""

import contextlib
import functools
import io
import json
import os
import sys
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


def frechet(real, fake):
    from keras_gan import metrics

    return metrics.frechet_distance(real, fake)


def frechet_clean_fid(real, fake):
    from cleanfid import fid

    return np.real(fid.fid_from_feats(real, fake))


def frechet_torch_fidelity(real, fake):
    import torch
    from torch_fidelity import metric_fid

    moments = [metric_fid.fid_features_to_statistics(torch.from_numpy(each)) for each in (real, fake)]
    return metric_fid.fid_statistics_to_metric(*moments, verbose=False)["frechet_inception_distance"]


def kernel(real, fake):
    from keras_gan import metrics

    return metrics.kernel_distance(real, fake).value


def kernel_over_all(real, fake):
    from keras_gan import metrics

    return metrics.kernel_distance(real, fake, None).value


def kernel_clean_fid(real, fake):
    from cleanfid import fid

    return fid.kernel_distance(real, fake)


def kernel_torch_fidelity(real, fake):
    import torch
    from torch_fidelity import metric_kid

    found = metric_kid.kid_features_to_metric(torch.from_numpy(real), torch.from_numpy(fake), rng_seed=0, verbose=False)
    return found[metric_kid.KEY_METRIC_KID_MEAN]


def precision_recall(real, fake):
    from keras_gan import metrics

    return sum(metrics.precision_recall(real, fake))


def precision_recall_torch_fidelity(real, fake):
    import torch
    from torch_fidelity import metric_prc

    return sum(metric_prc.calculate_precision_recall_full(torch.from_numpy(fake), torch.from_numpy(real), 3))


def manifold(real, fake):
    from keras_gan import metrics

    return sum(metrics.manifold_metrics(real, fake, (5, 5)))


def manifold_prdc(real, fake):
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        return sum(compute_prdc(real, fake, 5).values())


def timed(name, number, width):
    """Seconds and processor seconds of a call, and its value."""
    features = _features(number, width)
    seconds, processor = time.perf_counter(), time.process_time()
    value = globals()[name](*features)
    return {
        "seconds": time.perf_counter() - seconds,
        "processor": time.process_time() - processor,
        "value": float(value),
    }


def main():
    """Answers until the input ends."""
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    print("{}", file=reports, flush=True)
    for line in sys.stdin:
        name, number, width = line.split()
        print(json.dumps(timed(name, int(number), int(width))), file=reports, flush=True)


if __name__ == "__main__":
    main()

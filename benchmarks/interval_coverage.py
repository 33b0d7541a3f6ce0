"""Shares of draws in which the intervals of metrics hold what they should, in simulation.

    python -m benchmarks.interval_coverage --json=benchmarks/results/interval_coverage.json

From distributions that are known, samples are drawn many times, and every draw gets its intervals of 95 %. Real samples
are N(0, I) in d = 8 dimensions, n = 1,000 of either kind, unless a setting says otherwise; what it says is of the fake
ones. Spread is the standard deviation of the metric between draws, error the root mean square of the standard errors
that intervals are made of. A confidence interval should hold the mean over draws in 95 % of draws; another draw falls
into it in about 83 %, and into the prediction interval in 95 %. The bound of the support by `collapse.birthday` is one
that the true support should not be above in 95 % of draws.
"""

import concurrent.futures
import dataclasses
import functools
import multiprocessing
import sys

import numpy as np
import tqdm

from benchmarks import tables
from keras_gan import metrics
from keras_gan.cli import option


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    draws: int = option(400, "Draws in every setting.", low=2)
    processes: int = option(2, "Processes that draw.", low=1)
    settings: str = option("", "Names of settings, separated by '; '; all by default.")


def _normal(scale=1.0, shift=0.0, width=8, number=1000):
    """Real samples of N(0, I), fake ones with another scale, shifted along the first axis."""

    def draw(random):
        real, fake = random.normal(size=(2, number, width))
        fake *= scale
        fake[:, 0] += shift
        return real, fake

    return draw


def _modes_lost(width=8, number=1000):
    """Ten modes, six standard deviations from 0 in random directions, of which the fake samples have five."""
    centres = np.random.default_rng(0).normal(size=(10, width))
    centres *= 6.0 / np.linalg.norm(centres, axis=1, keepdims=True)

    def draw(random):
        return [random.normal(size=(number, width)) + centres[random.integers(0, k, number)] for k in (10, 5)]

    return draw


def _heavy_tails(number=1000):
    """Student's t with 5 degrees of freedom in 8 dimensions, the fake samples 1.2 times as wide."""

    def draw(random):
        real, fake = random.standard_t(5, size=(2, number, 8))
        return real, 1.2 * fake

    return draw


def _probabilities(spread, number=1000, classes=10):
    """Softmax of normal logits with a standard deviation."""

    def draw(random):
        logits = spread * random.normal(size=(number, classes))
        return [np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)]

    return draw


def _shares(kind, count):
    shares = np.ones(count) if kind == "equal" else 1.0 / np.arange(1, count + 1)
    return shares / shares.sum()


def _labels(kind, count, number):
    """Modes with equal shares, or by Zipf's law."""
    return lambda random: [random.choice(count, number, p=_shares(kind, count))]


def _of_features(real, fake, kind):
    found = {}
    for metric, options in (
        (metrics.frechet_distance, {}),
        (metrics.kernel_distance, {}),
        (metrics.manifold_metrics, {"splits": SPLITS}),
    ):
        found |= metrics.interval(metric, real, fake, kind=kind, **options)
    return found


def _of_scores(probabilities, kind):
    return metrics.interval(metrics.classifier_score, probabilities, kind=kind)


def _of_modes(labels, kind, count):
    return metrics.interval(metrics.modes, labels, kind=kind, num_modes=count)


SPLITS = 10
SETTINGS = {
    "equal": (_normal(), _of_features),
    "0.3 of the scale": (_normal(0.3), _of_features),
    "0.8 of the scale": (_normal(0.8), _of_features),
    "1.5 of the scale": (_normal(1.5), _of_features),
    "shifted by 2": (_normal(1.0, 2.0), _of_features),
    "5 of 10 modes": (_modes_lost(), _of_features),
    "heavy tails": (_heavy_tails(), _of_features),
    "equal, n = 200, d = 2": (_normal(width=2, number=200), _of_features),
    "equal, n = 500, d = 64": (_normal(width=64, number=500), _of_features),
    "0.8 of the scale, n = 500, d = 64": (_normal(0.8, width=64, number=500), _of_features),
    "sure classifier": (_probabilities(4.0), _of_scores),
    "unsure classifier": (_probabilities(0.5), _of_scores),
    "1,000 equal modes, n = 2,600": (_labels("equal", 1000, 2600), functools.partial(_of_modes, count=1000)),
    "100 modes by Zipf's law, n = 1,000": (_labels("zipf", 100, 1000), functools.partial(_of_modes, count=100)),
    "birthday, 1,000 equal things, n = 100": (_labels("equal", 1000, 100), "equal"),
    "birthday, 1,000 equal things, n = 1,000": (_labels("equal", 1000, 1000), "equal"),
    "birthday, 1,000 things by Zipf's law, n = 100": (_labels("zipf", 1000, 100), "zipf"),
    "birthday, 1,000 things by Zipf's law, n = 1,000": (_labels("zipf", 1000, 1000), "zipf"),
}


def main(argv=None):
    """Measures, or prints the page."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Looks at the intervals of all settings.

    Returns:
        Dictionary of `draws` and `settings`: from names to what `judge` returns.
    """
    names = config.settings.split("; ") if config.settings else list(SETTINGS)
    unknown = [name for name in names if name not in SETTINGS]
    if unknown:
        raise ValueError(f"--settings are of {list(SETTINGS)}, separated by '; '. Received: {unknown}")
    found = {name: judge(name, config.draws, config.processes) for name in tqdm.tqdm(names, disable=None)}
    return {"draws": config.draws, "settings": found}


def judge(name, draws, processes=1):
    """Counts how often the intervals of one setting hold what they should.

    Args:
        name: A key of `SETTINGS`.
        draws: How many draws.
        processes: How many processes draw; the numbers do not depend on it.

    Returns:
        Dictionary from metrics to dictionaries: `mean` and `deviation` of the values, `error`, the root of the mean
        square of the standard errors, `method`, and shares of draws: `holds_mean`, `holds_another` and
        `prediction_holds_another`. Of a birthday bound: `mean`, the `true` support, and `holds_true`.
    """
    _, kind = SETTINGS[name]
    if processes == 1:
        found = [_draw(name, seed) for seed in range(draws)]
    else:
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(processes, context) as pool:
            found = list(pool.map(functools.partial(_draw, name), range(draws), chunksize=max(1, draws // 50)))
    if isinstance(kind, str):
        true = float(1.0 / np.sum(_shares(kind, 1000) ** 2))
        return {"support_at_least": {"mean": float(np.mean(found)), "true": true,
                                     "holds_true": float(np.mean(np.array(found) <= true))}}  # fmt: skip
    return {metric: _summary([each[metric] for each in found]) for metric in found[0]}


def _summary(draws):
    values, errors, low, high, lowest, highest = np.array([draw[:6] for draw in draws]).T
    mean, another = values.mean(), np.roll(values, -1)
    return {
        "method": draws[0][6],
        "mean": float(mean),
        "deviation": float(values.std(ddof=1)),
        "error": float(np.sqrt(np.mean(errors**2))),
        "holds_mean": float(np.mean((low <= mean) & (mean <= high))),
        "holds_another": float(np.mean((low <= another) & (another <= high))),
        "prediction_holds_another": float(np.mean((lowest <= another) & (another <= highest))),
    }


def _draw(name, seed):
    """One draw: from metrics to values, errors, both intervals and the method; or the bound of a birthday test."""
    draw, kinds = SETTINGS[name]
    samples = draw(np.random.default_rng(seed))
    if isinstance(kinds, str):
        return metrics.collapse.birthday(samples[0][:, None], threshold=0.0)["support_at_least"]
    both = [kinds(*samples, kind=kind) for kind in ("confidence", "prediction")]
    return {
        metric: (*each[:1], each.standard_error, each.low, each.high, *both[1][metric][1:3], each.method)
        for metric, each in both[0].items()
    }


def render(run):
    """The tables of a run, Markdown."""
    rows, bounds = [], []
    for setting, found in run["settings"].items():
        for metric, row in found.items():
            if "true" in row:
                name = setting.removeprefix("birthday, ")
                bounds.append([name, f"{row['true']:.1f}", f"{row['mean']:.1f}", f"{100 * row['holds_true']:.1f}"])
                continue
            numbers = [tables.digits(row[key]) for key in ("mean", "deviation", "error")]
            shares = [f"{100 * row[key]:.1f}" for key in ("holds_mean", "holds_another", "prediction_holds_another")]
            rows.append([setting, metric, row["method"], *numbers, *shares])
    shares = ["holds the mean, %", "holds another draw, %", "prediction interval holds another draw, %"]
    parts = [f"{run['draws']} draws in every setting."]
    if rows:
        parts.append(tables.table(["setting", "metric", "method", "mean", "spread", "error", *shares], rows))
    if bounds:
        parts.append(tables.table(["things", "true support", "mean bound", "bound holds, %"], bounds))
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()

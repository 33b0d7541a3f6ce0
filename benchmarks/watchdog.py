"""Verdicts of the watchdog on trainings that were made to fail, and on healthy ones.

    python -m benchmarks.watchdog --out=runs/watchdog --seed=300 --seeds=2

Every kind of training runs with several seeds; networks are very small. Counted are misses (a training made to fail
that got no alarm), alarms of another name than it should have, and false alarms (a healthy one that got any, at any
time). "Known of the generator" is what is known without the watchdog at the end. The thresholds in
`callbacks/watchdog/rules.py` were set on seeds below 300; what later seeds say was not looked at before.

What was said and when goes to `results.jsonl` in `--out`; a process that was interrupted goes on where it was when it
is started again."""

import collections
import dataclasses
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tqdm

import keras_gan
from benchmarks import tables
from keras_gan import callbacks, data, latents, losses, networks, regularizers
from keras_gan.callbacks.watchdog import rules
from keras_gan.cli import option
from keras_gan.data import toy
from keras_gan.files import atomic
from keras_gan.metrics import collapse

_FINE = ("healthy", "converged", "too early to tell")


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    out: str = option("runs/watchdog", "Folder of the results.")
    seed: int = option(0, "The first seed.", low=0)
    seeds: int = option(3, "Seeds of each kind.", low=1)
    kinds: str = option("", "Kinds, separated by '; '; all by default.")


@dataclasses.dataclass(frozen=True)
class Kind:
    """The set-up of a training, and what the watchdog should say of it."""

    should: tuple = _FINE
    data: str = "ring"
    shift: float = 0.0
    examples: int = 0
    loss: str = "non_saturating"
    penalty: str = ""
    weight: float = 0.1
    convolutional: bool = True
    units: tuple = (64, 64)
    critic_units: tuple = (64, 64)
    rates: tuple = (1e-3, 1e-3)
    optimizer: str = "adam"
    momentum: float = 0.5
    steps: tuple = (1, 1)
    update: str = "alternating"
    length: int = 1000
    every: int = 50
    batch: int = 64


KINDS = {
    "ring, R1": Kind(penalty="r1", weight=1.0),
    "two Gaussians, R1": Kind(data="two_gaussians", penalty="r1"),
    "swiss roll, relativistic, R1": Kind(data="swiss_roll", loss="relativistic", penalty="r1"),
    "ring, Wasserstein, R1, 3 to 1": Kind(loss="wasserstein", penalty="r1", steps=(3, 1), length=600, every=30),
    "ring, hinge, R1": Kind(loss="hinge", penalty="r1", weight=1.0),
    "Gaussian, least squares, R1": Kind(data="gaussian", loss="least_squares", penalty="r1"),
    "digits, R1": Kind(data="mnist5k", penalty="r1", weight=1.0, rates=(2e-3, 2e-3), length=400, every=20, batch=32),
    # Data with a variance damp the rotation: it dies out.
    "linear, minimax, simultaneous": Kind(
        data="gaussian", shift=2.0, loss="minimax", optimizer="sgd", momentum=0.0, rates=(0.2, 0.2), units=(),
        critic_units=(), update="simultaneous", every=10, length=500,
    ),
    "diverging: Adam at 0.5": Kind(("diverged",), rates=(0.5, 0.5), length=400, every=20),
    "diverging: least squares, SGD at 2": Kind(
        ("diverged",), loss="least_squares", rates=(2.0, 2.0), optimizer="sgd", length=400, every=20
    ),
    "diverging: ring, SGD with momentum 0.9, simultaneous": Kind(
        ("diverged",), loss="minimax", optimizer="sgd", momentum=0.9, rates=(0.02, 0.02), update="simultaneous",
        every=20, length=600,
    ),
    "collapsing: 1 to 5 updates": Kind(("mode collapse",), steps=(1, 5), length=400, every=20),
    "collapsing: fast generator, no penalty": Kind(("mode collapse",), rates=(5e-3, 5e-4)),
    "digits, collapsing: fast generator": Kind(
        ("mode collapse",), "mnist5k", rates=(1e-2, 2e-4), length=400, every=20, batch=32
    ),
    "vanishing: minimax, far apart, 5 to 1": Kind(
        ("discriminator winning",), shift=10.0, loss="minimax", steps=(5, 1), rates=(1e-4, 1e-3), length=300, every=15,
    ),
    "digits, vanishing: minimax, fast discriminator": Kind(
        ("discriminator winning",), "mnist5k", loss="minimax", rates=(1e-4, 2e-3), length=400, every=20, batch=32
    ),
    "overfitting: 32 points in 20 dimensions": Kind(
        ("discriminator overfitting",), data="normal", examples=32, batch=32
    ),
    "digits, overfitting: 20 images": Kind(
        ("discriminator overfitting",), "mnist5k", examples=20, convolutional=False, units=(256, 256),
        critic_units=(256, 256), penalty="r1", length=1500, every=60, batch=20,
    ),
    "rotating: linear, Wasserstein, simultaneous": Kind(
        ("oscillating",), data="gaussian", shift=2.0, loss="wasserstein", optimizer="sgd", momentum=0.0,
        rates=(0.05, 0.05), units=(), critic_units=(), update="simultaneous", every=10, length=500,
    ),
    "rotating slowly: linear, Wasserstein, Adam": Kind(
        ("oscillating",), data="gaussian", shift=2.0, loss="wasserstein", momentum=0.9, rates=(0.02, 0.02), units=(),
        critic_units=(), update="simultaneous", every=10, length=500,
    ),
    "frozen discriminator": Kind(("generator winning",), rates=(1e-3, 0.0)),
    "discriminator of 1 unit": Kind(("generator winning",), critic_units=(1,)),
}  # fmt: skip


def main(argv=None):
    """Runs what has not run yet, and writes the table."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Trains what is not in `--out` yet; results are lines there."""
    names = config.kinds.split("; ") if config.kinds else list(KINDS)
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise ValueError(f"--kinds are of {list(KINDS)}, separated by '; '. Received: {unknown}")
    folder = Path(config.out)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.jsonl"
    results = tables.begin_lines(file, config)
    done = {(result["kind"], result["seed"]) for result in results}
    todo = [(name, seed) for seed in range(config.seed, config.seed + config.seeds) for name in names]
    todo = [each for each in todo if each not in done]
    with tqdm.tqdm(todo, disable=None) as bar:
        for name, seed in bar:
            bar.set_description(f"{name}, seed {seed}")
            result = {"kind": name, "seed": seed, **train(KINDS[name], seed)}
            signals = {name: result[name] for name in ("kind", "seed")} | {"signals": result.pop("signals")}
            tables.add_line(folder / "signals.jsonl", signals)
            results.append(result)
            tables.add_line(file, result)
            keras.backend.clear_session()
    text = render({"results": results})
    atomic.write_text(folder / "table.md", text + "\n")
    print(text)


def train(kind, seed):
    """Trains one GAN under the watchdog.

    Returns:
        Dictionary: `said`, pairs of a step and the verdict that was new there; `last`; `truth`, what is known of the
        generator at the end; `seconds`, and the share of them that the watchdog took after its first look.
    """
    started = time.monotonic()
    keras.utils.set_random_seed(seed)
    gan, examples, held_out, density = build(kind, seed)
    spent, signals = [], []

    class Timed(callbacks.Watchdog):
        def at_step(self, step, logs):
            began = time.monotonic()
            super().at_step(step, logs)
            spent.append(time.monotonic() - began)
            signals.append({"step": step, **self._judge.rows[-1]})

    said, looks = [], []
    classes = density if density is not None and density.modes is not None else None
    if kind.data == "mnist5k":
        classes = "mnist_classifier"
    watchdog = Timed(examples, kind.every, held_out=held_out, classes=classes, say=lambda line: said.append(line))
    heard = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: looks.append((int(gan.step.numpy()), watchdog.verdict))
    )
    dataset, _ = data.load(examples, batch_size=kind.batch * kind.steps[0], seed=seed, repeat=True)
    gan.fit(dataset, steps_per_epoch=kind.length, verbose=0, callbacks=[watchdog, heard])
    changes, before = [], None
    for step, verdict in looks:
        if verdict is not None and verdict.name != before:
            changes.append((step, verdict.name))
            before = verdict.name
    seconds = time.monotonic() - started
    return {
        "said": changes,
        "last": watchdog.verdict.name,
        "evidence": watchdog.verdict.evidence,
        "truth": truth(gan, density),
        "seconds": round(seconds, 1),
        "share": round(sum(spent[1:]) / seconds, 4),
        "signals": signals,
    }


def build(kind, seed):
    """The compiled GAN of a kind, its real examples, held-out ones, and the density they come from, or `None`."""
    density = None
    if kind.data == "mnist5k":
        examples = data.open_source("mnist5k").images
        held_out = data.open_source("mnist5k", "test").images
        if kind.examples:
            examples = examples[np.random.default_rng(seed).permutation(len(examples))[: kind.examples]]
        if kind.convolutional:
            generator = networks.DCGANGenerator((28, 28, 1), latent_dim=32, filters=8)
            discriminator = networks.DCGANDiscriminator((28, 28, 1), filters=8)
        else:
            generator = networks.MLPGenerator((28, 28, 1), 32, hidden_units=kind.units)
            discriminator = networks.MLPDiscriminator((28, 28, 1), hidden_units=kind.critic_units)
    else:
        if kind.data == "normal":
            draw = np.random.default_rng(seed).normal(size=(kind.examples + 500, 20)).astype(np.float32)
            examples, held_out = draw[: kind.examples], draw[kind.examples :]
        else:
            density = toy.get(kind.data)
            examples, held_out = (density.sample(n, seed=seed + i) for i, n in ((0, 20_000), (10_000, 1000)))
            examples, held_out = examples + np.float32(kind.shift), held_out + np.float32(kind.shift)
            density = None if kind.shift else density
        shape = examples.shape[1:]
        generator = networks.MLPGenerator(
            shape, max(2, shape[0]), hidden_units=kind.units, kernel_initializer="he_normal"
        )
        discriminator = networks.MLPDiscriminator(shape, hidden_units=kind.critic_units, kernel_initializer="he_normal")
    gan = keras_gan.GAN(generator, discriminator, seed=seed)
    optimizers = [
        keras.optimizers.Adam(rate, kind.momentum)
        if kind.optimizer == "adam"
        else keras.optimizers.SGD(rate, kind.momentum)
        for rate in kind.rates
    ]
    penalties = [regularizers.get(kind.penalty)] if kind.penalty else []
    for penalty in penalties:
        penalty.weight = kind.weight
    gan.compile(
        *optimizers,
        loss=losses.get(kind.loss),
        discriminator_regularizers=penalties,
        discriminator_steps=kind.steps[0],
        generator_steps=kind.steps[1],
        update=kind.update,
        steps_per_execution=5 if sum(kind.steps) == 2 else 1,
    )
    return gan, examples, held_out, density


def truth(gan, density):
    """Facts about the generator without the watchdog: modes reached by 10,000 samples, and their quality."""
    samples = gan.generator(latents.stateless((10_000, gan.latent_dim), (gan.seed, -3), gan.latent_prior))
    samples = np.asarray(samples) if len(gan.image_shape) == 1 else np.asarray(samples[:500])
    if not np.isfinite(samples).all():
        return "not finite"
    if density is None or density.modes is None:
        return ""
    found = collapse.mixture_statistics(samples, density)
    if found["total"] == 1:
        return f"mean {samples.mean():.2f}, deviation {samples.std():.2f} (data: 0, 1)"
    return f"{found['modes']} of {found['total']} modes, {100 * found['high_quality']:.0f} % within 3 deviations"


def render(run):
    """The results as Markdown: the counts, each training, and each verdict that became the standing one."""
    counts, trainings, verdicts = collections.Counter(), [], []
    for result in sorted(run["results"], key=lambda each: (list(KINDS).index(each["kind"]), each["seed"])):
        kind = KINDS[result["kind"]]
        alarms = [name for _, name in result["said"] if name in rules.ALARMS]
        healthy = kind.should == _FINE
        right = not alarms if healthy else any(name in kind.should for name in alarms)
        outcome = "right" if right else "false alarm" if healthy else "another alarm" if alarms else "missed"
        counts["seen" if result["seed"] < 300 else "held out", healthy, outcome] += 1
        should = "no alarm" if healthy else " or ".join(kind.should)
        trainings.append([result["kind"], result["seed"], should, outcome, result["last"], result["truth"]])
        verdicts += [
            [result["kind"], result["seed"], step, name] for step, name in result["said"] if name != rules.EARLY
        ]
    outcomes = ("right", "false alarm", "another alarm", "missed")
    rows = []
    for split in ("seen", "held out"):
        for healthy in (True, False):
            each = [counts[split, healthy, outcome] for outcome in outcomes]
            if sum(each):
                rows.append([split, "healthy" if healthy else "made to fail", sum(each), *each])
    share = 100 * float(np.median([result["share"] for result in run["results"]]))
    columns = ["kind", "seed", "should be", "outcome", "at the end", "known of the generator"]
    return "\n\n".join(
        [
            tables.table(["seeds", "trainings", "of them", *outcomes], rows),
            f"The watchdog took {share:.1f} % of the time of these very small trainings, the median.",
            tables.table(columns, trainings),
            tables.table(["kind", "seed", "step", "verdict from then on"], verdicts),
        ]
    )


if __name__ == "__main__":
    main()

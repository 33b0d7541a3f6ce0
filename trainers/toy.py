"""GANs on densities that are known, where nothing about them has to be guessed.

    python -m trainers.toy
    python -m trainers.toy --preset=collapse
    python -m trainers.toy --experiment=k_sweep
    python -m trainers.toy --experiment=losses

The first two train, and draw the 2014 paper's figure 1 as it evolves: the data's density, the generator's, the
discriminator, and the best possible discriminator for the present generator; the value function V beside its bound, and
the true Jensen-Shannon divergence (JSD, in nats) beside what the discriminator says it is. Presets, each under a minute
on two cores, with what to expect of three seeds:

  equilibrium  the default, one Gaussian: JSD 0.0004 to 0.002 at the end, V -1.391 to -1.388 (-log 4 is -1.386)
  collapse     30 generator updates for one of the discriminator: JSD swings between 0.2 and 0.7 to the end, and at
               three looks of four all samples are in one of the two modes
  diverge      a learning rate of 0.3, simultaneous: JSD 0.6931 (log 2, its largest) from update 20 on, no mode left
  vanishing    k too large, 15 discriminator steps on the minimax loss: V -0.05 to -0.03, JSD 0.68, and a gradient of
               the generator that is 5 to 50 times smaller than at the start
  weak         k too small, 5 generator updates for one of the discriminator: JSD 0.66 to 0.68, of which the
               discriminator sees at most 0.06

`k_sweep` asks how many updates the discriminator needs for each one of the generator, `losses` tries every loss with
every regularizer; both start from `--preset=plain`: a ring, a learning rate of 1e-3, one discriminator step. An
experiment that was interrupted goes on where it was when it is started again with the same --out, with its own flags.
"""

import csv
import dataclasses
import itertools
import json
import math
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tqdm

import keras_gan
from keras_gan import callbacks, cli, data, losses, regularizers
from keras_gan.cli import option
from keras_gan.data import toy
from keras_gan.files import atomic, schema
from keras_gan.metrics import divergence
from trainers.toys import figures, measures

RATIOS = ((1, 5), (1, 1), (5, 1), (15, 1))  # discriminator updates, generator updates
_SUMMARIZED = (
    "jsd", "jsd_error", "jsd_estimate", "value", "modes", "high_quality", "std_ratio", "reverse_kl",
    "generator_gradient", "saturating_gradient",
)  # fmt: skip
# What may differ between an experiment and its continuation.
_FREE = {"out", "seeds"}

_PLAIN = {"data": "ring", "steps": 4000, "learning_rate": 1e-3, "beta_1": 0.5, "discriminator_steps": 1}


@dataclasses.dataclass(frozen=True)
class Config:
    PRESETS = {
        "equilibrium": {},
        "collapse": {**_PLAIN, "data": "two_gaussians", "generator_steps": 30, "steps": 3000},
        "diverge": {
            **_PLAIN, "data": "gaussian", "loss": "minimax", "update": "simultaneous", "learning_rate": 0.3,
            "beta_1": 0.9, "steps": 200, "measure_every": 10,
        },
        "vanishing": {
            **_PLAIN, "loss": "minimax", "discriminator_steps": 15, "learning_rate": 3e-3, "steps": 300,
            "measure_every": 50,
        },
        "weak": {**_PLAIN, "generator_steps": 5, "steps": 2000},
        "plain": _PLAIN,
    }  # fmt: skip

    preset: str = option(
        "equilibrium", "equilibrium, collapse, diverge, vanishing, weak or plain: what flags not given are.",
        before="plain",
    )  # fmt: skip
    out: str = option("", "Folder of the results; a numbered one below runs/ by default.")
    experiment: str = option("evolution", "evolution, k_sweep or losses.")
    data: str = option("gaussian", "gaussian, two_gaussians, ring, grid or swiss_roll.", before="ring")
    steps: int = option(3000, "Generator updates of each training.", low=1, before=4000)
    measure_every: int = option(100, "Generator updates between measurements, and between frames.", low=1)
    batch_size: int = option(256, "Examples in one update's minibatch.", low=1)
    seeds: int = option(3, "Trainings of each kind in an experiment.", low=1)
    seed: int = option(0, "The first of them.", low=0)
    loss: str = option("non_saturating", "Adversarial loss: a name of keras_gan.losses.get; the paper's is minimax.")
    regularizers: str = option("", "Regularizers of the discriminator, names of keras_gan.regularizers.get, by commas.")
    regularizer_weight: float = option(0.1, "Their weight.", low=0)
    discriminator_steps: int = option(
        5, "Discriminator updates per step, each on a minibatch of its own.", low=1, before=1
    )
    generator_steps: int = option(1, "Generator updates per step.", low=1)
    update: str = option("alternating", "alternating or simultaneous.")
    latent_dim: int = option(0, "Length of a latent vector; 0: that of the data. Above 2 densities are noisy.", low=0)
    units: int = option(128, "Width of the two hidden layers of either network.", low=1)
    probe_steps: int = option(1000, "Training steps of the fresh discriminator that judges the end.", low=20)
    learning_rate: float = option(1e-4, "Adam's learning rate for both networks.", low=0, before=1e-3)
    beta_1: float = option(0.0, "Adam's beta_1.", low=0, below=1, before=0.5)


def main(argv=None):
    """Runs an experiment from the command line."""
    argv = sys.argv[1:] if argv is None else list(argv)
    config, given = cli.parse(Config, "python -m trainers.toy", __doc__, argv)
    if config.experiment != "evolution" and "preset" not in given:
        config, _ = cli.parse(Config, "python -m trainers.toy", __doc__, [*argv, "--preset=plain"])
    cli.run(lambda: _run(config, given))


def _run(config, given):
    experiments = {"evolution": _evolution, "k_sweep": _k_sweep, "losses": _losses}
    if config.experiment not in experiments:
        raise ValueError(f"--experiment must be one of {list(experiments)}. Received: --experiment={config.experiment}")
    toy.get(config.data)
    config, folder = _folder(config, given)
    started = time.monotonic()
    experiments[config.experiment](config, folder)
    print(f"{(time.monotonic() - started) / 60:.1f} minutes in all; everything is in {folder}")


def _folder(config, given):
    """The configuration, whose flags that are not given are those of results in its folder, and the folder."""
    folder = Path(config.out) if config.out else None
    if folder is None:
        stem = f"toy-{config.experiment}-{config.data}"
        folder = next(f for n in itertools.count(1) if not (f := Path("runs", f"{stem}-{n:03d}")).exists())
    file = folder / "config.json"
    if file.exists():
        names = {field.name for field in dataclasses.fields(config)} - _FREE
        try:
            was = cli.adopt(config, schema.read(file, schema.table()), names)
        except ValueError as error:
            raise ValueError(f"{file} is damaged: choose another --out ({error}).") from None
        differing = sorted(name for name in given if getattr(was, name) != getattr(config, name))
        if differing:
            raise ValueError(
                f"{folder} holds results of another configuration: {differing} differ. Choose another --out."
            )
        config = was
    elif folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty and holds no results: choose another --out.")
    atomic.nearest_folder(file)
    folder.mkdir(parents=True, exist_ok=True)
    atomic.write_text(file, json.dumps(dataclasses.asdict(config), indent=2) + "\n")
    return config, folder


def build(config, density):
    """The compiled GAN of a configuration: two small multilayer perceptrons, for points of a density."""
    keras.utils.set_random_seed(config.seed)
    shape, units = (density.dim,), (config.units,) * 2
    gan = keras_gan.GAN(
        keras_gan.networks.MLPGenerator(
            shape, config.latent_dim or density.dim, hidden_units=units, kernel_initializer="he_normal"
        ),
        keras_gan.networks.MLPDiscriminator(shape, hidden_units=units, kernel_initializer="he_normal"),
        seed=config.seed,
    )
    penalties = [regularizers.get(name) for name in config.regularizers.split(",") if name]
    for penalty in penalties:
        penalty.weight = config.regularizer_weight
    gan.compile(
        keras_gan.optimizers.Adam(config.learning_rate, config.beta_1),
        keras_gan.optimizers.Adam(config.learning_rate, config.beta_1),
        loss=config.loss,
        discriminator_regularizers=penalties,
        discriminator_steps=config.discriminator_steps,
        generator_steps=config.generator_steps,
        update=config.update,
        steps_per_execution=_at_once(config),
    )
    return gan


def _at_once(config):
    """Training steps per call: small networks wait for Python otherwise. All kinds of lengths are multiples of it."""
    most = max(1, 8 // (config.discriminator_steps + config.generator_steps))
    return math.gcd(math.gcd(*_lengths(config)), most)


def _lengths(config):
    """Training steps between measurements, and in all, from numbers of generator updates."""
    every = max(1, config.measure_every // config.generator_steps)
    return every, every * max(1, config.steps // config.generator_steps // every)


def train(config, density, bar, frames=None):
    """Trains one GAN and measures it along the way.

    Args:
        config: `Config`.
        density: `keras_gan.data.toy.Mixture`.
        bar: Progress bar in generator updates.
        frames: Function of a measurement's row and its arrays, called with each, or `None`.

    Returns:
        Pair of the `GAN` and the list of rows, dictionaries of numbers.

    Raises:
        FloatingPointError: If it diverges.
        ValueError: If loss, regularizers and networks do not go together.
    """
    gan = build(config, density)
    ruler = measures.Ruler(density, gan, config.seed)
    every, total = _lengths(config)
    rows = []

    class Measure(callbacks.EverySteps):
        def at_step(self, step, logs):
            row, arrays = ruler.measure(gan)
            bar.update((step - (rows[-1]["step"] if rows else 0)) * config.generator_steps)
            rows.append({"step": step, "generator_updates": step * config.generator_steps, **row})
            gan.reset_metrics()
            if frames is not None:
                frames(rows, arrays)

    measure = Measure(every)
    measure.at_step(0, None)
    points, _ = data.load(
        f"toy:{density.name}", batch_size=config.batch_size * config.discriminator_steps, seed=config.seed, repeat=True
    )
    tasks = [callbacks.StopOnNonFinite(every), measure]
    gan.fit(points, steps_per_epoch=total, verbose=0, callbacks=tasks)
    return gan, rows


def _evolution(config, folder):
    density = toy.get(config.data)
    with _bar(config.steps) as bar:
        gan, rows = train(config, density, bar, lambda rows, arrays: figures.draw_frame(folder, density, rows, arrays))
    _write_csv(folder / "measures.csv", rows)
    figures.draw_curves(folder, rows, density)
    figures.animate(folder)
    fresh = divergence.jensen_shannon(
        density.sample(20_000, seed=1), measures.draw(gan, 20_000), steps=config.probe_steps
    )
    result = {**rows[-1], "probe_jsd": fresh["estimate"], "probe_standard_error": fresh["standard_error"]}
    atomic.write_text(folder / "result.json", json.dumps(result, indent=2) + "\n")
    gan.save_generator(folder / "generator.keras")
    print(_table([[name, _text(value)] for name, value in result.items()], ["measured at the end", ""]))
    print("frame.png is the last picture, evolution.gif all of them, curves.png the measurements (measures.csv).")


def _k_sweep(config, folder):
    kinds = [(f"{d}:{g}", dataclasses.replace(config, discriminator_steps=d, generator_steps=g)) for d, g in RATIOS]
    results = _experiment(config, folder, kinds)
    figures.draw_sweep(folder, results, [name for name, _ in kinds])
    columns = ("jsd", "modes", "high_quality", "std_ratio", "generator_gradient", "saturating_gradient", "seconds")
    _report(folder, results, [name for name, _ in kinds], columns, "D:G updates")


def _losses(config, folder):
    penalties = ["", *regularizers.names()]
    kinds = [
        (f"{loss} {penalty}".strip(), dataclasses.replace(config, loss=loss, regularizers=penalty))
        for loss in losses.names()
        for penalty in penalties
    ]
    results = _experiment(config, folder, kinds)
    figures.draw_losses(folder, results, losses.names(), penalties)
    columns = ("jsd", "modes", "high_quality", "std_ratio", "generator_gradient", "seconds")
    _report(folder, results, [name for name, _ in kinds], columns, "loss, regularizer")


def _experiment(config, folder, kinds):
    """Trains every kind with every seed, but for what an earlier process has finished.

    Returns:
        List of dictionaries: `kind`, `seed`, `outcome` ("trained", "diverged" or "does not apply"), `seconds`, `rows`,
        and the means of the last fifth of the measurements.
    """
    density = toy.get(config.data)
    file = folder / "results.jsonl"
    results = _finished(file)
    done = {(result["kind"], result["seed"]) for result in results}
    todo = [
        (name, dataclasses.replace(kind, seed=seed))
        for seed in range(config.seed, config.seed + config.seeds)
        for name, kind in kinds
        if (name, seed) not in done
    ]
    with _bar(config.steps * len(todo)) as bar:
        for i, (name, kind) in enumerate(todo):
            bar.set_description(f"{name}, seed {kind.seed}")
            started, outcome, rows = time.monotonic(), "trained", []
            try:
                _, rows = train(kind, density, bar)
            except FloatingPointError:
                outcome = "diverged"
            except ValueError as error:
                outcome = f"does not apply: {error}"
            bar.update(max(0, (i + 1) * config.steps - bar.n))
            result = {"kind": name, "seed": kind.seed, "outcome": outcome, "seconds": time.monotonic() - started}
            result |= _summary(rows) | {"rows": rows}
            with file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(result) + "\n")
            results.append(result)
            keras.backend.clear_session()
    return results


_FINISHED = schema.table(
    kind=schema.text, seed=schema.integer(), outcome=schema.text, rows=schema.array(schema.table())
)


def _finished(file):
    """The results of an earlier process, without what one that was killed left of a last line."""
    if not file.exists():
        return []
    lines = file.read_text("utf-8").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        atomic.write_text(file, "".join(lines[:-1]))
        lines = lines[:-1]
    try:
        return [schema.parse(line, _FINISHED) for line in lines]
    except ValueError as error:
        raise ValueError(f"{file} is damaged: choose another --out ({error}).") from None


def _summary(rows):
    """Means over the last fifth of the measurements: single ones depend on where an oscillation is."""
    last = rows[-max(1, len(rows) // 5) :]
    return {name: float(np.mean([row[name] for row in last])) for name in _SUMMARIZED if last and name in last[0]}


def _report(folder, results, names, columns, title):
    lines = []
    for name in names:
        own = [result for result in results if result["kind"] == name]
        trained = [result for result in own if result["outcome"] == "trained"]
        if not trained:
            lines.append([name, own[0]["outcome"].split(":")[0], *[""] * (len(columns) - 1)])
            continue
        cells = [[result[c] for result in trained if c in result] for c in columns]
        lines.append([name, *[_spread(values) for values in cells]])
        if len(trained) < len(own):
            lines[-1][0] += f" ({len(own) - len(trained)} of {len(own)} diverged)"
    seeds = len({result["seed"] for result in results})
    note = f"Means over the last fifth of each training, +- standard deviation over {seeds} seeds."
    text = _table(lines, [title, *columns])
    atomic.write_text(folder / "table.md", f"{text}\n\n{note}\n")
    _write_csv(folder / "results.csv", [{k: v for k, v in result.items() if k != "rows"} for result in results])
    print(f"{text}\n{note}")


def _spread(values):
    if not values:
        return ""
    return f"{np.mean(values):.3g}" + (f" +- {np.std(values, ddof=1):.2g}" if len(values) > 1 else "")


def _text(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(rows, header):
    """A table in Markdown that is also one in a terminal."""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    lines = [[str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [header, *rows]]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _write_csv(path, rows):
    names = list(dict.fromkeys(name for row in rows for name in row))
    with atomic.write_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


def _bar(total):
    return tqdm.tqdm(total=total, unit="update", disable=None, leave=False)


if __name__ == "__main__":
    main()

"""Makes a trained generator forget one feature of what it makes, without any training data.

    python -m trainers.unlearn --model=runs/dcgan-mnist5k-001/generator.keras --feature=thickness
    python -m trainers.unlearn --model=runs/dcgan-mnist5k-001/generator.keras --feature=class:7
    python -m trainers.unlearn --model=runs/dcgan-mnist5k-001/generator.keras --feature=marked:marked.json

The feature is one of: the thickest strokes, of which --share of the samples count as having it; a class, as a
classifier that comes with the package sees it; what a person marked on the page of `trainers.label`. From samples with
and without it follows a direction of latents, and where in that direction the feature begins (--threshold); the
generator is then trained to make of latents beyond that what it made of them at the threshold, and of all others what
it made before. Where the classifier annotates, it also looks at the images in training, and what lies beyond the
threshold without the feature counts as the others.

`unlearned.keras` is a generator like any other. `report.json` and the table that is printed say what became of the
feature and of the rest, beside what needs no training but leaves the feature in the weights: latents drawn again
("rejection"), and latents moved to the threshold ("projection"). `before.png` and `after.png` are of the same latents,
`comparison.png` shows both, first samples that had the feature, then others. `trade_off.png` shows, over thresholds,
how many images still have the feature and how many of those that lacked it become something else.
"""

import dataclasses
import json
import math
from pathlib import Path

import keras
import tensorflow as tf
import tqdm

from keras_gan import cli, latents, unlearning
from keras_gan.cli import option
from keras_gan.export import loading
from keras_gan.files import atomic, pictures
from keras_gan.files.run_folder import RunFolder
from keras_gan.networks import presets
from trainers.engine import flags
from trainers.forgetting import forgetting, targets, trade_off


@dataclasses.dataclass(frozen=True)
class Config:
    model: str = option("", "generator.keras or gan.keras of a run, or preset:NAME.")
    feature: str = option("", "thickness, class:K (number or name) or marked:FILE.")
    dataset: str = option("", "Real images, as the trainers take them; by default those of the model's run.")
    data_dir: str = option("", "Where TensorFlow Datasets keeps prepared data; its own default if empty.")
    download: bool = option(False, "Whether TensorFlow Datasets may download what is not prepared.")
    image_size: str = option("", "HxW: resize and crop real images; by default as in the run.")
    channels: int = option(0, "1 to 4: channels of real images; by default as in the run.", low=0, below=5)
    real_split: str = option("test", "Split of the real images that are compared with.")
    samples: int = option(
        20_000, "Samples that are annotated; of marked ones it is the file that says.", low=10, below=10**6
    )
    share: float = option(
        0.1, "Share of the samples that count as having a feature that has degrees.", low=1e-6, below=1
    )
    threshold: str = option(
        "",
        "Where the feature begins, in standard deviations of latents; by default by --remaining.",
    )
    remaining: float = option(
        0.25,
        "Share of the feature that may remain at the threshold: lower forgets more, and changes more.",
        low=0,
        below=1,
    )
    alpha: float = option(1.0, "Weight of forgetting against keeping the rest.", low=0)
    steps: int = option(500, "Length in training steps.", low=1)
    batch_size: int = option(64, "Latents in a step.", low=1)
    learning_rate: float = option(1e-3, "Adam's learning rate.", low=0)
    seed: int = option(0, "Seed of the first annotated sample, and of training.", low=0, below=2**31)
    evaluated: int = option(2000, "Other samples, on which all is measured.", low=10, below=10**6)
    attacks: int = option(20, "Searches for latents that bring the feature back; 0 for none.", low=0, below=10**4)
    attack_steps: int = option(100, "Steps of each such search.", low=1)
    out: str = option("", "Folder of the results; by default unlearned-FEATURE beside the model.")


def main(argv=None):
    """Trains from the command line.

    Args:
        argv: Command-line arguments; by default the process's own.

    Returns:
        `pathlib.Path` of the folder of the results.
    """
    config, _ = cli.parse(Config, "python -m trainers.unlearn", __doc__, argv)
    return cli.run(lambda: _unlearn(config))


def _unlearn(config):
    out = _results_folder(config)
    threshold = _threshold(config)
    if not config.alpha > 0:
        raise ValueError(f"--alpha must be above 0. Received: --alpha={config.alpha:g}")
    tf.get_logger().setLevel("ERROR")
    # As in `trainers.engine.flags`, where it is said why.
    tf.config.optimizer.set_experimental_options({"remapping": False})
    keras.utils.set_random_seed(config.seed)
    generator = loading.load_generator(config.model)
    if len(generator.image_shape) != 3:
        raise ValueError(f"{config.model} generates vectors; features are of images. Received: {generator.image_shape}")
    config, run_split = _from_run(config)
    source = flags.find_like(config, config.real_split, generator.image_shape, "real_split")
    target = targets.parse(config.feature, config.dataset, source.class_names, generator)
    annotation = target.annotate(generator, config)
    cutoff = annotation.cutoff
    feature = annotation.feature(threshold)
    if threshold is None:
        feature = forgetting.with_threshold(generator, feature, target, cutoff, config.remaining, config.seed)
    print(targets.describe(target, annotation), flush=True)
    probes = forgetting.Probes.draw(generator, config.evaluated, config.seed)
    beyond = float(feature.present(probes.codes).mean())
    if not 0.0 < beyond < 0.99:
        raise ValueError(
            "A threshold must have latents on both sides: give another --threshold. Received: "
            f"{feature.threshold:.3g}, beyond which lie {beyond:.1%} of {config.evaluated} latents"
        )
    before = latents.generate(generator, probes.codes, probes.labels)
    detector = None if target.judge is None else feature.quality(probes.codes, target.has(before, cutoff))
    print(forgetting.describe_detector(feature, detector, probes), flush=True)
    sees = target.sees(cutoff)
    # Otherwise what lies beyond without the feature stays as it is.
    warning = None if sees else forgetting.warning(detector)
    if warning:
        print(f"Warning: {warning}", flush=True)
    curve = None if target.judge is None else trade_off.over_thresholds(generator, feature, target, cutoff, probes)
    real = forgetting.RealImages.without(source, target, cutoff, config.dataset)

    unlearner, logged = train(generator, feature, config, sees)
    report = forgetting.measure(generator, unlearner.generator, feature, target, cutoff, probes, real, config)
    print(forgetting.table(report, target), flush=True)
    report = {
        "feature": {"name": target.name, "cutoff": cutoff, **feature.get_config()},
        "annotated": {"samples": len(annotation.present), "with_the_feature": int(annotation.present.sum())},
        # JSON has no NaN, which is what is undefined.
        "detector": detector and {name: value if math.isfinite(value) else None for name, value in detector.items()},
        "warnings": [warning] if warning else [],
        "judge": target.judge_name,
        "trade_off": curve,
        **report,
        "training": logged,
        "config": dataclasses.asdict(config),
    }
    with atomic.write_folder(out) as folder:
        folder.mkdir()
        _write(folder, config, run_split, unlearner, generator, feature, target, cutoff, probes, report)
    print(
        f"{out}/unlearned.keras is the new generator, comparison.png shows before and after, report.json all numbers."
    )
    return out


def train(generator, feature, config, sees=None, every=50):
    """Trains a copy of a generator to forget a feature.

    Args:
        generator: `keras_gan.networks.Generator`.
        feature: `keras_gan.unlearning.LatentFeature`.
        config: With `learning_rate`, `alpha`, `batch_size`, `seed` and `steps`.
        sees: As for `keras_gan.unlearning.FeatureUnlearner`.
        every: Steps between log entries.

    Returns:
        The pair of a `keras_gan.unlearning.FeatureUnlearner` and its log, a list of dictionaries of `step` and means.
    """
    unlearner = unlearning.FeatureUnlearner(generator, feature, sees)
    unlearner.compile(keras.optimizers.Adam(config.learning_rate), alpha=config.alpha)
    logged = []
    bar = tqdm.tqdm(total=config.steps, desc="unlearning", unit="step", leave=False, disable=None)

    def note(batch, logs):
        bar.update()
        step = batch + 1
        if step % every == 0 or step == config.steps:
            logged.append({"step": step, **{name: float(value) for name, value in logs.items()}})
            bar.set_postfix(loss=f"{logs['loss']:.3g}")
            if not math.isfinite(logs["loss"]):
                raise FloatingPointError(f"The loss is {logs['loss']} at step {step}: lower --learning_rate.")
            unlearner.reset_metrics()

    batches = unlearning.latent_batches(generator, config.batch_size, config.seed)
    with bar:
        callback = keras.callbacks.LambdaCallback(on_train_batch_end=note)
        unlearner.fit(batches, steps_per_epoch=config.steps, verbose=0, callbacks=[callback])
    return unlearner, logged


def _results_folder(config):
    if not config.model:
        raise ValueError("--model is needed: the generator.keras of a run.")
    if not config.feature:
        raise ValueError("--feature is needed: thickness, class:K or marked:FILE.")
    name = "".join(letter if letter.isalnum() else "-" for letter in Path(config.feature).name)
    out = Path(config.out) if config.out else _beside(config.model) / f"unlearned-{name}"
    if out.exists():
        raise ValueError(f"{out} exists: choose another --out.")
    atomic.nearest_folder(out)
    return out


def _threshold(config):
    if not config.threshold:
        return None
    try:
        return float(config.threshold)
    except ValueError:
        raise ValueError(f"--threshold must be a number. Received: --threshold={config.threshold}") from None


def _beside(model):
    """The folder that a model lies in; of presets the one that the command was started in."""
    return Path() if model.startswith(presets.PREFIX) else Path(model).parent


def _from_run(config):
    """The configuration with what flags leave open taken from the model's run, and the split that was trained on."""
    run = RunFolder.of(loading.place_of(config.model))
    started = run.config() if run else {}
    open_names = [name for name in ("dataset", "data_dir", "image_size", "channels") if not getattr(config, name)]
    config = cli.adopt(config, started, open_names)
    if not config.dataset:
        raise ValueError("--dataset is needed: the real images to compare with, such as --dataset=mnist.")
    return config, started.get("split") or "train"


def _write(folder, config, run_split, unlearner, generator, feature, target, cutoff, probes, report):
    unlearner.save_generator(folder / "unlearned.keras")
    feature.save(folder / "feature.json")
    # What `trainers.evaluate` and exports read beside a model.
    RunFolder(folder).write_config({"trainer": "unlearn", **dataclasses.asdict(config), "split": run_split})
    shown = 64
    pairs = [
        latents.generate(network, probes.codes[:shown], None if probes.labels is None else probes.labels[:shown])
        for network in (generator, unlearner.generator)
    ]
    for name, images in zip(("before", "after"), pairs, strict=True):
        pictures.write_png(folder / f"{name}.png", pictures.grid(images, columns=8))
    if report["trade_off"] is not None:
        found = report["methods"]["unlearned"]
        changed = found["class_changed"]["value"] if found["class_changed"] else found["to_original_featureless"]
        chosen = (found["share"]["value"], changed)
        trade_off.draw(folder / "trade_off.png", {"projection of latents": report["trade_off"]}, chosen)
    picture = forgetting.compare(generator, unlearner.generator, feature, target, cutoff, probes)
    pictures.write_png(folder / "comparison.png", picture)
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()

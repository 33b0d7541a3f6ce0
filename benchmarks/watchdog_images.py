"""Verdicts of the watchdog on image trainings that were made to fail, and on healthy ones.

    python -m benchmarks.watchdog_images --out=runs/watchdog_images
    python -m benchmarks.watchdog_images --out=runs/watchdog_images --judge=open

Every kind of training is one of the recipes of `trainers/` with small networks, a few hundred steps long. Kinds are of
two halves, which were fixed before any rule was: rules and thresholds were set on the open half, and the half that was
held back was looked at once, at the end. The first command trains, and keeps what the watchdog saw at every look; the
second tells these signals to the rules as they are now, without training.

Whether a training failed in truth is measured without the watchdog, on 1,000 images of the generator at the end, by a
second classifier, which neither trained nor watched them: their Frechet distance to 1,000 training images, the classes
that make up at least 1 % of them, the share that shows the class that was asked for, and the spread within a class. Of
drawn faces, which have no classifier, features are 8x8 pixels. A training made to fail failed if its images are not
finite, their distance is more than 1.5 times that of the healthy training that it is like, at least two classes fewer
are there, less than half as many show the class that was asked for, or their spread within a class is below 0.3 of that
of the data. A healthy one is healthy if its distance halved, and the spread is not below 0.3; that all classes are
there, or show what was asked for, is demanded of none, as short trainings end before. Trainings that are not what they
should be are listed and not counted.
"""

import dataclasses
import functools
import importlib
import json
import os
import sys
import time
from pathlib import Path

import keras
import numpy as np
import scipy
import tqdm

from benchmarks import tables
from keras_gan import callbacks, data, latents, metrics
from keras_gan.callbacks.watchdog import rules
from keras_gan.cli import option
from keras_gan.files import atomic, pictures
from keras_gan.metrics import distances
from trainers import dcgan

_FINE = ()
STILL, LABELS = rules.STILL, rules.LABELS


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    out: str = option("runs/watchdog_images", "Folder of the results.")
    kinds: str = option("", "Kinds, separated by '; '; all by default.")
    seed: int = option(0, "Seed of the trainings.", low=0)
    faces: str = option("", "Drawn faces, a pattern of TFRecords with {split}; without it their kinds are left out.")
    judge: str = option("", "open or held: tell that half to the rules, instead of training.")


@dataclasses.dataclass(frozen=True)
class Kind:
    """A training, and what the watchdog should say of it.

    Attributes:
        recipe: Name of the recipe in `trainers/`.
        should: The verdicts that are right; none of a healthy training, of which no alarm is.
        held: Whether it belongs to the half that was held back.
        flags: Those of the recipe that are not its own defaults.
        like: The healthy kind that a failing one is compared with.
        data: `"mnist5k"`, `"cifar10"` or `"faces"`.
        examples: How many of the images are trained on; all with 0.
        spoiled: What is done to it that no flag does: `"shuffled labels"`; `"no labels"` for the generator; `"blind
            discriminator"`, which sees no labels; `"same latent"` for all images.
        length: Training steps.
    """

    recipe: str
    should: tuple = _FINE
    held: bool = False
    flags: dict = dataclasses.field(default_factory=dict)
    like: str = ""
    data: str = "mnist5k"
    examples: int = 0
    spoiled: str = ""
    length: int = 400


# Networks are small, so that whole trainings are short. Rates are those of the recipes where nothing else is said; that
# of the DCGAN is the one that the rules were set on.
SMALL = {
    "dcgan": {**dcgan.Config.PRESETS["before"], "filters": 8, "latent_dim": 32},
    "conditional_gan": {"filters": 8, "latent_dim": 32},
    "mlp_gan": {"generator_units": 256, "discriminator_units": 64, "parzen_samples": 0},
    "wgan_gp": {"filters": 8, "latent_dim": 32},
    "sngan": {"generator_filters": 8, "discriminator_filters": 8, "latent_dim": 32},
    "r3gan": {"latent_dim": 32},
}
_RATES = ("generator_learning_rate", "discriminator_learning_rate")


def _rates(generator, discriminator):
    return dict(zip(_RATES, (generator, discriminator), strict=True))


# Of projection labels are followed soon enough to be seen.
_WIDER = {"filters": 16, "batch_size": 32}

HEALTHY = {
    "dcgan": Kind("dcgan"),
    "dcgan, batch 16": Kind("dcgan", flags={"batch_size": 16}, length=600),
    "dcgan, least squares": Kind("dcgan", flags={"loss": "least_squares", "batch_size": 32}),
    "dcgan, slow rates": Kind("dcgan", flags={**_rates(3e-4, 3e-4), "batch_size": 32}, length=500),
    "dcgan, CIFAR-10": Kind("dcgan", flags={"batch_size": 32}, data="cifar10"),
    "conditional, projection": Kind("conditional_gan", flags=_WIDER, length=800),
    "conditional, auxiliary": Kind(
        "conditional_gan", flags={"conditioning": "auxiliary", "batch_size": 32}, length=600
    ),
    "mlp": Kind("mlp_gan", flags=_rates(1e-3, 1e-3), length=600),
    "sngan": Kind("sngan", flags={"batch_size": 32}, length=300),
    "wgan_gp": Kind("wgan_gp", flags={"batch_size": 32}, length=250),
    "r3gan": Kind("r3gan", flags={"batch_size": 16}, length=100),
    "dcgan, batch 8": Kind("dcgan", held=True, flags={"batch_size": 8}, length=600),
    "dcgan, batch 128": Kind("dcgan", held=True, flags={"batch_size": 128}, length=300),
    "dcgan, hinge": Kind("dcgan", held=True, flags={"loss": "hinge", "batch_size": 32}),
    "dcgan, batch normalization in both, slow": Kind(
        "dcgan", held=True, length=500,
        flags={"discriminator_normalization": "batch", "r1_gamma": 0.0, "batch_size": 32, **_rates(2e-4, 2e-4)},
    ),
    "dcgan, faces": Kind("dcgan", held=True, flags={"batch_size": 32}, data="faces"),
    "conditional, concatenation": Kind(
        "conditional_gan", held=True, flags={"conditioning": "concat", "batch_size": 32}, length=900
    ),
    "conditional, CIFAR-10": Kind("conditional_gan", held=True, flags={"batch_size": 32}, data="cifar10"),
    "mlp, batch 16": Kind("mlp_gan", held=True, flags={"batch_size": 16, **_rates(1e-3, 1e-3)}, length=600),
    "sngan, CIFAR-10, batch 16": Kind("sngan", held=True, flags={"batch_size": 16}, data="cifar10", length=300),
    "wgan_gp, batch 16": Kind("wgan_gp", held=True, flags={"batch_size": 16}, length=300),
    "r3gan, batch 8": Kind("r3gan", held=True, flags={"batch_size": 8}, length=120),
}  # fmt: skip

_BURST = (rules.DIVERGED, rules.COLLAPSE)
FAILING = {
    "generator's rate 0": Kind("dcgan", (STILL,), flags=_rates(0.0, 2e-3), like="dcgan", length=300),
    "shuffled labels": Kind(
        "conditional_gan", (LABELS,), flags=_WIDER, like="conditional, projection", spoiled="shuffled labels",
        length=800,
    ),
    "generator without labels": Kind(
        "conditional_gan", (LABELS,), flags={"conditioning": "auxiliary", "batch_size": 32},
        like="conditional, auxiliary", spoiled="no labels", length=600,
    ),
    "rates x 100": Kind("dcgan", _BURST, flags=_rates(0.2, 0.2), like="dcgan", length=300),
    "minimax, discriminator's rate x 20, no penalty": Kind(
        "dcgan", (rules.DISCRIMINATOR,), like="dcgan",
        flags={"loss": "minimax", "r1_gamma": 0.0, "batch_size": 32, **_rates(1e-4, 2e-3)},
    ),
    "discriminator's rate 0": Kind("dcgan", (rules.GENERATOR,), flags=_rates(2e-3, 0.0), like="dcgan", length=300),
    # Batch normalization makes 0 of equal latents: the images are alike, and no weight gets a gradient.
    "one latent for all": Kind("dcgan", (rules.COLLAPSE, STILL), like="dcgan", spoiled="same latent"),
    "Wasserstein without a bound, rate x 10": Kind(
        "wgan_gp", (rules.DIVERGED,), flags={"penalty": 0.0, "learning_rate": 5e-3, "batch_size": 32}, like="wgan_gp",
        length=250,
    ),
    "10 generator steps, fast": Kind(
        "dcgan", (rules.COLLAPSE, rules.GENERATOR), like="dcgan", length=200,
        flags={"generator_steps": 10, "r1_gamma": 0.0, "batch_size": 32, **_rates(5e-3, 5e-4)},
    ),
    "30 images": Kind(
        "dcgan", (rules.OVERFITTING, rules.DISCRIMINATOR), flags={"r1_gamma": 0.0, "batch_size": 16}, like="dcgan",
        examples=30, length=600,
    ),
    "CIFAR-10, no penalty, rates x 10": Kind(
        "dcgan", (*_BURST, rules.DISCRIMINATOR), data="cifar10", like="dcgan, CIFAR-10",
        flags={"r1_gamma": 0.0, "batch_size": 32, **_rates(2e-2, 2e-2)},
    ),
    "mlp, generator's rate 0": Kind(
        "mlp_gan", (STILL,), held=True, flags=_rates(0.0, 2e-4), like="mlp", length=400
    ),
    "sngan, generator's rate 1e-9": Kind(
        "sngan", (STILL,), held=True, flags={"batch_size": 32, **_rates(1e-9, 2e-3)}, like="sngan", length=200
    ),
    "shuffled labels, concatenation": Kind(
        "conditional_gan", (LABELS,), held=True, flags={"conditioning": "concat", "batch_size": 32},
        like="conditional, concatenation", spoiled="shuffled labels", length=900,
    ),
    "discriminator without labels": Kind(
        "conditional_gan", (LABELS,), held=True, flags=_WIDER, like="conditional, projection",
        spoiled="blind discriminator", length=800,
    ),
    "sngan, rates x 100": Kind(
        "sngan", _BURST, held=True, flags={"batch_size": 32, **_rates(5e-2, 0.2)}, like="sngan", length=200
    ),
    "mlp, minimax, discriminator's rate x 20": Kind(
        "mlp_gan", (rules.DISCRIMINATOR,), held=True, like="mlp", length=600,
        flags={"loss": "minimax", "input_dropout": 0.0, "dropout": 0.0, **_rates(1e-4, 2e-3)},
    ),
    "faces, minimax, 8 discriminator steps, no penalty": Kind(
        "dcgan", (rules.DISCRIMINATOR,), held=True, data="faces", like="dcgan, faces", length=200,
        flags={"loss": "minimax", "r1_gamma": 0.0, "batch_size": 16, "discriminator_steps": 8, **_rates(1e-4, 2e-3)},
    ),
    "CIFAR-10, discriminator's rate / 1000": Kind(
        "dcgan", (rules.GENERATOR,), held=True, data="cifar10", like="dcgan, CIFAR-10", length=300,
        flags={"batch_size": 32, **_rates(2e-3, 2e-6)},
    ),
    "conditional, one latent for all": Kind(
        "conditional_gan", (rules.COLLAPSE,), held=True, flags=_WIDER, like="conditional, projection",
        spoiled="same latent", length=800,
    ),
    "r3gan, no penalty, rates x 30": Kind(
        "r3gan", (*_BURST, rules.DISCRIMINATOR), held=True, like="r3gan", length=100,
        flags={"gamma": 0.0, "final_gamma": 0.0, "learning_rate": 3e-2, "final_learning_rate": 3e-2, "batch_size": 16},
    ),
    "conditional, 10 generator steps, fast": Kind(
        "conditional_gan", (rules.COLLAPSE, rules.GENERATOR), held=True, like="conditional, projection", length=200,
        flags={"generator_steps": 10, "r1_gamma": 0.0, "batch_size": 32, "learning_rate": 5e-3},
    ),
    "mlp, 20 images": Kind(
        "mlp_gan", (rules.OVERFITTING, rules.DISCRIMINATOR), held=True, like="mlp", examples=20, length=800,
        flags={"batch_size": 16, "dropout": 0.0, "input_dropout": 0.0, **_rates(1e-3, 1e-3)},
    ),
}  # fmt: skip
KINDS = {**HEALTHY, **FAILING}


def main(argv=None):
    """Trains what has not been trained yet."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Trains what is not in `--out` yet; a training is a file there."""
    names = config.kinds.split("; ") if config.kinds else list(KINDS)
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise ValueError(f"--kinds are of {list(KINDS)}, separated by '; '. Received: {unknown}")
    folder = Path(config.out)
    if config.judge:
        _judge(folder, config.judge)
        return
    folder.mkdir(parents=True, exist_ok=True)
    # Which kinds a process trained, and where faces lie, changes nothing.
    conditions = tables.conditions(dataclasses.replace(config, kinds="", faces=""))
    atomic.write_text(folder / "conditions.json", json.dumps(conditions, indent=2) + "\n")
    with tqdm.tqdm(names, disable=None) as bar:
        for name in bar:
            file = folder / f"{_stem(name)}-{config.seed}.json"
            if file.exists() or (KINDS[name].data == "faces" and not config.faces):
                continue
            bar.set_description(name)
            found = {"kind": name, "seed": config.seed, **train(KINDS[name], config.seed, config.faces)}
            atomic.write_text(file, json.dumps(found) + "\n")
            keras.backend.clear_session()


def _judge(folder, half):
    """Writes what the rules say of the trainings of one half to `results.jsonl`, and prints the tables of it."""
    if half not in ("open", "held"):
        raise ValueError(f"--judge must be open or held. Received: --judge={half}")
    file = folder / "results.jsonl"
    conditions = json.loads((folder / "conditions.json").read_text("utf-8"))
    others = [result for result in tables.read_lines(file)[1] if KINDS[result["kind"]].held != (half == "held")]
    found = [json.loads(each.read_text("utf-8")) for each in sorted(folder.glob("*-*.json"))]
    # Of kinds as they are now.
    found = [each for each in found if each["kind"] in KINDS and KINDS[each["kind"]].held == (half == "held")]
    results = [*others, *({**each, **replay(each)} for each in found)]
    atomic.write_text(file, "".join(json.dumps(line) + "\n" for line in (conditions, *results)))
    print(render({"results": results}))


def replay(recorded):
    """Verdicts of the rules on recorded signals.

    Args:
        recorded: What `train` returned.

    Returns:
        Dictionary: `said`, triples of a step, the verdict that was new there, and its evidence; `last`, the last one.
    """
    judge, said = rules.Judge(), []
    for i, step in enumerate(recorded["steps"]):
        verdict = judge.update(step, {name: values[i] for name, values in recorded["signals"].items()})
        if verdict.changed:
            said.append([step, verdict.name, verdict.evidence])
    return {"said": said, "last": verdict.name}


def _stem(name):
    return "".join(c if c.isalnum() else "_" for c in name)


def train(kind, seed, faces=""):
    """Trains one GAN under the watchdog, and looks at it without.

    Args:
        kind: A `Kind`.
        seed: Seed of the training.
        faces: Pattern of the TFRecords of drawn faces.

    Returns:
        Dictionary: `every`, steps between looks; `steps` that were looked at, and `signals`, a list of values for each
        name; `truth`, what is known of the generator at the end, and `start`, the same before; `seconds`.
    """
    started = time.monotonic()
    source, held_out = (_images(kind.data, split, faces) for split in ("train", "test"))
    if kind.examples:
        chosen = np.random.default_rng(seed).permutation(source.num_examples)[: kind.examples]
        source = _subset(source, chosen)
    if kind.spoiled == "shuffled labels":
        shuffled = np.random.default_rng(seed).permutation(source.labels)
        source = dataclasses.replace(source, labels=shuffled)
    conditional = kind.recipe == "conditional_gan"
    recipe = importlib.import_module(f"trainers.{kind.recipe}")
    config = recipe.Config(seed=seed, **{**SMALL[kind.recipe], **kind.flags})
    keras.utils.set_random_seed(seed)
    rows = config.batch_size * config.discriminator_steps
    batches, spec = data.load(source, batch_size=rows, labels=conditional, seed=seed, repeat=True)
    gan = recipe.build(config, spec)
    _spoil(gan, kind.spoiled)
    judge = metrics.features.get(f"{_network(kind.data)}_b") if _network(kind.data) else None
    start = truth(gan, kind.data, judge, faces)
    looks = []

    class Recorded(callbacks.Watchdog):
        def at_step(self, step, logs):
            super().at_step(step, logs)
            looks.append((step, self.signals))

    every = max(5, kind.length // 20)
    watchdog = Recorded(source, every, held_out=held_out, classes=_network(kind.data), say=lambda line: None)
    gan.fit(batches, steps_per_epoch=kind.length, verbose=0, callbacks=[watchdog])
    return {
        "every": every,
        "steps": [step for step, _ in looks],
        "signals": {name: [_short(row.get(name)) for _, row in looks] for name in rules.SIGNALS},
        "truth": truth(gan, kind.data, judge, faces),
        "start": start,
        "seconds": round(time.monotonic() - started, 1),
    }


def _short(value):
    return None if value is None else float(f"{value:.3g}")


def _network(name):
    return {"mnist5k": "mnist_classifier", "cifar10": "cifar10_classifier", "faces": None}[name]


@functools.lru_cache
def _images(name, split, faces):
    """A source in memory."""
    if name == "mnist5k":
        return data.open_source(name, split)
    if name == "faces":
        source = data.open_source(f"tfrecord:{faces.format(split=split)}", image_size=(32, 32))
    else:
        source = data.open_source(name, split, data_dir=os.environ.get("TFDS_DATA_DIR"))
    return _subset(source, range(min(5000, source.num_examples)))


def _subset(source, chosen):
    images, labels = (
        (source.images[chosen], source.labels[chosen])
        if source.images is not None
        else (np.stack(each) for each in zip(*(source.read(i) for i in chosen), strict=True))
    )
    return dataclasses.replace(
        source, images=images, labels=np.asarray(labels, np.int32), read=None, num_examples=len(images),
        identity=f"{source.identity}, {len(images)} of them",
    )  # fmt: skip


def _spoil(gan, how):
    """Takes labels or latents from a network, whose variables stay."""
    network = gan.discriminator if how == "blind discriminator" else gan.generator
    whole = network.unpack

    def without(inputs):
        x, labels = whole(inputs)
        if how == "same latent":
            return keras.ops.zeros_like(x), labels
        return x, keras.ops.zeros_like(labels)

    if how and how != "shuffled labels":
        object.__setattr__(network, "unpack", without)


def truth(gan, name, judge, faces="", number=1000):
    """Facts about a generator without the watchdog.

    Returns:
        Dictionary, empty where images are not finite: `distance`, Frechet, of features of the second classifier, or of
        8x8 pixels; `classes` that make up at least 1 %; `agreement`; `spread` within a class or of all, over that of
        the data.
    """
    codes = latents.stateless((number, gan.latent_dim), (gan.seed, -3), gan.latent_prior)
    labels = None if gan.num_classes is None else np.arange(number, dtype=np.int32) % gan.num_classes
    parts = []
    for i in range(0, number, 100):
        inputs = codes[i : i + 100] if labels is None else [codes[i : i + 100], labels[i : i + 100]]
        parts.append(np.asarray(gan.generator(inputs, training=False)))
    fake = np.concatenate(parts)
    if not np.isfinite(fake).all():
        return {}
    source = _images(name, "train", faces)
    chosen = np.random.default_rng(0).permutation(source.num_examples)[:number]
    real, real_labels = source.images[chosen], source.labels[chosen]
    fake = pictures.to_uint8(fake)
    if judge is None:
        seen = [_small_pixels(real), _small_pixels(fake)]
        found = {}
    else:
        (real_seen, _), (fake_seen, probabilities) = judge.both(real), judge.both(fake)
        seen, classes = [real_seen, fake_seen], probabilities.argmax(axis=1)
        shares = np.bincount(classes, minlength=probabilities.shape[1]) / number
        found = {"classes": int((shares >= 0.01).sum())}
        if labels is not None:
            found["agreement"] = _short(np.mean(classes == labels))
    groups = (real_labels, labels) if labels is not None else (np.zeros(number), np.zeros(number))
    spreads = [_spread(_small_pixels(images), each) for images, each in zip((real, fake), groups, strict=True)]
    return {
        "distance": _short(distances.frechet_distance(*seen)), **found, "spread": _short(spreads[1] / spreads[0]),
    }  # fmt: skip


def _small_pixels(images):
    """8x8 means of pixels in [0, 1], flattened."""
    size = images.shape[1] // 8 * 8
    blocks = images[:, :size, :size].reshape(len(images), 8, size // 8, 8, size // 8, -1) / 255.0
    return blocks.mean(axis=(2, 4)).reshape(len(images), -1)


def _spread(rows, labels):
    """The root mean square distance of rows from the mean of their label."""
    centred = np.concatenate([rows[labels == k] - rows[labels == k].mean(axis=0) for k in np.unique(labels)])
    return float(np.sqrt((centred**2).sum(axis=1).mean()))


def is_as_meant(result, results):
    """Tells whether a training is in truth what it should be, healthy or failed.

    Args:
        result: That of the training.
        results: Those of all, among them the healthy one that it is like.

    Returns:
        Pair of that, and a clause that says by what.
    """
    kind, truth = KINDS[result["kind"]], result["truth"]
    if not kind.should:
        if not truth:
            return False, "not finite"
        fall = truth["distance"] / result["start"]["distance"]
        text = f"distance {truth['distance']:g}, {fall:.2g} of the first; spread {truth['spread']:g}"
        return fall <= 0.5 and truth["spread"] >= 0.3, text
    if not truth:
        return True, "not finite"
    healthy = next((each["truth"] for each in results if each["kind"] == kind.like), {})
    reasons = []
    if healthy and truth["distance"] > 1.5 * healthy["distance"]:
        reasons.append(f"distance {truth['distance']:g} beside {healthy['distance']:g}")
    if healthy and truth.get("classes", 10) <= healthy.get("classes", 0) - 2:
        reasons.append(f"{truth['classes']} classes beside {healthy['classes']}")
    if truth.get("agreement", 1.0) < 0.5 * healthy.get("agreement", 0.0):
        shares = f"{100 * truth['agreement']:.0f} % beside {100 * healthy['agreement']:.0f} %"
        reasons.append(f"the class asked for in {shares}")
    if truth["spread"] < 0.3:
        reasons.append(f"spread {truth['spread']:g}")
    return bool(reasons), "; ".join(reasons) or f"distance {truth['distance']:g}"


def outcome(result):
    """`"right"`, `"false alarm"`, `"missed"` or `"another name"`; an alarm counts whenever it was said."""
    kind = KINDS[result["kind"]]
    alarms = [name for _, name, _ in result["said"] if name in rules.ALARMS]
    if not kind.should:
        return "false alarm" if alarms else "right"
    if not alarms:
        return "missed"
    return "right" if any(name in kind.should for name in alarms) else "another name"


def render(run):
    """The results as Markdown: counts with Wilson intervals, and each training, half by half."""
    parts = []
    for half, title in ((False, "The open half, on which rules were set"), (True, "The half that was held back")):
        results = [result for result in run["results"] if KINDS[result["kind"]].held == half]
        if results:
            parts += [f"### {title}", *_half(results, run["results"])]
    return "\n\n".join(parts)


def _half(results, everything):
    order = list(KINDS)
    counts, rows = [], []
    for healthy in (True, False):
        own = sorted(
            (result for result in results if healthy != bool(KINDS[result["kind"]].should)),
            key=lambda result: (order.index(result["kind"]), result["seed"]),
        )
        counted = []
        for result in own:
            meant, why = is_as_meant(result, everything)
            word = outcome(result)
            counted += [word] if meant else []
            rows.append([
                result["kind"], " or ".join(KINDS[result["kind"]].should) or "no alarm",
                word if meant else f"({word}) not what it should be",
                "; ".join(f"{name} ({step})" for step, name, _ in result["said"]) or rules.EARLY,
                len(result["steps"]) and result["steps"][-1], why,
            ])  # fmt: skip
        for word in ("false alarm",) if healthy else ("missed", "another name"):
            number, all_ = counted.count(word), len(counted)
            if all_:
                low, high = scipy.stats.binomtest(number, all_).proportion_ci(method="wilson")
                kind = "healthy" if healthy else "failed"
                counts.append([kind, all_, word, number, f"{100 * low:.0f} to {100 * high:.0f} %"])
    return [
        *([tables.table(["trainings", "counted", "what", "number", "95 % interval"], counts)] if counts else []),
        tables.table(["kind", "should be", "outcome", "said (at step)", "steps", "in truth"], rows),
    ]


if __name__ == "__main__":
    main()

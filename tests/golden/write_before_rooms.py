"""Writes `before_rooms/`: small files of every kind that is saved, for `tests/test_saved_before.py`.

    python -m tests.golden.write_before_rooms

It runs with the code of commit dcdebb3, whose modules have other names today, and is kept to show how the files came
about: whoever wants others checks that commit out, with this file and `saved.py` in it.
"""

import json
import math
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from keras_gan import augmentation, layers, losses, networks, optimizers, regularizers, schedules
from keras_gan.unlearning import Feature, FeatureUnlearner
from tests.golden import saved

GRAY, COLOR, POINT = (8, 8, 1), (8, 8, 3), (2,)


def compiled(generator, discriminator, generator_optimizer="adam", discriminator_optimizer="adam", more=None, **kwargs):
    """A compiled GAN: `more` are arguments of the constructor, all others of `compile`."""
    gan = keras_gan.GAN(generator, discriminator, **(more or {}))
    gan.compile(generator_optimizer, discriminator_optimizer, **kwargs)
    return gan


def falling_sgd(learning_rate):
    """Gradient descent as in 2014: the learning rate falls, the momentum rises."""
    falling = keras.optimizers.schedules.ExponentialDecay(learning_rate, decay_steps=10, decay_rate=0.5)
    rising = keras.optimizers.schedules.PolynomialDecay(0.5, 10, end_learning_rate=0.7)
    return optimizers.SGD(falling, momentum=rising)


def dcgan():
    return compiled(
        networks.DCGANGenerator(GRAY, 3, filters=2),
        networks.DCGANDiscriminator(GRAY, filters=2, normalization=None),
        optimizers.Adam(2e-3, 0.5, 0.99),
        optimizers.Adam(2e-3, 0.5, 0.99),
        more={"ema_momentum": 0.9, "seed": 3},
        discriminator_regularizers=[regularizers.R1(0.5), "r2"],
    )


def shared():
    return compiled(
        networks.MLPGenerator(GRAY, 3, hidden_units=(4,), num_classes=3, class_names=["a", "b", "c"]),
        networks.MLPDiscriminator(GRAY, hidden_units=(4,), num_classes=3),
        falling_sgd(0.1),
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, 100)),
        loss="least_squares",
        discriminator_regularizers=["lecam"],
        generator_steps=2,
        fresh_latents=False,
    )


def simultaneous():
    return compiled(
        networks.MLPGenerator(GRAY, 3, "uniform", hidden_units=(4, 4), latent_scale=math.sqrt(3.0)),
        networks.MLPDiscriminator(
            GRAY, (4, 4), "maxout", pieces=2, input_dropout=0.2, dropout=0.5, input_range=(0.0, 1.0)
        ),
        falling_sgd(0.1),
        falling_sgd(0.05),
        loss=losses.Minimax(label_smoothing=0.1),
        update="simultaneous",
    )


def clipped():
    return compiled(
        networks.MLPGenerator(POINT, 2, hidden_units=(4,)),
        networks.MLPDiscriminator(POINT, hidden_units=(4,), packing=2),
        keras.optimizers.RMSprop(1e-3),
        keras.optimizers.RMSprop(1e-3),
        loss="wasserstein",
        discriminator_steps=3,
        weight_clip=0.01,
    )


def adaptive():
    momentum = schedules.HalfLife(schedules.CosineBurnIn(0, 100, burn_in=50), images_per_step=8, ramp=0.5)
    policy = {"blit": 1.0, "geometry": 1.0, "color": 0.5, "cutout": 1.0}
    return compiled(
        networks.ResNetGenerator(COLOR, 3, filters=2, num_classes=3),
        networks.ResNetDiscriminator(COLOR, filters=2, num_classes=3),
        more={"augmenter": augmentation.AdaptiveAugment(policy, horizon=100, interval=2), "ema_momentum": momentum},
        loss="hinge",
        discriminator_regularizers=[regularizers.LeCam(0.1, momentum=0.9)],
    )


def diff_augment():
    classification = regularizers.AuxiliaryClassification
    return compiled(
        networks.DCGANGenerator(COLOR, 3, filters=2, num_classes=2),
        networks.DCGANDiscriminator(COLOR, filters=2, normalization=None, num_classes=2, conditioning="auxiliary"),
        more={"augmenter": "diff_augment"},
        discriminator_regularizers=[regularizers.R1(schedules.CosineBurnIn(1.0, 0.1, 50)), classification(1.0)],
        generator_regularizers=[classification(0.1, images="fake")],
    )


def r3gan():
    def adam():
        rate, beta_2 = schedules.CosineBurnIn(1e-3, 5e-4, 80, 8), schedules.CosineBurnIn(0.9, 0.99, 80, 8)
        return optimizers.Adam(rate, beta_1=0.0, beta_2=beta_2, epsilon=1e-8)

    shape = {"widths": 4, "blocks": 1, "group_size": 4}
    return compiled(
        networks.R3GANGenerator(GRAY, 3, **shape),
        networks.R3GANDiscriminator(GRAY, **shape),
        adam(),
        adam(),
        more={
            "augmenter": augmentation.AdaptiveAugment(probability=schedules.CosineBurnIn(0.0, 0.5, 80, 8)),
            "ema_momentum": schedules.HalfLife(100, 8),
        },
        loss="relativistic",
        discriminator_regularizers=[regularizers.R1(0.5), regularizers.R2(0.5)],
    )


def penalties():
    consistency = regularizers.ConsistencyRegularization(augmentation.DiffAugment("translation"), balanced=True)
    return compiled(
        networks.ResNetGenerator(GRAY, 3, filters=2),
        networks.ResNetDiscriminator(GRAY, filters=2, normalization=None, pooling="mean"),
        loss="wasserstein",
        discriminator_regularizers=[
            regularizers.GradientPenalty(one_sided=True), regularizers.DRAGAN(1.0), consistency,
            regularizers.R2(0.1, name="rare", interval=2),
        ],
    )  # fmt: skip


def projection():
    return compiled(
        networks.DCGANGenerator(GRAY, 3, filters=2, num_classes=2, conditioning="projection"),
        networks.DCGANDiscriminator(GRAY, filters=2, num_classes=2, conditioning="projection"),
        loss="relativistic_average",
        generator_steps=2,
    )


def float16():
    return compiled(
        networks.MLPGenerator(GRAY, 3, hidden_units=(4,), dtype="mixed_float16"),
        networks.MLPDiscriminator(GRAY, hidden_units=(4,), dtype="mixed_float16"),
        loss=losses.FDivergence("jensen_shannon", non_saturating=True),
    )


def plain():
    codes, label = keras.Input((3,)), keras.Input((), dtype="int32")
    x = keras.layers.Concatenate()([codes, keras.layers.Embedding(2, 2)(label)])
    image = keras.layers.Reshape(GRAY)(keras.layers.Dense(64, "tanh")(x))
    pixels = keras.Input(GRAY)
    x = keras.layers.Concatenate()([keras.layers.Flatten()(pixels), keras.layers.Embedding(2, 2)(label)])
    return compiled(
        keras.Model([codes, label], image),
        keras.Model([pixels, label], keras.layers.Dense(1)(x)),
        more={"latent_prior": "uniform", "num_classes": 2, "ema_momentum": 0.5},
    )


def vae():
    model = keras_gan.VAE(networks.DCGANEncoder(GRAY, 3, filters=2), networks.DCGANGenerator(GRAY, 3, filters=2))
    model.compile(keras.optimizers.Adam(1e-3), beta=0.5)
    return model


def vae_bernoulli():
    model = keras_gan.VAE(
        networks.MLPEncoder(GRAY, 3, hidden_units=(4,), num_classes=2),
        networks.MLPGenerator(GRAY, 3, hidden_units=(4,), num_classes=2),
        likelihood="bernoulli",
        seed=4,
    )
    model.compile()
    return model


def unlearner():
    generator = networks.MLPGenerator(GRAY, 3, hidden_units=(4,), num_classes=2)
    model = FeatureUnlearner(generator, Feature([1.0, 2.0, 2.0], threshold=0.1))
    model.compile(keras.optimizers.Adam(1e-2), alpha=2.0)
    return model


MODELS = (
    dcgan, shared, simultaneous, clipped, adaptive, diff_augment, r3gan, penalties, projection, float16, plain, vae,
    vae_bernoulli, unlearner,
)  # fmt: skip
# One for each way to play the game trains as it is compiled; the others eagerly, since compiling takes far longer.
COMPILED = ("dcgan", "shared", "simultaneous", "clipped")

GENERATORS = {
    "dcgan": lambda: networks.DCGANGenerator(GRAY, 3, filters=2, normalization=None, latent_prior="uniform"),
    "dcgan_concat": lambda: networks.DCGANGenerator(COLOR, 3, filters=2, num_classes=2, class_names=["a", "b"]),
    "dcgan_projection": lambda: networks.DCGANGenerator(GRAY, 3, filters=2, num_classes=2, conditioning="projection"),
    "dcgan_bfloat16": lambda: networks.DCGANGenerator(GRAY, 3, filters=2, dtype="mixed_bfloat16"),
    "mlp": lambda: networks.MLPGenerator(POINT, 3, hidden_units=(4, 4), activation="leaky_relu"),
    "mlp_concat": lambda: networks.MLPGenerator(GRAY, 3, hidden_units=(4,), num_classes=2),
    "resnet": lambda: networks.ResNetGenerator(GRAY, 3, filters=2, normalization=None),
    "resnet_projection": lambda: networks.ResNetGenerator(GRAY, 3, filters=2, num_classes=2),
    "r3gan": lambda: networks.R3GANGenerator(GRAY, 3, widths=(4, 2), blocks=1, group_size=2),
    "r3gan_conditional": lambda: networks.R3GANGenerator(GRAY, 3, widths=4, blocks=1, group_size=4, num_classes=2),
}


def every_layer():
    """A model of somebody else's that has all layers of this package."""
    image, label = keras.Input((8, 8, 4)), keras.Input((), dtype="int32")
    x = layers.GroupedConv2D(4, 3, groups=2, padding="same")(image)
    x = layers.LayerNormalization(axis=[1, 2, 3])(x)
    x = layers.GroupNormalization(groups=2)(x)
    x = layers.SelfAttention(reduction=2, spectral_normalization=True)(x)
    x = layers.MinibatchStandardDeviation(group_size=2)(x)
    x = layers.UpSampling2D("bilinear")(layers.DownSampling2D()(x))
    x = layers.BatchNormalization()(x)
    x = layers.ConditionalBatchNormalization(num_classes=2)([x, label])
    x = layers.Dropout(0.5)(x)
    x = layers.SpectralNormalization(keras.layers.Conv2D(2, 3))(x)
    x = layers.Maxout(3, pieces=2)(keras.layers.Flatten()(x))
    return keras.Model([image, label], x)


def objects():
    """What has a configuration and no weights, one of each class at least."""
    cosine = schedules.CosineBurnIn(1.0, 0.1, burn_in=50, images_per_step=8)
    found = {f"loss {name}": losses.get(name) for name in losses.names()}
    found |= {f"regularizer {name}": regularizers.get(name) for name in regularizers.names()}
    found |= {
        "regularizer consistency": regularizers.ConsistencyRegularization("ada", balanced=True),
        "regularizer scheduled": regularizers.R1(cosine, name="scheduled"),
        "augmenter diff_augment": augmentation.get("diff_augment"),
        "augmenter ada": augmentation.AdaptiveAugment({"blit": 0.5}, probability=cosine),
        "schedule cosine": cosine,
        "schedule half_life": schedules.HalfLife(cosine, 8, ramp=0.05),
        "optimizer adam": optimizers.Adam(cosine, 0.5, beta_2=cosine, clipnorm=1.0),
        "optimizer sgd": optimizers.SGD(cosine, momentum=cosine, nesterov=True),
        "direction": Feature([3.0, 4.0], threshold=0.5),
    }
    return {name: keras.saving.serialize_keras_object(thing) for name, thing in found.items()}


def scatter(variables, seed):
    """Moves weights away from initial values so small that images would hardly depend on them."""
    random = np.random.RandomState(seed)
    for variable in variables:
        variable.assign(variable.value + random.uniform(-0.3, 0.3, variable.shape).astype("float32"))


def write_models(folder, facts, outputs):
    for seed, build in enumerate(MODELS):
        name = build.__name__
        keras.utils.set_random_seed(seed)
        model = build()
        scatter([v for network in model.networks.values() for v in network.trainable_variables], seed)
        model.run_eagerly = name not in COMPILED
        rows = 8 * getattr(model, "discriminator_steps", 1)
        saved.train(model, 3, rows)
        # What is saved is how it was compiled.
        model.run_eagerly = False
        model.save(folder / f"{name}.keras")
        facts[name] = {"digest": saved.digest(model), "rows": rows, "eager": name not in COMPILED}
        outputs[f"{name} samples"] = saved.sample(model)
        model = keras.saving.load_model(folder / f"{name}.keras")
        model.run_eagerly = name not in COMPILED
        facts[name] |= {"history": saved.train(model, 2, rows), "digest_after": saved.digest(model)}
        outputs[f"{name} samples_after"] = saved.sample(model)
        if name == "unlearner":
            model.feature.save(folder / "feature.json")


def write_generators(folder, facts, outputs):
    for seed, (name, build) in enumerate(GENERATORS.items()):
        keras.utils.set_random_seed(seed)
        generator = build()
        scatter(generator.trainable_variables, seed)
        generator.save(folder / f"generator_{name}.keras")
        facts[f"generator_{name}"] = {"digest": saved.digest(generator)}
        outputs[f"generator_{name} samples"] = saved.sample(generator)
    keras.utils.set_random_seed(0)
    model = every_layer()
    scatter(model.trainable_variables, 0)
    model.save(folder / "every_layer.keras")
    facts["every_layer"] = {"digest": saved.digest(model)}
    outputs["every_layer outputs"] = model(list(saved.examples((8, 8, 4), 4, 2)), training=False).numpy()


def check_complete(models, configurations):
    """Raises `ValueError` unless everything of this package that Keras can save is in one of the files."""
    texts = [json.dumps(configurations)]
    for path in models.glob("*.keras"):
        with zipfile.ZipFile(path) as archive:
            texts.append(archive.read("config.json").decode())
    known = [name for name in keras.saving.get_custom_objects() if name.startswith("keras_gan>")]
    missing = [name for name in known if not any(f'"{name}"' in text for text in texts)]
    if missing or not known:
        raise ValueError(f"Nothing saved holds {missing}.")


# What stops a run in the middle, like whoever ends its process: SIGTERM within a step.
_RUN = """
import os, signal, sys
from unittest import mock
import keras
from trainers import common, {recipe}

def stop(log):
    return keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batch + 1 == {stop} and os.kill(os.getpid(), signal.SIGTERM))

with mock.patch.object(common, "_first_step", stop):
    common.main("{recipe}", "", {recipe}.Config, {recipe}.build, sys.argv[1:], labels={labels})
"""
# From the name of a run to its recipe, when it was stopped, when it would have ended, and its flags.
_TINY = (
    "--latent_dim=3", "--filters=2", "--batch_size=8", "--sample_every=1000", "--checkpoint_every=1000",
    "--precision=float32",
)  # fmt: skip
RUNS = {
    # Stopped while the watchdog says "generator winning", and has begun to change its mind.
    "dcgan": ("dcgan", 138, 154, (
        *_TINY, "--image_size=8x8", "--evaluate_every=0", "--log_every=8", "--loss=wasserstein", "--r1_gamma=0",
        "--generator_learning_rate=0.05", "--discriminator_learning_rate=0.05", "--beta_1=0.9", "--beta_2=0.9",
    )),
    # Stopped one look before it says "mode collapse"; the best generator, and the best checkpoint, came before.
    "evaluated": ("dcgan", 11, 13, (
        *_TINY, "--log_every=1", "--evaluate_every=4", "--evaluate_samples=30", "--best_metric=val_real_logits",
        "--generator_learning_rate=0.02",
    )),
    "conditional": ("conditional_gan", 5, 9, (
        *_TINY, "--image_size=8x8", "--evaluate_every=0", "--log_every=3", "--nowatchdog", "--discriminator_steps=2",
    )),
    "vae": ("vae", 5, 9, (*_TINY, "--image_size=8x8", "--evaluate_every=0", "--log_every=3")),
}  # fmt: skip


def run_recipe(recipe, out, stop, steps, flags):
    code = _RUN.format(recipe=recipe, stop=stop, labels=recipe == "conditional_gan")
    command = [sys.executable, "-c", code, f"--out={out}", *flags, f"--steps={steps}"]
    child = subprocess.run(command, capture_output=True, text=True)
    if child.returncode != (128 + signal.SIGTERM if stop else 0):
        raise RuntimeError(child.stdout + child.stderr)


def write_runs(folder, facts):
    for name, (recipe, stop, steps, flags) in RUNS.items():
        stopped, through = folder / name, folder / f"{name}_through"
        run_recipe(recipe, stopped, stop, steps, flags)
        run_recipe(recipe, through, 0, steps, flags)
        # What the checkpoint holds, as the code of then brings it back: a run of so many steps has only to be finished.
        finished = folder / f"{name}_finished"
        shutil.copytree(stopped, finished)
        run_recipe(recipe, finished, 0, stop, flags)
        model = "vae" if recipe == "vae" else "gan"
        facts[name] = {
            "recipe": recipe, "model": f"{model}.keras", "stopped_at": stop, "steps": steps, "flags": flags,
            "restored": saved.digest(keras.saving.load_model(finished / f"{model}.keras")),
        }  # fmt: skip
        shutil.rmtree(finished)
        shutil.rmtree(through / "checkpoints")
        # What a resumed run reads is the newest.
        shutil.rmtree(stopped / "checkpoints" / "best", ignore_errors=True)
        for file in stopped.glob("checkpoints/ckpt-0.*"):
            file.unlink()
        for run in (stopped, through):
            for unread in ("logs", "samples", "progress.gif", "curves.png", "samples.png"):
                shutil.rmtree(run / unread) if (run / unread).is_dir() else (run / unread).unlink(missing_ok=True)


def run_command(module, *flags):
    child = subprocess.run([sys.executable, "-m", module, *flags], capture_output=True, text=True)
    if child.returncode:
        raise RuntimeError(child.stdout + child.stderr)


def write_exports(folder, run, outputs):
    """The generator of a conditional run, published for TensorFlow Serving, and as one file for interpreters."""
    run_command("export.saved_model", f"--model={run}/gan.keras", f"--publish={folder}/served", "--with_discriminator")
    flags = f"--model={run}/generator.keras", f"--out={folder}/digits.tflite", "--batch_sizes=2"
    run_command("export.tflite", *flags)
    outputs |= saved.run_exports(folder)


def write_marks(file, run):
    """Marks three of eight samples on the page, as a person's browser does."""
    command = [sys.executable, "-m", "trainers.label", f"--model={run}/generator.keras", "--n=8", "--seed=3"]
    with subprocess.Popen([*command, f"--out={file}", "--port=0"], stdout=subprocess.PIPE, text=True) as page:
        address = page.stdout.readline().split(": ")[1].split()[0]
        headers = {"Content-Type": "application/json", "Origin": address.rstrip("/")}
        urllib.request.urlopen(urllib.request.Request(f"{address}save", b'{"marked": [1, 4, 6]}', headers)).close()
        page.send_signal(signal.SIGINT)
        page.stdout.read()


def write_unlearned(folder, run, marks, facts, outputs):
    flags = "--steps=3", "--evaluated=20", "--attacks=0", f"--out={folder}"
    run_command("trainers.unlearn", f"--model={run}/generator.keras", f"--feature=marked:{marks}", *flags)
    for picture in folder.glob("*.png"):
        picture.unlink()
    generator = keras.saving.load_model(folder / "unlearned.keras")
    facts["unlearned"] = {"digest": saved.digest(generator)}
    outputs["unlearned samples"] = saved.sample(generator)


def write_toy(folder):
    """An experiment whose last training is still to come."""
    run_command("trainers.toy", *saved.TOY, f"--out={folder}")
    for file in folder.iterdir():
        if file.name not in ("config.json", "results.jsonl"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()


def pack(folder, archive):
    with tarfile.open(archive, "w:xz", preset=9) as files:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            files.add(file, file.relative_to(folder), filter=_anonymous)


def _anonymous(member):
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def main():
    # As the trainers have it: without, equal runs would not have equal graphs.
    tf.config.optimizer.set_experimental_options({"remapping": False})
    out = Path(__file__).with_name("before_rooms")
    out.mkdir(exist_ok=True)
    facts, outputs = {"machine": saved.machine(), "models": {}, "runs": {}}, {}
    with tempfile.TemporaryDirectory() as place:
        models, runs, more = (Path(place, name) for name in ("models", "runs", "more"))
        for folder in (models, runs, more):
            folder.mkdir()
        write_models(models, facts["models"], outputs)
        write_generators(models, facts["models"], outputs)
        facts["objects"] = objects()
        check_complete(models, facts["objects"])
        write_runs(runs, facts["runs"])
        trained = runs / "conditional_through"
        write_exports(more, trained, outputs)
        write_marks(more / "marked.json", trained)
        write_unlearned(more / "unlearned", trained, more / "marked.json", facts["models"], outputs)
        write_toy(more / "toy")
        for folder in (models, runs, more):
            pack(folder, out / f"{folder.name}.tar.xz")
    np.savez_compressed(out / "outputs.npz", **outputs)
    (out / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()

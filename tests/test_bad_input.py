"""What every door of the package says to bad input: one sentence, and nothing is written or changed."""

import contextlib
import hashlib
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from concurrent import futures
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from absl.testing import parameterized
from PIL import Image

import keras_gan
from export import onnx, saved_model, tflite
from keras_gan import callbacks, data
from keras_gan.data import write_tfrecords
from keras_gan.export import loading
from tests.test_case import TestCase
from trainers import (
    conditional_gan,
    cyclegan,
    dcgan,
    mlp_gan,
    pix2pix,
    r3gan,
    sample,
    sngan,
    translate,
    vae,
    wgan_gp,
)  # fmt: skip
from trainers.engine import run

ROOT = Path(__file__).parent.parent
SHARD = "images-00000-of-00001.tfrecord"
TINY = ("--filters=2", "--latent_dim=4", "--batch_size=4", "--log_every=2", "--sample_every=3", "--checkpoint_every=2")


def recipe(module, labels=False):
    """The `main` of a recipe, as the last line of its module calls it."""
    program = module.__name__.split(".")[1]
    return lambda argv: run.main(program, module.__doc__, module.Config, module.build, argv, labels)


# Per door its function, and arguments with which it would work; what a test appends to them takes their place.
DOORS = {
    "dcgan": (recipe(dcgan), ["--dataset=folder:good", "--out=new", "--precision=float32", *TINY]),
    "mlp_gan": (recipe(mlp_gan), ["--dataset=folder:good", "--out=new", "--precision=float32"]),
    "conditional_gan": (
        recipe(conditional_gan, labels=True),
        ["--dataset=folder:good", "--out=new", "--precision=float32", *TINY],
    ),
    "wgan_gp": (recipe(wgan_gp), ["--dataset=folder:good", "--out=new", "--precision=float32", *TINY]),
    "sngan": (recipe(sngan), ["--dataset=folder:good", "--out=new", "--precision=float32"]),
    "r3gan": (recipe(r3gan), ["--dataset=folder:good", "--out=new", "--precision=float32"]),
    "vae": (recipe(vae), ["--dataset=folder:good", "--out=new", "--precision=float32", *TINY]),
    "pix2pix": (recipe(pix2pix), ["--dataset=folder:good", "--out=new", "--precision=float32"]),
    "cyclegan": (
        recipe(cyclegan),
        ["--domain_a=folder:good#a", "--domain_b=folder:good#b", "--out=new", "--precision=float32"],
    ),
    "translate": (translate.main, ["--model=generator.keras", "--input=good", "--out=new"]),
    "sample": (sample.main, ["--model=generator.keras", "--out=new.png", "--n=2"]),
    "write_tfrecords": (write_tfrecords.main, []),
    "saved_model": (saved_model.main, ["--model=generator.keras", "--out=new"]),
    "tflite": (tflite.main, ["--model=generator.keras", "--out=new.tflite"]),
    "onnx": (onnx.main, ["--model=generator.keras", "--out=new.onnx"]),
}

# The door, its arguments, and words of the one line that it answers with. Paths are those of `make_files`.
COMMANDS = (
    # Flags: unknown, malformed, out of range, contradictory.
    ("dcgan", ["--stepz=3"], "Unknown command line flag 'stepz'. Did you mean: steps"),
    ("dcgan", ["--steps"], "Missing value for flag --steps"),
    ("dcgan", ["--steps=many"], "flag --steps=many: invalid literal for int()"),
    ("dcgan", ["--steps=1.5"], "flag --steps=1.5: invalid literal for int()"),
    ("dcgan", ["--resume=maybe"], "flag --resume=maybe"),
    ("dcgan", ["more"], "expected flags only, as --name=value. Received: 'more'"),
    ("dcgan", ["--steps=0"], "--steps must be at least 1. Received: --steps=0"),
    ("dcgan", ["--batch_size=-4"], "--batch_size must be at least 1. Received: --batch_size=-4"),
    ("dcgan", ["--discriminator_steps=0"], "--discriminator_steps must be at least 1"),
    ("dcgan", ["--generator_steps=0"], "--generator_steps must be at least 1"),
    ("dcgan", ["--checkpoint_every=0"], "--checkpoint_every must be at least 1"),
    ("dcgan", ["--log_every=0"], "--log_every must be at least 1"),
    ("dcgan", ["--sample_every=0"], "--sample_every must be at least 1"),
    ("dcgan", ["--max_rollbacks=-1"], "--max_rollbacks must be at least 0"),
    ("dcgan", ["--cpu_devices=0"], "--cpu_devices must be at least 1"),
    ("dcgan", ["--seed=-1"], "--seed must be at least 0 and below 4294967296"),
    ("dcgan", ["--epochs=0"], "--epochs must be positive. Received: --epochs=0.0"),
    ("dcgan", ["--epochs=inf"], "--epochs must be finite"),
    ("dcgan", ["--minutes=-1"], "--minutes must be positive"),
    ("dcgan", ["--minutes=nan"], "--minutes must be finite"),
    ("dcgan", ["--steps=3", "--epochs=1"], "Give one length, --steps, --epochs or --minutes. Received: epochs, steps"),
    ("dcgan", ["--precision=float8"], "--precision must be auto or one of"),
    ("dcgan", ["--strategy=ring"], "--strategy must be one of"),
    ("dcgan", ["--strategy=mirrored", "--tpu"], "--tpu does not go with another strategy"),
    ("dcgan", ["--strategy=multiworker"], "needs the environment variable TF_CONFIG"),
    ("dcgan", ["--tpu"], "looked for a TPU on this machine and found none"),
    ("dcgan", ["--image_size=12"], "Received: image_size='12'"),
    ("dcgan", ["--image_size=0x8"], "Received: image_size='0x8'"),
    ("dcgan", ["--channels=9"], "Received: channels=9"),
    ("dcgan", ["--latent_dim=0"], "`latent_dim` must be at least 1. Received: latent_dim=0"),
    ("dcgan", ["--latent_prior=cauchy"], "Received: latent_prior='cauchy'"),
    ("dcgan", ["--filters=0"], "flag --filters=0: for what 0 stands write auto"),
    ("dcgan", ["--filters=-1"], "--filters must be at least 1. Received: --filters=-1"),
    ("dcgan", ["--loss=l3"], "Received: identifier='l3'"),
    ("dcgan", ["--discriminator_normalization=layer"], "Received: normalization='layer'"),
    ("dcgan", ["--discriminator_normalization=batch"], "pass --r1_gamma=0. Received: --r1_gamma=3.0"),
    ("dcgan", ["--r1_gamma=-1"], "--r1_gamma must be at least 0"),
    ("dcgan", ["--discriminator_units=-1"], "--discriminator_units must be at least 0"),
    ("dcgan", ["--augmentation=flip"], "`--augmentation` must name some of ['color', 'translation', 'cutout']"),
    ("dcgan", ["--generator_learning_rate=nan"], "--generator_learning_rate must be finite and at least 0"),
    ("dcgan", ["--discriminator_learning_rate=-1"], "--discriminator_learning_rate must be at least 0"),
    ("dcgan", ["--beta_1=1"], "--beta_1 must be at least 0 and below 1. Received: --beta_1=1.0"),
    ("dcgan", ["--ema_momentum=1"], "--ema_momentum must be at least 0 and below 1"),
    ("dcgan", ["--best_metric=fid"], "--best_metric must be one of ['loss', 'd_loss'"),
    ("dcgan", ["--best_mode=most"], "--best_mode must be min or max"),
    ("pix2pix", ["--source=sketch"], "A source is one of ['gray', 'edges'"),
    ("pix2pix", ["--source="], "--source is needed where the data are no pairs"),
    ("pix2pix", ["--source=lowres:3"], "needs sides that 3 divides, such as 9x9"),
    ("pix2pix", ["--crop=9x9"], "A crop must fit into the images"),
    ("pix2pix", ["--direction=up"], "`direction` must be one of ['AtoB', 'BtoA']"),
    ("pix2pix", ["--downsamplings=3"], "takes images of 24x24 pixels and more: use larger images, or downsamplings=1"),
    ("pix2pix", ["--dataset=pairs:good/a", "--source="], "is written pairs:A,B"),
    ("pix2pix", ["--dataset=pairs:good/a,good/b", "--source="], "'0', '2', '4', '6'."),
    ("pix2pix", ["--dataset=pairs:good/a,missing", "--source="], "There is no folder 'missing'"),
    ("pix2pix", ["--dataset=pairs:good/a,empty", "--source="], "'empty' holds no image file"),
    ("cyclegan", ["--domain_a=folder:good#c"], "has no class 'c': its classes are 'a', 'b'"),
    ("cyclegan", ["--domain_b=folder:empty"], "'empty' holds no image file"),
    ("cyclegan", ["--dataset=folder:good"], "--dataset must be of two domains"),
    ("translate", [], "Expected a keras_gan.networks.Translator"),
    ("translate", ["--model=missing.keras"], "missing.keras, which is missing"),
    ("translate", ["--input="], "--input is needed"),
    ("mlp_gan", ["--maxout_pieces=0"], "must be at least 1. Received: units=240, pieces=0"),
    ("mlp_gan", ["--dropout=1"], "--dropout must be at least 0 and below 1"),
    ("mlp_gan", ["--update=never"], "Received: update='never'"),
    ("mlp_gan", ["--update=simultaneous", "--generator_steps=2"], "A simultaneous update has one discriminator step"),
    ("dcgan", ["--discriminator_normalization=batch", "--r1_gamma=0", "--r2_gamma=2"], "Received: --r2_gamma=2.0"),
    ("dcgan", ["--preset=paper", "--r1_gamma=1"], "pass --r1_gamma=0. Received: --r1_gamma=1.0"),
    ("dcgan", ["--preset=2015"], "--preset must be one of ['before', 'default', 'paper']. Received: --preset=2015"),
    ("conditional_gan", ["--conditioning=film"], "Received: conditioning='film'"),
    ("conditional_gan", ["--dataset=folder:good/a"], "labels=True needs a source with labels"),
    ("conditional_gan", ["--r1_gamma=inf"], "--r1_gamma must be finite and at least 0"),
    ("wgan_gp", ["--preset=large"], "--preset must be one of ['clipping', 'paper', 'tiny']. Received: --preset=large"),
    ("wgan_gp", ["--network=vgg"], "--network must be dcgan or resnet. Received: --network=vgg"),
    ("wgan_gp", ["--penalty=-1"], "--penalty must be at least 0"),
    ("sngan", ["--generator_filters=0"], "`filters` must be at least 1. Received: filters=0"),
    ("sngan", ["--beta_2=1"], "--beta_2 must be at least 0 and below 1"),
    ("sngan", ["--generator_filters=2", "--discriminator_filters=2", "--loss=l3"], "Received: identifier='l3'"),
    ("r3gan", ["--network=huge"], "--network must be one of ['tiny', 'small', 'cifar10'"),
    ("r3gan", ["--network=ffhq64"], "`widths` must be one number or 2"),
    ("r3gan", ["--burn_in=0"], "--burn_in must be at least 1. Received: --burn_in=0.0"),
    ("r3gan", ["--augmentation=1"], "--augmentation must be at least 0 and below 1"),
    ("vae", ["--discriminator_steps=2"], "Unknown command line flag 'discriminator_steps'"),
    ("vae", ["--likelihood=poisson"], "`likelihood` must be one of ['gaussian', 'bernoulli']"),
    ("vae", ["--likelihood=bernoulli", "--variance=1"], "and is one of likelihood='gaussian'"),
    # Data.
    ("dcgan", ["--dataset="], "for this folder write 'folder:"),
    ("dcgan", ["--dataset=folder"], "A source is written folder:PATH"),
    ("dcgan", ["--dataset=folder:nowhere"], "There is no folder 'nowhere'"),
    ("dcgan", ["--dataset=folder:file"], "There is no folder 'file'"),
    ("dcgan", ["--dataset=folder:empty"], "'empty' holds no image file"),
    ("dcgan", ["--dataset=folder:texts"], "'texts' holds no image file"),
    ("dcgan", ["--dataset=folder:mixed"], "differ in shape: 8x8x1 (1 files), 6x9x1 (1 files). Pass image_size"),
    ("dcgan", ["--dataset=folder:broken"], "None of the 1 image files in 'broken' can be read"),
    ("dcgan", ["--dataset=tfrecord:"], "A source is written tfrecord:PATTERN"),
    ("dcgan", ["--dataset=tfrecord:records/*.record"], "No file matches 'records/*.record'"),
    ("dcgan", ["--dataset=tfrecord:records-truncated"], f"{SHARD} is missing, truncated or corrupted"),
    ("dcgan", ["--dataset=tfrecord:records-flipped"], f"{SHARD} is missing, truncated or corrupted"),
    ("dcgan", ["--dataset=tfrecord:records-text"], f"{SHARD} is missing, truncated or corrupted"),
    ("dcgan", ["--dataset=tfrecord:records-undescribed"], "dataset.json' must describe the files"),
    ("dcgan", ["--dataset=tfrecord:records-garbled"], "dataset.json' must describe the files"),
    ("dcgan", ["--dataset=minst", "--data_dir=tfds"], "such as ['mnist'"),
    ("dcgan", ["--dataset=mnist", "--data_dir=tfds"], "'mnist' is not prepared in 'tfds/mnist"),
    ("dcgan", ["--dataset=mnist:9.9.9", "--data_dir=tfds"], "TFDS cannot load 'mnist:9.9.9'"),
    ("dcgan", ["--dataset=damaged", "--data_dir=tfds"], "TFDS cannot load 'damaged'"),
    # Run folders.
    ("dcgan", ["--out=file"], "--out must be a folder. Received: --out=file, which is a file"),
    ("dcgan", ["--out=file/run"], "/file is a file, not a folder"),
    ("dcgan", ["--out=texts"], "texts is not empty and holds no run"),
    ("dcgan", ["--out=run", "--noresume"], "run holds a run already"),
    ("dcgan", ["--out=run", "--filters=3"], "another configuration: filters was 2 and is now 3"),
    ("dcgan", ["--out=run", "--dataset=folder:good/a"], "dataset was 'folder:good' and is now 'folder:good/a'"),
    ("mlp_gan", ["--out=run"], "trainer was 'dcgan' and is now 'mlp_gan'"),
    ("dcgan", ["--out=run-of-other-data"], "The data are not those that the run in run-of-other-data began with"),
    ("dcgan", ["--out=run-without-config"], "run-without-config is not empty and holds no run"),
    ("dcgan", ["--out=run-config-truncated"], "run-config-truncated/config.json is damaged"),
    ("dcgan", ["--out=run-config-garbled", "--precision=auto"], "run-config-garbled/config.json is damaged"),
    ("dcgan", ["--out=run-config-foreign"], "run-config-foreign/config.json is damaged"),
    ("dcgan", ["--out=run-without-checkpoints"], "results of a run, but no checkpoint to go on from"),
    ("dcgan", ["--out=run-of-another-size"], "ckpt-4 was written by another architecture"),
    # Model files.
    ("sample", ["--model="], "--model is needed"),
    ("sample", ["--model=missing.keras"], "missing.keras, which is missing"),
    ("sample", ["--model=good"], "good, which is a folder"),
    ("sample", ["--model=file"], "a file that ends in .keras"),
    ("sample", ["--model=truncated.keras"], "truncated.keras is truncated or damaged"),
    ("sample", ["--model=flipped.keras"], "flipped.keras is truncated or damaged"),
    ("sample", ["--model=text.keras"], "text.keras is truncated or damaged"),
    ("sample", ["--model=plain.keras"], "Received: a Sequential in plain.keras"),
    ("sample", ["--model=nan.keras"], "nan.keras has weights that are not finite"),
    ("sample", ["--model=vectors.keras"], "generates vectors, which have no picture"),
    ("saved_model", ["--model=missing.keras"], "missing.keras, which is missing"),
    ("saved_model", ["--model=truncated.keras"], "truncated.keras is truncated or damaged"),
    ("saved_model", ["--model=nan.keras"], "nan.keras has weights that are not finite"),
    ("tflite", ["--model=text.keras"], "text.keras is truncated or damaged"),
    ("tflite", ["--model=plain.keras"], "Received: a Sequential in plain.keras"),
    # Sampling.
    ("sample", ["--modle=x"], "Unknown command line flag 'modle'"),
    ("sample", ["--n=0"], "--n must be at least 1"),
    ("sample", ["--n=99999999999"], "--n must be at least 1 and below 1000000"),
    ("sample", ["--seed=9223372036854775807"], "Seeds must lie in [-2^63, 2^63)"),
    ("sample", ["--label=cow"], "--label must be a class of this generator: ['cat', 'dog', 'fox']"),
    ("sample", ["--label=3"], "--label must be a class of this generator: ['cat', 'dog', 'fox']"),
    ("sample", ["--label=²"], "--label must be a class of this generator: ['cat', 'dog', 'fox']"),
    ("sample", ["--model=unconditional.keras", "--label=0"], "--label must be a class of this generator: it has none"),
    ("sample", ["--truncation=2"], "`truncation` must lie in [0, 1]"),
    ("sample", ["--truncation=nan"], "--truncation must be finite"),
    ("sample", ["--out="], "--out must be a .png file, or a folder"),
    ("sample", ["--out=new.jpg"], "--out must be a .png file, or a folder. Received: --out=new.jpg"),
    ("sample", ["--out=good/a/0.png"], "good/a/0.png exists"),
    ("sample", ["--out=folder.png", "--overwrite"], "folder.png is a folder"),
    ("sample", ["--out=file"], "/file is a file, not a folder"),
    ("sample", ["--out=file/new.png"], "/file is a file, not a folder"),
    # Exporting.
    ("saved_model", ["--out="], "expected --model and --out"),
    ("saved_model", ["--overwrite=perhaps"], "flag --overwrite=perhaps"),
    ("saved_model", ["--out=good"], "good exists already"),
    ("saved_model", ["--out=good", "--overwrite"], "good is a folder without a SavedModel"),
    ("saved_model", ["--out=file", "--overwrite"], "file is a file, and a SavedModel is a folder"),
    ("saved_model", ["--out=file/new"], "/file is a file, not a folder"),
    ("tflite", ["--out="], "expected --model and --out"),
    ("tflite", ["--out=new.lite"], "must end in .tflite"),
    ("tflite", ["--out=old.tflite"], "old.tflite exists already"),
    ("tflite", ["--out=file/new.tflite"], "/file is a file, not a folder"),
    ("tflite", ["--format=int3"], "Received: format='int3'"),
    ("tflite", ["--batch_sizes=0"], "Received: batch_sizes=[0]"),
    ("tflite", ["--batch_sizes=1,8,1"], "Received: batch_sizes=[1, 8, 1]"),
    ("tflite", ["--batch_sizes=1;8"], "Received: --batch_sizes=1;8"),
    ("tflite", ["--min_psnr=-1"], "--min_psnr must be at least 0"),
    ("tflite", ["--check=old.tflite"], "--check goes with --saved_model, and without --model and --out"),
    ("tflite", ["--model=", "--out=", "--check=file", "--saved_model=good"], "Expected a .tflite file"),
    (
        "tflite",
        ["--model=", "--out=", "--check=old.tflite", "--saved_model=good"],
        "Expected the folder of a SavedModel",
    ),
    ("onnx", ["--model=text.keras"], "text.keras is truncated or damaged"),
    ("onnx", ["--out="], "expected --model and --out"),
    ("onnx", ["--out=new.on"], "must end in .onnx"),
    ("onnx", ["--out=file/new.onnx"], "/file is a file, not a folder"),
    # Presets.
    ("sample", ["--model=preset:nothing"], "A preset is one of"),
    ("onnx", ["--model=preset:nothing"], "A preset is one of"),
    ("dcgan", ["--init=preset:nothing"], "A preset is one of"),
    ("vae", ["--init=nowhere.keras"], "Expected a .keras file. Received: nowhere.keras, which is missing"),
    # Writing TFRecords.
    ("write_tfrecords", [], "the following arguments are required: folder, out"),
    ("write_tfrecords", ["good"], "the following arguments are required: out"),
    ("write_tfrecords", ["good", "new", "extra"], "unrecognized arguments: extra"),
    ("write_tfrecords", ["good", "new", "--size=8"], "unrecognized arguments: --size=8"),
    ("write_tfrecords", ["good", "new", "--shards=two"], "invalid int value: 'two'"),
    ("write_tfrecords", ["good", "new", "--shards=9"], "from 1 to that of images, 8. Received: shards=9"),
    ("write_tfrecords", ["good", "new", "--image_size=8"], "Received: image_size='8'"),
    ("write_tfrecords", ["good", "new", "--channels=0"], "Received: channels=0"),
    ("write_tfrecords", ["nowhere", "new"], "There is no folder 'nowhere'"),
    ("write_tfrecords", ["texts", "new"], "'texts' holds no image file"),
    ("write_tfrecords", ["broken", "deep/new"], "None of the 1 image files can be read"),
    ("write_tfrecords", ["mixed", "deep/new"], "differ in shape: mixed/1.png is 6x9x1 and others are 8x8x1"),
    ("write_tfrecords", ["good", "records"], "'records' exists already"),
    ("write_tfrecords", ["good", "file/new"], "/file is a file, not a folder"),
)


def images(*shape, dtype="float32", value=0):
    return np.full(shape, value, dtype)


def tiny_gan(num_classes=None):
    """A compiled GAN of 2x2 images."""
    kwargs = {"hidden_units": (4,), "num_classes": num_classes}
    gan = keras_gan.GAN(
        keras_gan.networks.MLPGenerator((2, 2, 1), latent_dim=2, **kwargs),
        keras_gan.networks.MLPDiscriminator((2, 2, 1), **kwargs),
    )
    gan.compile(run_eagerly=True)
    return gan


def fit(*args, num_classes=None, **kwargs):
    tiny_gan(num_classes).fit(*args, verbose=0, **kwargs)


FOUR = images(4, 2, 2, 1)

# A call, and words of the `ValueError` that it raises.
CALLS = {
    # Arrays as data.
    "vectors as integers": (lambda: data.load(images(4, 2, dtype="int64")), "of shape (N, H, W, C) or (N, H, W)"),
    "images of rank 5": (lambda: data.load(images(4, 2, 2, 2, 1)), "of shape (N, H, W, C) or (N, H, W)"),
    "no images": (lambda: data.load(images(0, 2, 2, 1)), "shape (0, 2, 2, 1)"),
    "images of int32": (lambda: data.load(images(4, 2, 2, 1, dtype="int32")), "dtype int32"),
    "images as text": (lambda: data.load(np.full((4, 2, 2, 1), "x")), "must be uint8 in [0, 255] or floats"),
    "images in [0, 255]": (lambda: data.load(images(4, 2, 2, 1, value=255)), "must lie in [-1, 1]"),
    "images with NaN": (lambda: data.load(images(4, 2, 2, 1, value=np.nan)), "hold NaN or infinity"),
    "vectors with infinity": (lambda: data.load(images(4, 2, value=np.inf)), "hold NaN or infinity"),
    "images of 7 channels": (lambda: data.load(images(4, 2, 2, 7, dtype="uint8")), "1 to 4 channels"),
    "float labels": (lambda: data.load((FOUR, images(4))), "Labels must be integers, one for each of the 4 images"),
    "3 labels for 4 images": (lambda: data.load((FOUR, [0, 1, 2])), "one for each of the 4 images"),
    "a label too large": (lambda: data.load((FOUR, [0, 1, 2, 3]), num_classes=3), "must lie in [0, 3)"),
    "a negative label": (lambda: data.load((FOUR, [0, 1, -1, 0])), "must lie in [0, 2). Received: labels in [-1, 1]"),
    "classes without labels": (lambda: data.load(FOUR, num_classes=3), "`num_classes` needs labels"),
    "labels=True without any": (lambda: data.load(FOUR, labels=True), "labels=True needs a source with labels"),
    "a batch of none": (lambda: data.load(FOUR, batch_size=0), "Received: batch_size=0"),
    "more in a batch than there are": (lambda: data.load(FOUR, batch_size=9), "4 examples make no batch of 9"),
    "a start without an end": (lambda: data.load(FOUR, batch_size=2, start_batch=1), "needs repeat=True"),
    "a split of arrays": (lambda: data.load(FOUR, "test"), "Arrays have only the split 'train'"),
    "a split of mnist5k": (lambda: data.load("mnist5k", "validation"), "Received: split='validation'"),
    "a split of a folder": (lambda: data.load("folder:good", "validation"), "Received: split='validation'"),
    "a split of TFRecords": (lambda: data.load("tfrecord:records", "validation"), "Received: split='validation'"),
    "a split of TFDS": (lambda: data.load("tiny", "validation", data_dir="tfds"), "Received: split='validation'"),
    "classes of a folder": (lambda: data.load("folder:good", num_classes=2), "`num_classes` is for arrays"),
    # Images for `fit`.
    "fit: another size": (lambda: fit(images(4, 3, 3, 1)), "Received: images of shape (4, 3, 3, 1)"),
    "fit: no channels": (lambda: fit(images(4, 2, 2)), "Expected images of shape (batch, 2, 2, 1)"),
    "fit: bytes": (lambda: fit(images(4, 2, 2, 1, dtype="uint8")), "scale uint8 ones by x / 127.5 - 1"),
    "fit: in [0, 255]": (lambda: fit(images(4, 2, 2, 1, value=255)), "Expected images in [-1, 1]"),
    "fit: NaN": (lambda: fit(images(4, 2, 2, 1, value=np.nan)), "Expected images in [-1, 1]"),
    "fit: a list": (lambda: fit([[0.0, 0.0], [0.0, 0.0]]), "Unrecognized data type"),
    "fit: labels missing": (lambda: fit(FOUR, num_classes=3), "need batches (images, labels)"),
    "fit: float labels": (lambda: fit(FOUR, images(4), num_classes=3), "Expected integer labels"),
    "fit: a label too large": (lambda: fit(FOUR, np.array([0, 1, 2, 3]), num_classes=3), "Expected labels in [0, 3)"),
    "fit: sample weights": (lambda: fit(FOUR, sample_weight=images(4)), "no use for `sample_weight`"),
    "fit: one optimizer's callback": (
        lambda: fit(FOUR, callbacks=[keras.callbacks.ReduceLROnPlateau("d_loss")]),
        "ReduceLROnPlateau does not work with a GAN",
    ),
    # Models and what is drawn from them.
    "networks that do not fit": (
        lambda: keras_gan.GAN(
            keras_gan.networks.MLPGenerator((3,), latent_dim=2), keras_gan.networks.MLPDiscriminator((2,))
        ),
        "must take the images that the generator makes",
    ),
    "a loss that is none": (lambda: tiny_gan().compile(loss="l3"), "Received: identifier='l3'"),
    "a weight that is none": (lambda: keras_gan.regularizers.R1(np.nan), "`weight` must be a finite number"),
    "no samples": (lambda: tiny_gan().sample(0), "Received: n=0"),
    "a sample's label": (lambda: tiny_gan(3).sample(2, labels=3), "must lie in [0, 3)"),
    "too much truncation": (lambda: tiny_gan().sample(1, truncation=2.0), "must lie in [0, 1]"),
    "a model that is none": (lambda: loading.load_generator("flipped.keras"), "flipped.keras is truncated or damaged"),
    "a checkpoint of another size": (
        lambda: callbacks.Checkpoint("run/checkpoints", every=1).restore(tiny_gan()),
        "was written by another architecture",
    ),
    "no checkpoint that can be read": (
        lambda: callbacks.Checkpoint("run-unreadable/checkpoints", every=1).restore(tiny_gan()),
        "None of the 3 checkpoints in run-unreadable/checkpoints can be read",
    ),
}


def truncate(path):
    contents = path.read_bytes()
    path.write_bytes(contents[: len(contents) // 2])


def flip(path):
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents)


def make_files():
    """Fills the current folder with inputs, good and bad."""
    rng = np.random.default_rng(0)

    def picture(path, height=8, width=8):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (height, width), dtype="uint8")).save(path)

    for i in range(8):
        picture(f"good/{'ab'[i % 2]}/{i}.png")
    picture("mixed/0.png")
    picture("mixed/1.png", 6, 9)
    for name in ("empty", "texts", "broken", "folder.png"):
        Path(name).mkdir()
    for name in ("file", "texts/thesis.tex", "broken/0.png", "text.keras", "old.tflite"):
        Path(name).write_text("a text")

    write_tfrecords.write("good", "records")

    def records(name, spoil, file=SHARD):
        shutil.copytree("records", name)
        spoil(Path(name, file))

    records("records-truncated", lambda file: file.write_bytes(file.read_bytes()[:-7]))
    records("records-flipped", flip)
    records("records-text", lambda file: file.write_text("a text that is long enough for a header"))
    records("records-undescribed", Path.unlink, "dataset.json")
    records("records-garbled", truncate, "dataset.json")

    tfds.disable_progress_bar()
    pictures = tf.data.Dataset.from_tensor_slices({"image": rng.integers(0, 256, (4, 8, 8, 1), dtype="uint8")})
    features = tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(8, 8, 1))})
    for name in ("tiny", "damaged"):
        tfds.dataset_builders.store_as_tfds_dataset(
            name, version="1.0.0", features=features, split_datasets={"train": pictures}, data_dir="tfds"
        )
    truncate(Path("tfds/damaged/1.0.0/dataset_info.json"))

    def generator(name, image_shape=(6, 6, 1), **kwargs):
        model = keras_gan.networks.MLPGenerator(image_shape, latent_dim=4, hidden_units=(8,), **kwargs)
        model.save(name)
        return model

    model = generator("generator.keras", num_classes=3, class_names=["cat", "dog", "fox"])
    for name, spoil in (("truncated.keras", truncate), ("flipped.keras", flip)):
        shutil.copy("generator.keras", name)
        spoil(Path(name))
    model.weights[0].assign(np.nan * model.weights[0])
    model.save("nan.keras")
    generator("unconditional.keras")
    generator("vectors.keras", (2,))
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save("plain.keras")


def make_runs():
    """Adds a run of 4 steps and damaged copies of it."""
    call("dcgan", ["--out=run", "--steps=4"])
    call("dcgan", ["--out=larger", "--filters=3", "--steps=4"])

    def run(name, spoil):
        shutil.copytree("run", name)
        spoil(Path(name))

    def every_checkpoint(run):
        for file in run.glob("checkpoints/*.data*"):
            truncate(file)

    def of_larger(run):
        shutil.rmtree(run / "checkpoints")
        Path("larger/checkpoints").rename(run / "checkpoints")

    config = json.loads(Path("run/config.json").read_text())
    run("run-of-other-data", lambda run: (run / "config.json").write_text(json.dumps({**config, "data": "0"})))
    run("run-without-config", lambda run: (run / "config.json").unlink())
    run("run-config-truncated", lambda run: truncate(run / "config.json"))
    run("run-config-garbled", lambda run: (run / "config.json").write_bytes(b"\xff\xfe{}"))
    run("run-config-foreign", lambda run: (run / "config.json").write_text("[1, 2]"))
    run("run-without-checkpoints", lambda run: shutil.rmtree(run / "checkpoints"))
    run("run-of-another-size", of_larger)
    run("run-unreadable", every_checkpoint)
    shutil.rmtree("larger")


def call(door, arguments):
    """Exit status (`None` without one), standard output and standard error of a command, run in this process."""
    function, given = DOORS[door]
    output, errors, status = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            function([*given, *arguments])
        except SystemExit as stop:
            status = stop.code
    return status, output.getvalue(), errors.getvalue()


def weights(run):
    """All that the model of a finished run consists of."""
    return [np.asarray(variable) for variable in keras.models.load_model(Path(run, "gan.keras")).variables]


def snapshot():
    """What is in the current folder: permissions of everything, contents of files."""
    return {
        str(path): (path.stat().st_mode, hashlib.sha256(path.read_bytes()).digest() if path.is_file() else None)
        for path in Path().rglob("*")
    }


class BadInputTestCase(TestCase, parameterized.TestCase):
    """Tests that run in a folder of inputs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.enterClassContext(contextlib.chdir(folder))
        # A process that has computed cannot change its devices any more.
        cls.enterClassContext(mock.patch.object(tf.config, "set_visible_devices"))
        cls.enterClassContext(mock.patch.dict(os.environ, TF_CONFIG=""))
        make_files()

    def assert_refused(self, sentence, door, arguments):
        """A command ends with one line, which has the sentence, and leaves the folder as it was."""
        before = snapshot()
        status, _, errors = call(door, arguments)
        self.assertEqual(status, 1, errors)
        self.assertStartsWith(errors, "error: ")
        self.assertLen(errors.splitlines(), 1)
        self.assertIn(sentence, errors)
        self.assertEqual(snapshot(), before)


class TableTest(BadInputTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        make_runs()

    @parameterized.parameters(*COMMANDS)
    def test_commands(self, door, arguments, sentence):
        self.assert_refused(sentence, door, arguments)

    @parameterized.named_parameters((name, *entry) for name, entry in CALLS.items())
    def test_calls(self, function, sentence):
        before = snapshot()
        with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(ValueError) as caught:
            function()
        self.assertIn(sentence, str(caught.exception))
        self.assertLen(str(caught.exception).splitlines(), 1)
        self.assertEqual(snapshot(), before)

    def test_checkpoints_of_which_none_can_be_read(self):
        """One error, after a line for each of them."""
        before = snapshot()
        status, _, errors = call("dcgan", ["--out=run-unreadable", "--steps=6"])
        self.assertEqual((status, errors.count("error: "), len(errors.splitlines())), (1, 1, 4))
        self.assertIn("error: None of the 3 checkpoints in run-unreadable/checkpoints can be read", errors)
        self.assertEqual(snapshot(), before)


class RecoveryTest(BadInputTestCase):
    """Damage to a run that leaves enough to go on."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        call("dcgan", ["--out=whole", "--steps=4"])

    def setUp(self):
        super().setUp()
        shutil.copytree("whole", "run")
        self.addCleanup(shutil.rmtree, "run")

    @pytest.mark.slow
    def test_a_damaged_newest_checkpoint_costs_the_steps_since_the_one_before(self):
        Path("run/gan.keras").unlink()
        truncate(Path("run/checkpoints/ckpt-4.data-00000-of-00001"))
        status, output, errors = call("dcgan", ["--out=run", "--steps=4"])
        self.assertIsNone(status, errors)
        self.assertRegex(errors, r"\A.*ckpt-4 cannot be read .*\n\Z")
        self.assertIn("Resuming run at step 2", output)
        for found, wanted in zip(weights("run"), weights("whole"), strict=True):
            np.testing.assert_array_equal(found, wanted)

    def test_a_damaged_result_is_made_again(self):
        expected = json.loads(Path("run/result.json").read_text())["steps"]
        for contents in (b"", b"[]"):
            Path("run/result.json").write_bytes(contents)
            status, _, errors = call("dcgan", ["--out=run", "--steps=4"])
            self.assertEqual((status, errors), (None, ""))
            self.assertEqual(json.loads(Path("run/result.json").read_text())["steps"], expected)

    @pytest.mark.slow
    def test_log_entries_that_are_none_are_dropped(self):
        file = Path("run/history.jsonl")
        entries = file.read_text().splitlines()
        file.write_bytes(b"a text\n\xff}\n{}\n" + file.read_bytes() + b'{"step": 5')
        status, _, errors = call("dcgan", ["--out=run", "--steps=6"])
        self.assertEqual((status, errors), (None, ""))
        self.assertEqual(file.read_text().splitlines()[:2], entries)
        self.assertLen(file.read_text().splitlines(), 3)


@contextlib.contextmanager
def small_files(size):
    """Lets this process write no file of more than `size` bytes, as if the disk were full from there on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class FullDiskTest(BadInputTestCase):
    FLAGS = ("--filters=16", "--checkpoint_every=2")  # a checkpoint of 33 kB

    def setUp(self):
        super().setUp()
        self.addCleanup(shutil.rmtree, "run", ignore_errors=True)

    def mount(self, options):
        """Mounts a small file system as the folder `disk`, until the test ends."""
        Path("disk").mkdir()
        self.addCleanup(Path("disk").rmdir)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", "disk"], capture_output=True).returncode:
            self.skipTest("needs permission to mount a file system")
        self.addCleanup(subprocess.run, ["umount", "--lazy", "disk"], check=True)

    def assert_nothing_half_written(self):
        names = [str(path) for path in Path().rglob("*") if path.is_file()]
        self.assertEmpty(
            [name for name in names if "partial" in name or "staging" in name or ".tmp" in name or "_temp" in name]
        )

    @pytest.mark.slow
    def test_a_checkpoint_without_room(self):
        """The run keeps what it has, and with room it ends as if nothing had happened."""
        call("dcgan", [*self.FLAGS, "--out=through", "--steps=8"])
        self.addCleanup(shutil.rmtree, "through")
        call("dcgan", [*self.FLAGS, "--out=run", "--steps=4"])
        with contextlib.chdir("run"):
            before = snapshot()
        with small_files(30_000):
            status, _, errors = call("dcgan", [*self.FLAGS, "--out=run", "--steps=8"])
        self.assertEqual(status, 1)
        self.assertRegex(
            errors,
            r"\Aerror: The checkpoint of step 6 could not be written to run/checkpoints: it needs 0\.03 MiB, and "
            r"\S+ MiB are free .* the one of step 4 is intact: make room, and run the same command again .*\n\Z",
        )
        with contextlib.chdir("run"):
            after = snapshot()
        grown = ("config.json", "diagnosis", "history.jsonl", "logs", "samples")
        self.assertEqual(
            {name: kept for name, kept in after.items() if not name.startswith(grown)},
            {name: kept for name, kept in before.items() if not name.startswith(grown)},
        )
        status, output, errors = call("dcgan", [*self.FLAGS, "--out=run", "--steps=8"])
        self.assertEqual((status, errors), (None, ""))
        self.assertIn("Resuming run at step 4", output)
        for found, wanted in zip(weights("run"), weights("through"), strict=True):
            np.testing.assert_array_equal(found, wanted)

    def test_a_small_disk(self):
        self.check_disk("160k")

    @parameterized.parameters("8k", "64k", "240k", "400k")
    @pytest.mark.slow
    def test_a_disk_of(self, size):
        self.check_disk(size)

    def check_disk(self, size):
        """Wherever the space ends, there is one line, nothing half-written, and a run that can go on."""
        self.mount(f"size={size}")
        flags = [*self.FLAGS, "--out=disk/run", "--steps=4"]
        status, _, errors = call("dcgan", flags)
        self.assertEqual(status, 1)
        self.assertRegex(errors, r"\Aerror: .*could not be written.* MiB are free.* make room, and run .*\n\Z")
        self.assert_nothing_half_written()
        subprocess.run(["mount", "-o", "remount,size=8m", "disk"], check=True)
        status, _, errors = call("dcgan", flags)
        self.assertEqual((status, errors), (None, ""))

    @parameterized.parameters(
        ("write_tfrecords", ["good", "deep/new"], 300),
        ("sample", [], 100),
        ("saved_model", [], 300),
        ("tflite", [], 300),
    )
    def test_other_commands(self, door, arguments, size):
        before = snapshot()
        with small_files(size):
            status, _, errors = call(door, arguments)
        self.assertEqual(status, 1, errors)
        self.assertRegex(errors, r"\Aerror: .*could not be written: .*\n\Z")
        self.assertEqual(snapshot(), before)

    @parameterized.parameters(
        ("dcgan", ["--out=disk/run"]),
        ("sample", ["--out=disk/new.png"]),
        ("sample", ["--out=disk/deep/new"]),
        ("write_tfrecords", ["good", "disk/new"]),
        ("saved_model", ["--out=disk/new"]),
        ("tflite", ["--out=disk/deep/new.tflite"]),
    )
    def test_a_disk_that_is_read_only(self, door, arguments):
        self.mount("ro")
        self.assert_refused("there is no permission to write to", door, arguments)


class PermissionTest(BadInputTestCase):
    @parameterized.parameters("good", "good/a")
    def test_a_folder_that_may_not_be_read(self, locked):
        """Also one of several classes, which is not left out."""
        mode, user = Path(locked).stat().st_mode, os.geteuid()
        self.addCleanup(Path(locked).chmod, mode)
        Path(locked).chmod(0)
        if user == 0:  # Permissions do not bind root.
            Path().chmod(0o755)
            os.seteuid(65534)
            self.addCleanup(os.seteuid, user)
        with self.assertRaisesRegex(PermissionError, f"Permission denied: '{locked}'"):
            data.load("folder:good")


class ProcessTest(BadInputTestCase):
    """Nothing else is on standard error, above all no log lines of TensorFlow."""

    def assert_all_refused(self, *commands):
        before = snapshot()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)

        def run(command):
            _, module, *flags = command
            door = ["-m", module]
            if module.startswith("keras_gan."):
                # Python imports that package before the command could silence TensorFlow; the console's command can.
                door = ["-c", "import sys; sys.argv[0] = 'keras-gan'; from trainers.command import main; main()"]
                door.append(module.rpartition(".")[2])
            return subprocess.run(
                [sys.executable, *door, *flags], capture_output=True, text=True, env=environment, timeout=300
            )

        with futures.ThreadPoolExecutor(2) as pool:
            for (sentence, *_), done in zip(commands, pool.map(run, commands), strict=True):
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stderr, rf"\Aerror: .*{sentence}.*\n\Z")
        self.assertEqual(snapshot(), before)

    @pytest.mark.slow
    def test_one_of_each_package(self):
        call("dcgan", ["--out=run", "--steps=1"])
        call("dcgan", ["--out=larger", "--filters=3", "--steps=1"])
        shutil.rmtree("run/checkpoints")
        Path("larger/checkpoints").rename("run/checkpoints")
        self.assert_all_refused(
            ("written by another architecture", "trainers.dcgan", *DOORS["dcgan"][1], "--out=run"),
            ("differ in shape", "keras_gan.data.write_tfrecords", "mixed", "deep/new"),
            ("is a file, not a folder", "export.tflite", "--model=generator.keras", "--out=file/new.tflite"),
        )

    @pytest.mark.slow
    def test_the_others(self):
        self.assert_all_refused(
            ("Unknown command line flag 'stepz'", "trainers.mlp_gan", "--stepz=3"),
            ("truncated.keras is truncated or damaged", "trainers.sample", "--model=truncated.keras", "--out=new"),
            ("not finite", "export.saved_model", "--model=nan.keras", "--out=new"),
        )

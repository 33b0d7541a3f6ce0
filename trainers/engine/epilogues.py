"""Reports of trained runs that some recipes add to the rest."""

import json

import keras
import numpy as np

from keras_gan import data
from keras_gan.files import atomic
from keras_gan.metrics import conditional, features
from trainers.engine import continuation, flags


def judge_classes(folder, samples=10_000, steps=1000):
    """Writes `conditional.json`: what classifiers learn from a conditional run's images; prints it as a table.

    Args:
        folder: `RunFolder` of data with labels.
        samples: At most as many generated images, and real training images, are looked at.
        steps: Updates of each classifier.

    Returns:
        Path of the file; `None` where there are no held-out images, which it says.
    """
    config = continuation.of_run(flags.RunConfig, folder.path)
    held_out = flags.find_held_out(config)
    if held_out is None or held_out.num_classes is None:
        missing = "split 'test'" if held_out is None else "labels in its split 'test'"
        print(f"Nothing says how well images show their classes: {config.dataset} has no {missing}.")
        return None
    print("Classifiers learn from generated and from real images, to be tested on held-out ones ...", flush=True)
    generator = keras.models.load_model(folder.generator_file)
    real, tested = (_labelled(source, samples) for source in (flags.find(config), held_out))
    judge = features.for_dataset(config.dataset, generator.image_shape, second=True)
    found = conditional.evaluate(generator, real, tested, seed=config.seed, steps=steps, judge=judge, progress=True)
    judged_by = (
        f"The classifier {judge}, which is right about {found['judge_real']:.2%} of the held-out images,"
        if judge
        else "The network that learned from real images, the generator's own training images and so a mild judge,"
    )
    file = folder.path / "conditional.json"
    atomic.write_text(file, json.dumps(found, indent=2) + "\n")
    print(
        f"""
On {found["test_images"]} held-out images, classifiers that learned from {found["train_images"]} images each:
                      1-NN error   accuracy of a small network
  generated images    {found["nearest_neighbour_error_generated"]:10.2%}   {found["gan_train"]:.2%} (GAN-train)
  real images         {found["nearest_neighbour_error_real"]:10.2%}   {found["real_train"]:.2%}
{judged_by} is right about {found["gan_test"]:.2%} of the generated ones (GAN-test).
Kept in {file}.""",
        flush=True,
    )
    return file


def _labelled(source, most):
    """At most `most` images of a source and their labels, drawn at random but always the same."""
    dataset, _ = data.load(source, batch_size=500, labels=True, drop_remainder=False)
    images, labels = zip(*dataset.take(-(-most // 500)), strict=True)
    return np.concatenate(images)[:most], np.concatenate(labels)[:most]

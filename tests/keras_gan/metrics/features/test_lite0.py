import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf

from keras_gan import metrics
from keras_gan.metrics import features
from keras_gan.metrics.features import convert_lite0, lite0
from tests.test_case import TestCase

ROOT = Path(__file__).resolve().parents[4]


def published(arrays):
    """The state in the other implementation's names that computes what folded arrays do."""
    state = {}
    for name, convolution, normalization in convert_lite0.pairs():
        kernel, bias = (arrays[f"{name}/{part}"].astype("float32") for part in ("kernel", "bias"))
        order = (2, 3, 0, 1) if name.endswith("_depthwise") else (3, 2, 0, 1)
        state[f"{convolution}.weight"] = kernel.transpose(order)
        ones = np.ones_like(bias)
        parts = {"weight": ones, "bias": bias, "running_mean": 0 * bias, "running_var": ones - convert_lite0.EPSILON}
        state |= {f"{normalization}.{part}": array for part, array in parts.items()}
    return state


def weights():
    with np.load(lite0.FOLDER / f"{lite0.NAME}.npz") as stored:
        return dict(stored)


def pictures(n, height, width, channels, seed=0):
    """Smooth colours and an edge: like pictures in that neighbours are alike."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (n, 4, 4, channels)).astype("float32")
    return tf.cast(tf.clip_by_value(tf.image.resize(coarse, (height, width), "bicubic"), 0, 255), "uint8").numpy()


class Lite0Test(TestCase):
    def test_features_of_any_size_and_channels(self):
        seen = features.get("efficientnet_lite0")
        self.assertEqual((seen.name, seen.resize, seen.dimension), (lite0.NAME, "bicubic, antialiased", 1280))
        for shape in ((8, 8, 1), (64, 48, 3)):
            found = seen(pictures(2, *shape))
            self.assertEqual(found.shape, (2, 1280))
            self.assertAllInRange(found, 0.0, 6.0)  # a mean of ReLU6
            self.assertGreater(np.abs(found[0] - found[1]).max(), 0.1)
        self.assertIsNone(seen.probabilities(pictures(1, 8, 8, 3)))

    def test_gray_is_three_equal_channels_and_alpha_is_left_out(self):
        seen = features.get("efficientnet_lite0")
        gray, colour = pictures(1, 16, 16, 1), pictures(1, 16, 16, 3)
        alpha = np.full_like(gray, 99)
        self.assertAllClose(seen(gray), seen(np.repeat(gray, 3, axis=-1)), atol=1e-5)
        self.assertAllClose(seen(gray), seen(np.concatenate([gray, alpha], axis=-1)), atol=1e-5)
        self.assertAllClose(seen(colour), seen(np.concatenate([colour, alpha], axis=-1)), atol=1e-5)

    def test_preprocessing_is_resizing_without_aliases_and_a_scale(self):
        images = pictures(1, 300, 260, 3)
        model, digest = lite0.load()
        small = tf.image.resize(images.astype("float32"), (lite0.SIZE, lite0.SIZE), "bicubic", antialias=True)
        expected = model((small - 127.0) / 128.0)
        seen = features.get("efficientnet_lite0")
        self.assertAllClose(seen(images), expected, atol=1e-4)
        self.assertEqual((seen.digest, digest), (lite0.manifest()["sha256"],) * 2)

    def test_what_is_no_picture_is_refused(self):
        seen = features.get("efficientnet_lite0")
        with self.assertRaisesRegex(ValueError, r"at least 8x8 pixels.*Received: images of shape \(7, 9, 3\)"):
            seen.check((7, 9, 3))
        with self.assertRaisesRegex(ValueError, r"Received: images of shape \(9, 9, 5\)"):
            seen.check((9, 9, 5))

    def test_damage_is_noticed(self):
        folder = Path(self.path("weights"))
        shutil.copytree(str(lite0.FOLDER), folder)
        content = bytearray((folder / f"{lite0.NAME}.npz").read_bytes())
        content[1000] ^= 1
        (folder / f"{lite0.NAME}.npz").write_bytes(content)
        with (
            mock.patch.object(lite0, "FOLDER", folder),
            self.assertRaisesRegex(ValueError, "damaged.* sha256 [0-9a-f]"),
        ):
            lite0.load()

    def test_every_array_is_used(self):
        layers = {layer.name for layer in lite0.build().layers if layer.weights}
        self.assertEqual({name.split("/")[0] for name in weights()}, layers)
        self.assertEqual(lite0.build().count_params(), 3_350_000)

    def test_distances_are_called_by_its_name(self):
        images = pictures(40, 12, 12, 3)
        found = metrics.evaluate(images[:20], images[20:], num_samples=20, floor=False, progress=False)
        self.assertEqual([record.name for record in found][:2], ["lkd", "lfd"])
        self.assertEqual({record.features for record in found}, {lite0.NAME})
        self.assertEqual({record.resize for record in found}, {"bicubic, antialiased"})
        with self.assertRaisesRegex(ValueError, "Received: metrics=.'fid'"):
            metrics.evaluate(images, images, "efficientnet_lite0", ["fid"])

    def test_agrees_with_another_implementation(self):
        for name in ("torch", "efficientnet_lite_pytorch"):
            if importlib.util.find_spec(name) is None:
                self.skipTest(f"{name} is not installed: pip install '.[bench]'")
        images = lite0.preprocess(pictures(100, lite0.SIZE, lite0.SIZE, 3).astype("float32"))
        model, _ = lite0.load()
        ours = np.concatenate([model(images[start : start + 50]) for start in (0, 50)])
        state, given, out = (self.path(f"{name}.npz") for name in ("state", "images", "out"))
        np.savez(state, **published(weights()))
        np.savez(given, images=images)
        # In a process of its own: TensorFlow and PyTorch cannot be loaded together.
        command = [sys.executable, "-m", "benchmarks.peers.lite0", state, given, out]
        subprocess.run(command, check=True, cwd=ROOT)
        with np.load(out) as stored:
            self.assertAllClose(ours, stored["features"], rtol=1e-4, atol=1e-4)

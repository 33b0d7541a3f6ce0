import zipfile
from pathlib import Path

import numpy as np

from keras_gan.metrics.features import convert_lite0, lite0
from tests.test_case import TestCase


class ConvertTest(TestCase):
    def test_normalization_is_folded(self):
        """One pixel through the stem: kernel, then `scale (x - mean) / sqrt(variance + epsilon) + offset`."""
        rng = np.random.default_rng(0)
        layers = {layer.name: layer for layer in lite0.build().layers if layer.weights}
        state = {}
        for name, convolution, normalization in convert_lite0.pairs():
            height, width, *channels = layers[name].get_weights()[0].shape
            shape = (*channels, height, width) if name.endswith("_depthwise") else (*channels[::-1], height, width)
            state[f"{convolution}.weight"] = rng.normal(size=shape).astype("float32")
            for part in ("weight", "bias", "running_mean", "running_var"):
                state[f"{normalization}.{part}"] = rng.uniform(0.5, 1.5, shape[0]).astype("float32")
        arrays = convert_lite0.fold(state)
        self.assertEqual(set(arrays), {f"{name}/{part}" for name in layers for part in ("kernel", "bias")})
        for name, array in arrays.items():
            layer, part = name.split("/")
            self.assertEqual(array.shape, layers[layer].get_weights()[part == "bias"].shape)
        pixel, norm = rng.normal(size=(3, 3, 3)), {part: state[f"_bn0.{part}"] for part in ("weight", "bias")}
        mean, variance = state["_bn0.running_mean"], state["_bn0.running_var"]
        raw = np.einsum("hwc,ochw->o", pixel, state["_conv_stem.weight"])
        expected = norm["weight"] * (raw - mean) / np.sqrt(variance + 1e-3) + norm["bias"]
        folded = np.einsum("hwc,hwco->o", pixel, arrays["stem/kernel"]) + arrays["stem/bias"]
        self.assertAllClose(folded, expected, rtol=1e-4, atol=1e-4)

    def test_another_wheel_is_refused(self):
        wheel = self.path("other.whl")
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(convert_lite0.MEMBER, b"other")
        text = self.refusal(convert_lite0.main, f"--wheel={wheel}", f"--out={self.path('out')}")
        self.assertIn("has the sha256 579344", text)
        self.assertIn("no such.whl", self.refusal(convert_lite0.main, "--wheel=no such.whl"))
        self.assertFalse(Path(self.path("out")).exists())

from pathlib import Path

import tensorflow as tf
from tensorboard.plugins.hparams import plugin_data_pb2

from keras_gan.files.run_folder import RunFolder
from keras_gan.metrics import Record
from tests.test_case import TestCase
from trainers.engine import dashboard


class DashboardTest(TestCase):
    def logged(self, folder):
        """From the tag of each logged value to it and its step."""
        found = {}
        for file in sorted(folder.logs.iterdir()):
            for event in tf.compat.v1.train.summary_iterator(str(file)):
                for value in event.summary.value:
                    found[value.tag] = event.step, value
        return found

    def test_hyperparameters_final_metrics_and_texts(self):
        folder = RunFolder(Path(self.path("lr[1e-3]")))
        folder.path.mkdir()
        folder.write_config({"trainer": "dcgan", "filters": 16, "ema": 0.5, "data_dir": "/a"}, private=["data_dir"])
        dashboard.begin(folder)
        dashboard.end(folder, 12, [Record("fcd", 8.25, 10, 10, "mnist_classifier", "be9a")], "Trained 12 steps.")
        found = self.logged(folder)

        def plugin(name):
            content = found[f"_hparams_/{name}"][1].metadata.plugin_data.content
            return plugin_data_pb2.HParamsPluginData.FromString(content)

        flags = plugin("session_start_info").session_start_info.hparams
        self.assertEqual({name: flags[name].WhichOneof("kind") for name in flags}["filters"], "number_value")
        self.assertEqual((flags["trainer"].string_value, flags["filters"].number_value), ("dcgan", 16.0))
        self.assertNotIn("data_dir", flags)
        self.assertTrue(plugin("session_end_info").HasField("session_end_info"))
        step, value = found["final/fcd"]
        self.assertEqual((step, float(tf.make_ndarray(value.tensor))), (12, 8.25))
        text = tf.make_ndarray(found["run/configuration"][1].tensor).item().decode()
        self.assertIn("| filters | `16` |", text)
        self.assertIn("Trained 12 steps.", tf.make_ndarray(found["run/summary"][1].tensor).item().decode())

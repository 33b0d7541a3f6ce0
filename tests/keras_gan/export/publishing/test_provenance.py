"""Tests of what an export says of the training that made it."""

import hashlib
import json
import tempfile
from pathlib import Path

from keras_gan.export.publishing import provenance
from tests.test_case import TestCase


class TrainingTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()), "dcgan-001")
        self.folder.mkdir()
        self.model = self.folder / "generator.keras"
        self.model.write_bytes(b"weights")

    def test_a_run_folder(self):
        config = {"trainer": "dcgan", "out": "/home/me/run", "data_dir": "/data", "tpu_name": "mine", "seed": 3}
        (self.folder / "config.json").write_text(json.dumps(config))
        (self.folder / "result.json").write_text('{"steps": 200, "seconds": 9.5}')
        lines = ['{"step": 100, "d_loss": 1.5}', '{"step": 200, "d_loss": 1.25}', '{"step": 300, "d_loss": 1}', '{"st']
        (self.folder / "history.jsonl").write_text("\n".join(lines))
        (self.folder / "metrics.json").write_text('{"step": 100, "records": [{"name": "fcd", "value": 8.2}]}')
        self.assertEqual(
            provenance.training(self.model),
            {
                "file": "generator.keras",
                "sha256": hashlib.sha256(b"weights").hexdigest(),
                "run": "dcgan-001",
                "config": {"trainer": "dcgan", "seed": 3},
                "steps": 100,
                "last_step": 200,
                "seconds": 9.5,
                "logged": {"step": 100, "d_loss": 1.5},
                "metrics": {"step": 100, "records": [{"name": "fcd", "value": 8.2}]},
            },
        )
        # The best generator is of an earlier step than the others.
        whole = self.folder / "gan.keras"
        whole.write_bytes(b"weights")
        facts = provenance.training(whole)
        self.assertEqual((facts["steps"], facts["logged"]), (200, {"step": 200, "d_loss": 1.25}))

    def test_a_file_alone(self):
        facts = provenance.training(self.model)
        self.assertEqual(facts.pop("file"), "generator.keras")
        self.assertLen(facts.pop("sha256"), 64)
        self.assertEqual(set(facts.values()), {None})

    def test_damaged_files_are_refused(self):
        for name in ("config.json", "result.json", "metrics.json"):
            for contents in ('{"steps": ', "7", "\x00"):
                (self.folder / name).write_text(contents)
                with self.assertRaisesRegex(ValueError, f"{name} is damaged: "):
                    provenance.training(self.model)
            (self.folder / name).unlink()

    def test_folder_digests(self):
        (self.folder / "a").mkdir()
        (self.folder / "a" / "b").write_bytes(b"abc")
        self.assertEqual(
            provenance.folder_digests(self.folder)["a/b"],
            # The example of FIPS 180-2, appendix B.1.
            {"sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "bytes": 3},
        )

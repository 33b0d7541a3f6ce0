import contextlib
import io
import shutil
import time
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gan
from keras_gan import callbacks, networks
from tests.keras_gan.callbacks.callback_checks import (
    CallbacksTestCase,
    Killed,
    assert_same_state,
    at,
    kill,
    make_gan,
    train,
    variables,
)


class CheckpointTest(CallbacksTestCase):
    def setUp(self):
        super().setUp()
        self.checkpoints = self.folder / "checkpoints"

    def checkpoint(self, every=6, **kwargs):
        return callbacks.Checkpoint(self.checkpoints, every, **kwargs)

    def saved(self):
        return sorted(int(file.stem.split("-")[1]) for file in self.checkpoints.glob("ckpt-*.index"))

    def test_a_killed_run_ends_like_one_that_was_not(self):
        """Killed at step 9, resumed from 6 in a new model; an entry of the log spans the checkpoint."""
        straight = make_gan(run_eagerly=False)
        train(straight, 10, self.log(every=4))
        expected = (self.folder / "history.jsonl").read_bytes()
        (self.folder / "history.jsonl").unlink()

        killed = make_gan(run_eagerly=False)
        with self.assertRaises(Killed):
            train(killed, 10, self.log(every=4), self.checkpoint(), at(9, kill))
        self.assertEqual([entry["step"] for entry in self.history()], [4, 8])

        resumed, checkpoint = make_gan(run_eagerly=False), self.checkpoint()
        self.assertEqual(checkpoint.restore(resumed), 6)
        self.assertEqual(int(resumed.step), 6)
        train(resumed, 4, self.log(every=4), checkpoint)
        assert_same_state(resumed, straight)
        self.assertEqual((self.folder / "history.jsonl").read_bytes(), expected)
        self.assertIn(10, self.saved())

    def test_what_is_restored(self):
        gan = make_gan()
        train(gan, 3, self.checkpoint())
        again = make_gan()
        self.assertEqual(self.checkpoint().restore(again), 3)
        assert_same_state(again, gan)
        changed = {variable.name for variable in variables(again) if np.any(variable)}
        self.assertContainsSubset({"updates", "calls", "moving_mean", "step", "iteration", "kernel"}, changed)
        self.assertTrue(any("momentum" in name for name in changed), changed)

    def test_the_random_state_of_stock_layers_too(self):
        def make():
            gan = keras_gan.GAN(
                networks.MLPGenerator((2,), latent_dim=2, hidden_units=(4,)),
                keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5, seed=3), keras.layers.Dense(1)]),
            )
            gan.compile("sgd", "sgd", run_eagerly=True)
            return gan

        gan, again = make(), make()
        x = np.ones((4, 2), "float32")
        gan.fit(x, verbose=0, callbacks=[self.checkpoint()])
        self.checkpoint().restore(again)
        for model in (gan, again):
            model.fit(x, verbose=0)
        assert_same_state(again, gan)

    def test_those_from_a_step_on_are_given_up(self):
        gan, checkpoint = make_gan(), self.checkpoint(every=2)
        train(gan, 6, checkpoint)
        self.assertEqual(self.saved(), [2, 4, 6])
        self.assertEqual(checkpoint.restore(gan, before=7), 6)
        self.assertEqual(checkpoint.restore(gan, before=4), 2)
        self.assertEqual(self.saved(), [2])
        self.assertEqual(checkpoint.restore(gan, before=1), 2)
        # They are made again.
        train(gan, 4, checkpoint)
        self.assertEqual(self.saved(), [2, 4, 6])

    def test_nothing_to_restore(self):
        gan = make_gan()
        self.assertEqual(self.checkpoint().restore(gan), 0)
        assert_same_state(gan, make_gan())

    def test_seconds_add_up(self):
        gan, checkpoint = make_gan(), self.checkpoint(started=time.monotonic() - 100)
        train(gan, 1, checkpoint)
        self.assertBetween(float(checkpoint.seconds), 100, 150)
        gan, checkpoint = make_gan(), self.checkpoint(started=time.monotonic() - 20)
        checkpoint.restore(gan)
        train(gan, 1, checkpoint)
        self.assertBetween(float(checkpoint.seconds), 120, 200)

    def test_keeps_as_many_as_it_is_told_to(self):
        train(make_gan(), 7, self.checkpoint(every=2, keep=2))
        self.assertEqual(self.saved(), [6, 7])
        gan, checkpoint = make_gan(), self.checkpoint(every=2, keep=2)
        checkpoint.restore(gan)
        train(gan, 3, checkpoint)
        self.assertEqual(self.saved(), [8, 10])

    def test_the_best_is_kept_beside_the_newest(self):
        for mode, best in (("min", np.argmin), ("max", np.argmax)):
            log = self.log(every=2)
            checkpoint = self.checkpoint(every=100, best="d_loss", mode=mode, log=log)
            gan = make_gan()
            train(gan, 8, log, checkpoint)
            entries = self.history()
            [file] = (self.checkpoints / "best").glob("*.index")
            self.assertEqual(file.stem, f"ckpt-{entries[best([entry['d_loss'] for entry in entries])]['step']}")
            shutil.rmtree(self.checkpoints)

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "`mode` must be 'min' or 'max'. Received: mode='least'"):
            self.checkpoint(mode="least")
        log = self.log(every=1)
        with self.assertRaisesRegex(ValueError, r"no quantity 'fid' to keep the best of. Received: \['d_loss'"):
            train(make_gan(), 1, log, self.checkpoint(best="fid", log=log))

    def test_a_full_disk(self):
        """One sentence, no half-written files, and no harm to others whose numbers begin alike."""
        gan, checkpoint = make_gan(), self.checkpoint(every=1)
        train(gan, 1, checkpoint)
        for name in ("ckpt-2.index", "ckpt-20.index", "ckpt-2_temp/part"):
            (self.checkpoints / name).parent.mkdir(exist_ok=True)
            (self.checkpoints / name).touch()
        full = tf.errors.ResourceExhaustedError(None, None, "no space left on device\n  in a long story")
        message = (
            "of step 2 could not be written to .*MiB are free .ResourceExhaustedError.* the one of step 1 is intact"
        )
        with (
            mock.patch.object(tf.train.Checkpoint, "write", side_effect=full),
            self.assertRaisesRegex(OSError, message) as raised,
        ):
            train(gan, 1, checkpoint)
        self.assertNotIn("\n", str(raised.exception))
        self.assertEqual(self.saved(), [0, 1, 20])
        self.assertFalse((self.checkpoints / "ckpt-2_temp").exists())

    @pytest.mark.slow
    def test_falls_back_over_what_cannot_be_read(self):
        train(make_gan(), 6, self.checkpoint(every=2))
        [data_file] = self.checkpoints.glob("ckpt-6.data*")
        index_file = self.checkpoints / "ckpt-6.index"
        whole = {file: file.read_bytes() for file in (data_file, index_file)}
        expected = make_gan()
        train(expected, 4)

        def restore():
            gan, errors = make_gan(), io.StringIO()
            with contextlib.redirect_stderr(errors):
                step = self.checkpoint().restore(gan)
            return gan, step, errors.getvalue()

        for damage in (
            lambda: data_file.write_bytes(whole[data_file][: len(whole[data_file]) // 2]),
            lambda: data_file.write_bytes(b""),
            lambda: data_file.write_bytes(bytes(len(whole[data_file]))),
            lambda: data_file.write_bytes(whole[data_file][:-100] + bytes(100)),
            lambda: data_file.unlink(),
            lambda: index_file.write_bytes(whole[index_file][: len(whole[index_file]) // 2]),
            lambda: index_file.write_bytes(b""),
        ):
            damage()
            gan, step, errors = restore()
            self.assertEqual(step, 4)
            self.assertRegex(errors, r"ckpt-6 cannot be read \(\w+\); trying the one before\n\Z")
            assert_same_state(gan, expected)
            for file, content in whole.items():
                file.write_bytes(content)
        self.assertEqual(restore()[1:], (6, ""))

        # Without the state file of TensorFlow too, and with the newest of them saved anew.
        (self.checkpoints / "checkpoint").unlink()
        data_file.write_bytes(b"")
        gan, checkpoint = make_gan(), self.checkpoint(every=2)
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(checkpoint.restore(gan), 4)
        train(gan, 2, checkpoint)
        again, step, errors = restore()
        self.assertEqual((step, errors), (6, ""))
        assert_same_state(again, gan)

    def test_none_can_be_read(self):
        train(make_gan(), 2, self.checkpoint(every=2))
        for file in self.checkpoints.glob("ckpt-*.data*"):
            file.write_bytes(b"")
        with (
            contextlib.redirect_stderr(io.StringIO()),
            self.assertRaisesRegex(ValueError, r"None of the \d checkpoints"),
        ):
            self.checkpoint().restore(make_gan())

    def test_another_architecture_is_refused(self):
        train(make_gan(), 1, self.checkpoint())
        for other in (make_gan(hidden_units=(9,)), make_gan(hidden_units=(8, 8)), make_gan(hidden_units=())):
            with self.assertRaisesRegex(ValueError, r"ckpt-1 was written by another architecture: .*Received: \S"):
                self.checkpoint().restore(other)

    def test_a_state_that_is_not_finite_is_not_saved(self):
        gan = make_gan()
        spoil = at(2, lambda: gan.discriminator.logit.bias.assign([np.nan]))
        with self.assertRaisesRegex(FloatingPointError, "by step 2: the weight .*bias is not finite"):
            train(gan, 4, spoil, self.checkpoint(every=2))
        self.assertEqual(self.saved(), [0])

    def test_what_kills_left_is_removed(self):
        """A checkpoint that nothing lists, an unfinished one, data without an index; others' files stay."""
        gan = make_gan()
        train(gan, 6, self.checkpoint(every=2))
        for name in ("ckpt-1.index", "ckpt-1.data-00000-of-00001", "ckpt-3.data-00000-of-00001", "ckpt-8_temp/part",
                     "checkpoint.tmp4711", "notes.txt"):  # fmt: skip
            (self.checkpoints / name).parent.mkdir(exist_ok=True)
            (self.checkpoints / name).touch()
        checkpoint = self.checkpoint(every=2)
        checkpoint.restore(gan)
        train(gan, 2, checkpoint)
        names = {file.name for file in self.checkpoints.iterdir()}
        kept = {f"ckpt-{step}{end}" for step in (4, 6, 8) for end in (".index", ".data-00000-of-00001")}
        self.assertEqual(names, {*kept, "checkpoint", "notes.txt"})
        self.assertEqual(tf.train.latest_checkpoint(self.checkpoints), str(self.checkpoints / "ckpt-8"))

    def test_the_list_of_checkpoints_is_not_needed(self):
        gan = make_gan()
        train(gan, 4, self.checkpoint(every=2))
        for damage in (b"", b"\xff\xfe", b"model_checkpoint_path: 3", None):
            file = self.checkpoints / "checkpoint"
            file.unlink() if damage is None else file.write_bytes(damage)
            again = make_gan()
            self.assertEqual(self.checkpoint(every=2).restore(again), 4)
            assert_same_state(again, gan)
        train(again, 2, self.checkpoint(every=2))
        self.assertEqual(tf.train.latest_checkpoint(self.checkpoints), str(self.checkpoints / "ckpt-6"))

    def test_folders_that_are_patterns_are_refused(self):
        for name in ("lr[1e-3]", "a*", "b?", "c\\d"):
            with self.assertRaisesRegex(ValueError, "for a pattern: choose another folder"):
                callbacks.Checkpoint(self.folder / name, every=1)

    def test_the_last_whole_step(self):
        """One that all callbacks have seen; a step that fails between them is not saved."""
        gan, checkpoint = make_gan(), self.checkpoint(every=100)
        fail = at(3, kill)
        for own, whole in (((checkpoint, fail), True), ((fail, checkpoint), False)):
            with self.assertRaises(Killed):
                train(gan, 5, *own)
            self.assertEqual(checkpoint.save_last_whole_step(), whole)
        self.assertEqual((int(gan.step), self.saved()), (6, [0, 3]))

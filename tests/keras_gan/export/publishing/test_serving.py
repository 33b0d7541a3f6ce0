"""Tests of folders of versions and of the server's configuration."""

import multiprocessing
import re
import shlex
import shutil
import tempfile
from concurrent import futures
from pathlib import Path
from unittest import mock

import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from keras_gan.export.publishing import serving
from tests.test_case import TestCase


def make_version(folder, contents="x"):
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_text(contents)
    return folder


def release_many(base, writer, count):
    """Publishes `count` versions that say who made them."""
    made = []
    for number in range(count):
        with serving.stage(base) as folder:
            made.append(serving.release(make_version(folder, f"{writer} {number}"), base).name)
    return made


def batching_parameters():
    """The class of the server's `BatchingParameters`, which the API's package leaves out."""
    file = descriptor_pb2.FileDescriptorProto(name="batching.proto", package="tests", syntax="proto3")
    message = file.message_type.add(name="BatchingParameters")
    file.dependency.append("google/protobuf/wrappers.proto")
    for number, (name, kind) in {
        1: ("max_batch_size", "Int64Value"),
        2: ("batch_timeout_micros", "Int64Value"),
        3: ("max_enqueued_batches", "Int64Value"),
        4: ("num_batch_threads", "Int64Value"),
        5: ("thread_pool_name", "StringValue"),
        8: ("enable_large_batch_splitting", "BoolValue"),
        9: ("max_execution_batch_size", "Int64Value"),
    }.items():
        message.field.add(name=name, number=number, type=11, label=1, type_name=f".google.protobuf.{kind}")
    message.field.add(name="allowed_batch_sizes", number=6, type=3, label=3)
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tests.BatchingParameters"))


class VersionsTest(TestCase):
    def setUp(self):
        super().setUp()
        self.base = Path(self.enterContext(tempfile.TemporaryDirectory()), "digits")

    def names(self):
        return sorted(path.name for path in self.base.iterdir())

    def test_release_counts_on(self):
        self.assertEqual(release_many(self.base, "a", 2), ["1", "2"])
        (self.base / "7").mkdir()
        (self.base / "0008").touch()  # A server takes this for 8, too.
        (self.base / "99x").mkdir()
        (self.base / str(2**63)).mkdir()  # More than a version can be.
        self.assertEqual(release_many(self.base, "a", 1), ["9"])
        self.assertNotIn(".staging", " ".join(self.names()))

    def test_a_number_that_was_taken_meanwhile_is_not_overwritten(self):
        class Late(type(self.base)):
            """Lists a folder as it was before others wrote to it, the first time."""

            def iterdir(self):
                return iter(()) if late.pop() else super().iterdir()

        self.base.mkdir()
        for make, name in (
            (lambda path: make_version(path, "first"), "saved_model.pb"),
            (lambda path: path.write_text("first"), ""),
        ):
            taken, late = self.base / "1", [False, True]
            make(taken)
            with serving.stage(self.base) as folder, mock.patch.object(serving, "Path", Late):
                path = serving.release(make_version(folder, "second"), self.base)
            self.assertEqual(path.name, "2")
            self.assertEqual((path / "saved_model.pb").read_text(), "second")
            self.assertEqual((taken / name).read_text(), "first")
            shutil.rmtree(path)
            shutil.rmtree(taken, ignore_errors=True)

    def test_publishers_do_not_collide(self):
        """20 threads and 4 processes, each of which finds all that it wrote under numbers of its own."""
        with futures.ThreadPoolExecutor(20) as pool:
            made = [name for names in pool.map(release_many, [self.base] * 20, range(20), [3] * 20) for name in names]
        self.assertEqual(sorted(map(int, made)), list(range(1, 61)))
        context = multiprocessing.get_context("fork")  # A fresh interpreter would import TensorFlow first.
        with context.Pool(4) as pool:
            for names in pool.starmap(release_many, [(self.base, writer, 5) for writer in range(4)]):
                made += names
        self.assertEqual(sorted(map(int, made)), list(range(1, 81)))
        contents = [(self.base / name / "saved_model.pb").read_text() for name in made]
        self.assertLen(set(contents[:60]), 60)
        self.assertLen(set(contents[60:]), 20)
        self.assertCountEqual(self.names(), made)

    def test_a_failure_leaves_nothing(self):
        with self.assertRaisesRegex(ValueError, "no"), serving.stage(self.base) as folder:
            make_version(folder)
            raise ValueError("no")
        self.assertEmpty(list(self.base.parent.iterdir()))
        self.base.touch()
        with self.assertRaisesRegex(ValueError, "digits, which is a file"), serving.stage(self.base):
            pass

    def test_prune(self):
        for number in (1, 2, 9, 10):
            make_version(self.base / str(number))
        make_version(self.base / "003")
        make_version(self.base / "notes")
        (self.base / "4").mkdir()
        (self.base / "5").symlink_to(self.base / "9")
        (self.base / "models.config").touch()
        others = ["003", "4", "5", "models.config", "notes"]
        self.assertEqual(serving.versions(self.base), [1, 2, 9, 10])
        self.assertEqual(serving.prune(self.base, 0), [])
        self.assertEqual(serving.prune(self.base, 5), [])
        self.assertEqual(serving.prune(self.base, 3), [self.base / "1"])
        self.assertEqual(serving.prune(self.base, 1), [self.base / "2", self.base / "9"])
        self.assertEqual(serving.prune(self.base, 1), [])
        self.assertCountEqual(self.names(), ["10", *others])

    def test_numbers_only_grow(self):
        """Also where the newest is a file, cannot be loaded, or was made by somebody else."""
        base = Path(self.path("digits"))
        self.assertEqual(release_many(base, "a", 3), ["1", "2", "3"])
        serving.prune(base, 1)
        self.assertEqual(serving.versions(base), [3])
        self.assertEqual(release_many(base, "a", 1), ["4"])
        (base / "9").mkdir()
        (base / "12").write_text("a file")
        self.assertEqual(release_many(base, "a", 1), ["13"])
        self.assertEqual(serving.numbered(base)[-3:-1], [9, 12])

    def test_what_a_dead_publisher_left_is_removed(self):
        base = Path(self.path("digits"))
        release_many(base, "a", 1)
        left = base / ".staging-dead"
        left.mkdir()
        release_many(base, "a", 1)
        self.assertCountEqual([path.name for path in base.iterdir()], ["1", "2"])

    def test_prune_beside_another(self):
        for number in range(1, 40):
            make_version(self.base / str(number))
        with futures.ThreadPoolExecutor(4) as pool:
            removed = [path.name for paths in pool.map(serving.prune, [self.base] * 4, [1] * 4) for path in paths]
        self.assertEqual(sorted(map(int, removed)), list(range(1, 39)))
        self.assertEqual(self.names(), ["39"])


class ConfigurationTest(TestCase):
    def setUp(self):
        super().setUp()
        self.base = Path(self.enterContext(tempfile.TemporaryDirectory()), "digits")
        self.base.mkdir()

    def test_models_config(self):
        model_server_config_pb2 = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
        serving.write_models_config(self.base, "digits")
        text = (self.base / "models.config").read_text()
        (config,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
        self.assertEqual((config.name, config.base_path), ("digits", "/models/digits"))
        self.assertEqual((config.model_platform, config.model_version_policy.latest.num_versions), ("tensorflow", 1))

    def test_batching_parameters(self):
        serving.write_batching_parameters(self.base)
        text = (self.base / "batching_params.pbtxt").read_text()
        parameters = text_format.Parse(text, batching_parameters()())
        self.assertTrue(parameters.enable_large_batch_splitting.value)
        self.assertBetween(parameters.max_execution_batch_size.value, 1, parameters.max_batch_size.value)
        # Were there such sizes, requests would be padded with copies, and the last would have to be the largest batch.
        self.assertEmpty(parameters.allowed_batch_sizes)

    def test_docker_command(self):
        words = shlex.split(serving.docker_command("/srv/my models/digits", "digits"))
        self.assertEqual(words[:3], ["docker", "run", "--rm"])
        mount = words[words.index("--mount") + 1]
        self.assertEqual(mount, "type=bind,source=/srv/my models/digits,target=/models/digits,readonly")
        self.assertEqual(words[-2:], [serving.IMAGE, "--model_config_file=/models/digits/models.config"])

    def test_the_image_is_of_this_tensorflow(self):
        name, version = serving.IMAGE.split(":")
        self.assertEqual((name, version.split(".")[:2]), ("tensorflow/serving", tf.__version__.split(".")[:2]))
        page = Path(__file__).parents[4] / "docs" / "serving.md"
        self.assertIn(f"    {serving.IMAGE} --model_config_file=", page.read_text("utf-8"))

    def test_names(self):
        for name in ("digits", "a-b_c.2", "7"):
            self.assertEqual(serving.check_name(name), name)
        for name in ("", "a b", "a/b", "a:b", ".a", "é", 'a"', "a\n"):
            with self.assertRaisesRegex(ValueError, re.escape(f"Received: name={name!r}")):
                serving.check_name(name)

import pickle
from pathlib import Path

import numpy as np

from keras_gan.metrics.features import torch_files
from tests.test_case import TestCase


class _Named:
    """Something that a pickle names, as PyTorch's classes are named in its files."""

    def __init__(self, text):
        self.text = text


def pickled(instructions):
    return b"\x80\x02" + instructions + b"."


def text(value):
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def tensor(key, count, offset, shape, strides):
    """Instructions that rebuild a tensor, as PyTorch 1.5 wrote them."""

    def numbers(values):
        return b"(" + b"".join(b"K" + bytes([value]) for value in values) + b"t"

    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + b"K" + bytes([count])
    arguments = b"(" + storage + b"Nt" + b"Q" + b"K" + bytes([offset]) + numbers(shape) + numbers(strides)
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"\x89" + b"ccollections\nOrderedDict\n)R" + b"tR"


def file_of(tensors, keys, numbers, magic=torch_files.MAGIC, little=True):
    state = b"ccollections\nOrderedDict\n)R("
    state += b"".join(text(name) + instructions for name, instructions in tensors.items()) + b"u"
    parts = [pickle.dumps(magic, 2), pickle.dumps(1001, 2), pickle.dumps({"little_endian": little}, 2)]
    parts += [pickled(state), pickle.dumps(keys, 2)]
    for array in numbers:
        parts += [len(array).to_bytes(8, "little"), np.asarray(array, "<f4").tobytes()]
    return b"".join(parts)


class TorchFilesTest(TestCase):
    def file(self, content):
        path = Path(self.path("state.pth"))
        path.write_bytes(content)
        return path

    def test_tensors_with_offsets_and_strides(self):
        content = file_of(
            {"a": tensor("7", 6, 0, (2, 3), (3, 1)), "turned": tensor("7", 6, 2, (2, 2), (1, 2))},
            ["7"],
            [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]],
        )
        found = torch_files.read(self.file(content))
        self.assertAllEqual(found["a"], [[0, 1, 2], [3, 4, 5]])
        self.assertAllEqual(found["turned"], [[2, 4], [3, 5]])
        self.assertEqual(found["a"].dtype, np.float32)

    def test_nothing_else_is_read(self):
        whole = file_of({"a": tensor("7", 2, 0, (2,), (1,))}, ["7"], [[1.0, 2.0]])
        self.assertAllEqual(torch_files.read(self.file(whole))["a"], [1, 2])
        outside = file_of({"a": tensor("7", 2, 1, (2,), (1,))}, ["7"], [[1.0, 2.0]])
        called = whole.replace(b"ctorch._utils\n_rebuild_tensor_v2\n", b"cos\nsystem\n")
        shown = whole.replace(b"ccollections\nOrderedDict\n)R(", b"ctorch\nFloatStorage\n)R(")
        for content, reason in (
            (called, "it names 'os system'"),
            (shown, "it calls dtype"),
            (outside, "lies outside of its numbers"),
            (whole[:-1], "its numbers end too early"),
            (whole[:40], "state.pth"),
            (file_of({}, [], [], magic=3), "no weight file"),
            (file_of({}, [], [], little=False), "another byte order"),
            (pickle.dumps(torch_files.MAGIC, 2) * 4 + pickle.dumps(_Named("x"), 2), "state.pth"),
            (pickle.dumps(3.5, 2), "the instruction BINFLOAT"),
        ):
            with self.subTest(reason=reason), self.assertRaisesRegex(ValueError, reason):
                torch_files.read(self.file(content))

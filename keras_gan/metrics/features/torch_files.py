"""Arrays of weight files that PyTorch wrote before version 1.6, read without PyTorch and without running a pickle.

Such a file is five pickles, of a magic number, a version, facts on the machine, the dictionary of tensors and the names
of the storages, and after them the storages' numbers. A pickle is a program: here its few instructions are interpreted
one by one, and any other, or any name that is not in `NAMES`, is refused.
"""

import pickletools
import typing

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C


class _Storage(typing.NamedTuple):
    key: str
    dtype: np.dtype
    count: int


class _Tensor(typing.NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


# All that a pickle may name, and what it stands for here.
NAMES = {
    "collections OrderedDict": dict,
    "torch FloatStorage": np.dtype("<f4"),
    "torch LongStorage": np.dtype("<i8"),
    "torch._utils _rebuild_tensor_v2": lambda storage, offset, shape, strides, *_: _Tensor(
        storage, offset, shape, strides
    ),
}
_CALLABLE = ("collections OrderedDict", "torch._utils _rebuild_tensor_v2")


def read(path):
    """Reads the tensors of a file.

    Args:
        path: Path of a file that `torch.save` wrote of a state dictionary in its old format.

    Returns:
        Dictionary from the tensors' names to float32 or int64 arrays.

    Raises:
        ValueError: If it is no such file, is cut short, or holds anything else.

    Example:

    >>> keras_gan.metrics.features.torch_files.read("nowhere.pth")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'nowhere.pth'
    """
    with open(path, "rb") as file:  # noqa: PTH123 (genops wants a plain file object)
        if _unpickle(file, path) != MAGIC:
            raise ValueError(f"{path} is no weight file of PyTorch's format before version 1.6.")
        _version, machine, tensors, keys = (_unpickle(file, path) for _ in range(4))
        if not isinstance(machine, dict) or machine.get("little_endian") is not True:
            raise ValueError(f"{path} was written on a machine of another byte order.")
        if not isinstance(tensors, dict) or not all(isinstance(each, _Tensor) for each in tensors.values()):
            raise ValueError(f"{path} holds something else than a dictionary of tensors.")
        dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
        numbers = {key: _numbers(file, dtypes.get(key), path) for key in keys}
    return {name: _array(tensor, numbers, path) for name, tensor in tensors.items()}


def _numbers(file, dtype, path):
    """The storage at this place of a file."""
    head = file.read(8)
    count = int.from_bytes(head, "little", signed=True) if len(head) == 8 else -1
    content = file.read(count * dtype.itemsize) if dtype is not None and count >= 0 else b""
    if dtype is None or count < 0 or len(content) != count * dtype.itemsize:
        raise ValueError(f"{path} is damaged: its numbers end too early.")
    return np.frombuffer(content, dtype)


def _array(tensor, numbers, path):
    """The array that a tensor is of its storage, in the order of rows."""
    numbers = numbers[tensor.storage.key][tensor.offset :]
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    if 0 in tensor.shape or min(tensor.offset, *tensor.strides, 0) < 0 or last >= len(numbers):
        raise ValueError(f"{path} is damaged: it holds a tensor that lies outside of its numbers.")
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(numbers, tensor.shape, strides, writeable=False).copy()


def _unpickle(file, path):
    """The value of the pickle at this place of a file."""
    try:
        return _interpret(file)
    except (IndexError, KeyError, TypeError, EOFError) as error:
        raise ValueError(f"{path} is damaged: {error}.") from None
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from None


def _interpret(file):
    stack, marks, memory = [], [], {}

    def since_mark():
        first = marks.pop()
        values = stack[first:]
        del stack[first:]
        return values

    for operation, argument, _ in pickletools.genops(file):
        match operation.name:
            case "PROTO":
                pass
            case "STOP":
                return stack.pop()
            case "MARK":
                marks.append(len(stack))
            case "BINPUT" | "LONG_BINPUT":
                memory[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memory[argument])
            case "BINUNICODE" | "BININT" | "BININT1" | "BININT2" | "LONG1":
                stack.append(argument)
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[operation.name])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(operation.name[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "TUPLE":
                stack.append(tuple(since_mark()))
            case "APPEND":
                value = stack.pop()
                stack[-1].append(value)
            case "APPENDS":
                values = since_mark()
                stack[-1].extend(values)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                stack[-1][key] = value
            case "SETITEMS":
                values = since_mark()
                stack[-1].update(zip(values[::2], values[1::2], strict=True))
            case "GLOBAL":
                if argument not in NAMES:
                    raise ValueError(f"it names {argument!r}, which no dictionary of tensors needs.")
                stack.append(argument if argument in _CALLABLE else NAMES[argument])
            case "REDUCE":
                arguments, name = stack.pop(), stack.pop()
                if name not in _CALLABLE:
                    raise ValueError(f"it calls {name!r}, which no dictionary of tensors needs.")
                stack.append(NAMES[name](*arguments))
            case "BINPERSID":
                _kind, dtype, key, _device, count, *_ = stack.pop()
                stack.append(_Storage(key, dtype, count))
            case "BUILD":
                stack.pop()  # versions of modules, which hang on the dictionary
            case _:
                raise ValueError(f"it has the instruction {operation.name}, which no dictionary of tensors needs.")
    raise EOFError("the pickle does not end")

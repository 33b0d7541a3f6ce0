"""The folders that data are divided into for training and testing, and the classes that these share."""

import collections
import re

import numpy as np

from keras_gan.data.sources import MissingSplitError, some, warn

# What the folder of a split is called, in any case.
_SPLITS = {
    "training": "train", "train": "train", "validation": "validation", "valid": "validation", "val": "validation",
    "dev": "validation", "testing": "test", "test": "test",
}  # fmt: skip
# The same as a word of a longer name, such as "seg_train", "trainA" or "val2017".
_WORD = re.compile(rf"(?:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))(?i:{'|'.join(_SPLITS)})(?![a-z])")


def split_name(name):
    """The split that a name stands for, in any of its forms: "validation" for "Val"; other names stay."""
    return _SPLITS.get(name.lower(), name)


def find_split(root, names, split, loose=False):
    """The subfolder that holds a split of the data in a folder.

    Args:
        root: Path of the folder.
        names: Names of its subfolders that hold data.
        split: Name of the split, in any of its forms: "val" is found as "Valid".
        loose: Whether there are files of data beside the subfolders.

    Returns:
        One of the names; `None` for the split "train" of a folder that is not divided into splits.

    Raises:
        MissingSplitError: If there is no such subfolder.
        ValueError: If there are several, or if a held-out split lies among what would be trained on.
    """
    kinds = {name: _SPLITS[name.lower()] for name in names if name.lower() in _SPLITS}
    others = [name for name in names if name not in kinds]
    wanted = split_name(split)
    if wanted == "train" and (not kinds or (others and not set(kinds.values()) > {"train"})):
        held_out = next((name for name, kind in kinds.items() if kind != "train"), None)
        if held_out:
            raise ValueError(
                f"{str(root)!r} holds {some(others)} beside {held_out!r}, which is the name of a split: move what is "
                "to be trained on into a folder 'train'."
            )
        if kinds:
            name = next(iter(kinds))
            warn(
                f"{name!r} in {str(root)!r} is taken for a class, like {some(others)}: if it is a split, give "
                f"{str(root / name)!r} as the data."
            )
        return None
    chosen = [split] if split in names else [name for name, kind in kinds.items() if kind == wanted]
    if not chosen:
        has = f"; it has {some(kinds)}" if kinds else ""
        cure = ": move the images to train on into a folder 'train'" if wanted == "train" and loose else ""
        raise MissingSplitError(
            f"{str(root)!r} has no subfolder of the split's name{has}{cure}. Received: split={split!r}"
        )
    if len(chosen) > 1:
        raise ValueError(f"{some(chosen)} in {str(root)!r} are names of one split. Received: split={split!r}")
    if wanted == "train" and (others or loose):
        beside = [some(others)] * bool(others) + ["loose files"] * loose
        warn(f"{str(root)!r} has the splits {some(kinds)}: {' and '.join(beside)} beside them are not used.")
    return chosen[0]


def match_classes(names, training):
    """The numbers that the classes of another split have in the training split.

    Args:
        names: Class names of the split.
        training: Class names of the training split.

    Returns:
        int32 array with a number for each of `names`.

    Raises:
        ValueError: If one of them is no class of the training split.
    """
    extra = [name for name in names if name not in training]
    if extra:
        raise ValueError(f"{some(extra)} are no classes of the training split, which has {some(training)}")
    return np.array([training.index(name) for name in names], np.int32)


def refuse_splits(folder, names):
    """Refuses classes that are splits: their names differ by the word for a split alone, and one says training.

    Args:
        folder: Path of the folder.
        names: Names of its subfolders that hold data.

    Raises:
        ValueError: If there are such names.
    """
    found = collections.defaultdict(dict)
    for name in names:
        if word := _WORD.search(name):
            rest = name[: word.start()] + name[word.end() :]
            found[rest.lower()][_SPLITS[word[0].lower()]] = name
    for kinds in found.values():
        if len(kinds) > 1 and "train" in kinds:
            raise ValueError(
                f"{some(kinds.values())} in {str(folder)!r} look like splits, not like classes: give one of them as "
                f"the data, such as {str(folder / kinds['train'])!r}, or call them 'train', 'validation' and 'test', "
                "in the folder that is given as the data."
            )

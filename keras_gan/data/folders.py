"""Folders of image files: the classes that subfolders make, and what in them is no image."""

import dataclasses
import hashlib
import os
import threading
import zlib
from pathlib import Path

import numpy as np
from etils import epath

from keras_gan.data import decoding, sources, splits

# What archives and systems leave behind.
_FOREIGN = ("$RECYCLE.BIN", "@eaDir", "System Volume Information", "__MACOSX", "__pycache__", "lost+found")
# Notes, labels and tables, which nobody takes for images.
_NOTES = (
    ".cfg", ".csv", ".db", ".html", ".ini", ".json", ".jsonl", ".log", ".md", ".py", ".rst", ".toml", ".tsv", ".txt",
    ".xml", ".yaml", ".yml",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Listing:
    """The image files below a folder, and the classes that its subfolders make of them.

    Attributes:
        folder: `epath.Path` of the folder.
        files: Their paths relative to it, as text, in the order of the paths' parts.
        labels: int32 array with a label for each; zeros without classes.
        class_names: One name per class, or `None`.
        unlabelled: Without classes, a clause that says why.
        skipped: Dictionary from what was left out, as its path relative to the folder, to the reason.
        training: The listing of the training split, where this is another; or `None`.
    """

    folder: epath.Path
    files: list
    labels: np.ndarray
    class_names: list | None
    unlabelled: str
    skipped: dict
    training: "Listing | None" = None


def exists(place):
    """True where there is a folder of this name."""
    return epath.Path(place).expanduser().is_dir()


def from_folder(place, request, halves=None):
    """The image files of a folder; each is read once here, so that broken ones are known before training.

    Of more than `sources.LARGE` files only some are, always the same, unless the request says otherwise.

    Args:
        place: Path of the folder.
        request: `sources.Request`.
        halves: `None`, or a function that makes several pictures of one; their channels become those of an example.

    Returns:
        `sources.Source`.
    """
    listing = list_images(place, request.split)
    folder, files = listing.folder, listing.files
    large = len(files) > sources.LARGE and not request.check_all and halves is None
    depth = Depth(listing.training or listing, request.check_all)
    checksums, sizes = [None] * len(files), [None] * len(files)

    def read(index):
        path = folder / files[index]
        try:
            contents = path.read_bytes()
            checksum = zlib.crc32(contents)
            if checksums[index] not in (None, checksum):
                raise ValueError("it has been written to since the data were opened")
            checksums[index] = checksum
            pixels = depth.to_bytes(decoding.to_pixels(contents))
            sizes[index] = pixels.shape[:2]
            parts = [pixels] if halves is None else halves(pixels)
        except (OSError, ValueError) as error:
            raise sources.ReadError(path, error) from error
        fitted = [decoding.fit(part, request.image_size, request.channels) for part in parts]
        return fitted[0] if halves is None else np.concatenate(fitted, axis=-1), listing.labels[index]

    errors = {}
    if large:
        looked_at = sources.some_of(len(files))
        _, _, _, shapes = sources.read_all(lambda i: read(looked_at[i]), len(looked_at), 0, folder, errors)
        errors = {int(looked_at[i]): error for i, error in errors.items()}
        readable = [index for index in range(len(files)) if index not in errors] if shapes else []
        images, labels = None, listing.labels[readable]
    else:
        images, labels, readable, shapes = sources.read_all(read, len(files), request.memory_limit, folder, errors)
    skipped = listing.skipped | {files[index]: error.reason for index, error in errors.items()}
    if not readable:
        raise ValueError(f"None of the {len(files)} image files in {str(folder)!r} can be read: {_few(skipped)}.")
    if skipped:
        count = len(files) + len(listing.skipped)
        more = f" Not all were read: {sources.check_command(f'folder:{place}')} names all." if large else ""
        sources.warn(f"{len(skipped)} of {count} files in {str(folder)!r} are skipped: {_few(skipped)}.{more}")
    if len(shapes) > 1:
        seen = ", ".join(f"{'x'.join(map(str, shape))} ({n} files)" for shape, n in shapes.most_common(5))
        cures = {"image_size=(height, width)": "--image_size=64x64"} if len({shape[:2] for shape in shapes}) > 1 else {}
        cures |= {"channels, such as channels=3": "--channels=3"} if len({shape[2] for shape in shapes}) > 1 else {}
        raise ValueError(
            f"The images in {str(folder)!r} differ in shape: {seen}. Pass {' and '.join(cures)}; as flags: for example "
            f"{' '.join(cures.values())}."
        )
    image_shape = next(iter(shapes))
    if large:
        names = hashlib.sha256(b"\0".join(os.fsencode(files[index]) for index in readable)).hexdigest()
        identity = repr((names, [checksums[index] for index in looked_at]))
        read = _kept(read, image_shape, len(files), request.memory_limit, folder, files, f"folder:{place}")
    else:
        identity = repr([(files[index], checksums[index]) for index in readable])
    return sources.Source(
        identity=identity + depth.note(),
        image_shape=image_shape,
        num_examples=len(readable),
        num_classes=None if listing.class_names is None else len(listing.class_names),
        class_names=listing.class_names,
        images=images,
        labels=labels,
        read=(lambda index: read(readable[index])) if images is None else None,
        unlabelled=listing.unlabelled,
        skipped={sources.printable(folder / name): reason for name, reason in skipped.items()},
        name=str(folder),
        names=[files[index] for index in readable],
        sizes=None if large else [sizes[index] for index in readable],
    )


def _kept(read, shape, count, memory_limit, folder, files, place):
    """A `read` of files that were not looked at before: of one shape, and kept where all fit into memory."""
    fits = count * int(np.prod(shape)) <= memory_limit
    images = np.empty((count, *shape), np.uint8) if fits else None  # takes memory as it is written to
    labels, kept = np.zeros(count, np.int32), np.zeros(count, bool)

    def read_once(index):
        if kept[index]:
            return images[index], labels[index]
        try:
            image, label = read(index)
            if image.shape != shape:
                raise sources.ReadError(folder / files[index], f"it has the shape {image.shape}, not {shape}")
        except sources.ReadError as error:
            reason = f"{error.reason}; this names all such files: {sources.check_command(place)}"
            raise sources.ReadError(folder / files[index], reason) from error
        if fits:
            images[index], labels[index] = image, label
            kept[index] = True
        return image, label

    return read_once


class Depth:
    """Number of bits that the 16-bit images of a listing use, found out when the first of them is met.

    Cameras and scanners put 10, 12 or 14 bits into files of 16. All images of the listing count, so that they stay
    comparable.

    Args:
        listing: `Listing`.
        check_all: Whether all files are looked at, however many there are.
    """

    def __init__(self, listing, check_all=True):
        self._listing = listing
        count = len(listing.files)
        self._indices = range(count) if check_all or count <= sources.LARGE else sources.some_of(count)
        self._lock = threading.Lock()
        self._peak = None

    @property
    def bits(self):
        """8 to 16."""
        with self._lock:
            if self._peak is None:
                self._peak = max(sources.in_order(self._peak_of, len(self._indices)))
        return next(bits for bits in (8, 10, 12, 14, 16) if self._peak < 2**bits)

    def _peak_of(self, number):
        path = self._listing.folder / self._listing.files[self._indices[number]]
        try:
            pixels = decoding.to_pixels(path.read_bytes())
        except (OSError, ValueError):  # which is said where it is read as an example
            return 0
        return 0 if pixels.dtype == np.uint8 else int(pixels.max())

    def to_bytes(self, pixels):
        """Pixels of `decoding.to_pixels` as bytes."""
        return pixels if pixels.dtype == np.uint8 else decoding.to_bytes(pixels, self.bits)

    def note(self):
        """Warns if 16-bit images were met that use fewer bits; returns what that adds to the identity of the data."""
        if self._peak is None or self.bits == 16:
            return ""
        sources.warn(
            f"The 16-bit images in {str(self._listing.folder)!r} hold values up to {self._peak}, and so are taken for "
            f"{self.bits}-bit ones, in which {2**self.bits - 1} is white. Convert them to 8 bits if that is wrong."
        )
        return f" {self.bits} bits"


def list_images(place, split=None):
    """The image files of a split of a folder.

    Every subfolder that holds images is a class, in alphabetical order, and holds all images below it. In another
    split than the training split classes have the numbers that they have there. What begins with a dot is ignored,
    and so is what archives and systems leave behind.

    Args:
        place: Path of a local folder.
        split: Name of a split, or `None` for all that the folder holds.

    Returns:
        `Listing`.

    Raises:
        ValueError: If there is no such folder, no such split or no image in it, or if subfolders look like splits.
        OSError: If a folder cannot be read.
    """
    root = epath.Path(place).expanduser()
    if not root.is_dir():
        raise ValueError(f"There is no folder {str(root)!r}.")
    files, folders, skipped = _walk(root)
    if not files:
        seen = f" It holds {_few(skipped)}." if skipped else ""
        raise ValueError(f"{str(root)!r} holds no image file: no {', '.join(sources.EXTENSIONS)}.{seen}")
    if split is None:
        return _classify(root, files, folders, skipped)
    names = _subfolders(files)
    chosen = splits.find_split(root, names, split, any("/" not in file for file in files))
    if chosen is None:
        return _classify(root, files, folders, skipped)

    def below(name):
        start = f"{name}/"
        kept = [[each.removeprefix(start) for each in part if each.startswith(start)] for part in (files, folders)]
        left = {each.removeprefix(start): reason for each, reason in skipped.items() if each.startswith(start)}
        return _classify(root / name, *kept, left)

    training = next((name for name in names if splits.split_name(name) == "train"), chosen)
    return below(chosen) if chosen == training else _as_in_training(below(chosen), below(training))


def _as_in_training(listing, training):
    """A listing with the class numbers of the training split, or without labels where these do not fit."""
    if training.class_names is None or listing.class_names is None:
        return dataclasses.replace(listing, training=training)
    try:
        labels = splits.match_classes(listing.class_names, training.class_names)[listing.labels]
    except ValueError as error:
        changed = {"labels": np.zeros_like(listing.labels), "class_names": None, "unlabelled": str(error)}
        return dataclasses.replace(listing, training=training, **changed)
    return dataclasses.replace(listing, training=training, labels=labels, class_names=training.class_names)


def _classify(folder, files, folders, skipped):
    """The `Listing` of the files below a folder."""
    names = _subfolders(files)
    splits.refuse_splits(folder, names)
    loose = next((file for file in files if "/" not in file), None)
    inner = {name: set() for name in names}
    for parts in (file.split("/") for file in files):
        if len(parts) > 1:
            inner[parts[0]].add(parts[1] if len(parts) > 2 else "")
    shared = sorted(set.intersection(*inner.values())) if names and "" not in set.union(*inner.values()) else []
    why = ""
    if not names:
        why = "images lie in no subfolders"
    elif loose:
        why = f"{loose} lies in none of the subfolders"
    elif len(shared) > 1:
        splits.refuse_splits(folder / names[0], shared)
        why = (
            f"{sources.some(shared)} lie in each of {sources.some(names)}, and look more like classes than these: give "
            f"one of the latter as the data, such as {str(folder / names[0])!r}"
        )
    if why:
        labels = np.zeros(len(files), np.int32)
        return Listing(folder, files, labels, None, f"in {str(folder)!r} {why}", skipped)
    empty = [name for name in folders if "/" not in name and name not in inner]
    numbers = {name: number for number, name in enumerate(names)}
    labels = np.array([numbers[file.split("/")[0]] for file in files], np.int32)
    names = [sources.printable(name) for name in names]
    return Listing(folder, files, labels, names, "", skipped | dict.fromkeys(empty, "a folder without images"))


def _walk(root):
    """Image files, subfolders, and what was left out and why; all as paths relative to the root."""
    files, folders, skipped = [], [], {}
    waiting = [("", (Path(root).resolve(),))]
    while waiting:
        inside, trees = waiting.pop()
        with os.scandir(root / inside) as entries:
            entries = [entry for entry in entries if not _is_foreign(entry.name)]
        for entry in entries:
            name = inside + entry.name
            if _holds(entry.is_dir):
                if entry.is_symlink():
                    target = Path(entry.path).resolve()
                    if _is_read_anyway(target, trees):
                        skipped[name] = "a link to a folder that is read anyway"
                        continue
                    waiting.append((f"{name}/", (*trees, target)))
                else:
                    waiting.append((f"{name}/", trees))
                folders.append(name)
            elif not (_holds(entry.is_file) or entry.is_symlink()):
                skipped[name] = "neither a file nor a folder"
            elif name.lower().endswith(sources.EXTENSIONS):
                files.append(name)
            elif not name.lower().endswith(_NOTES):
                if reason := _no_image(root / name):
                    skipped[name] = reason
                else:
                    files.append(name)
    return sorted(files, key=lambda name: name.split("/")), folders, dict(sorted(skipped.items()))


def _is_foreign(name):
    return name.startswith(".") or name in _FOREIGN


def _holds(check):
    """The answer of a check of `os.DirEntry`; it raises an error at a link to itself."""
    try:
        return check()
    except OSError:
        return False


def _is_read_anyway(target, trees):
    """Tells whether a folder holds one of the trees that are read, or is a part of one that is not ignored."""
    for tree in trees:
        if target in (tree, *tree.parents):
            return True
        if tree in target.parents and not any(map(_is_foreign, target.relative_to(tree).parts)):
            return True
    return False


def _no_image(path):
    """The reason why a file of no known extension is not read; nothing if it is an image."""
    try:
        return "" if decoding.is_image(path) else "it is in no image format that is known"
    except OSError as error:
        return error.strerror or str(error)


def _subfolders(files):
    return sorted({file.split("/")[0] for file in files if "/" in file})


def _few(skipped, most=3):
    """The first of what was skipped, with the reasons."""
    named = [f"{sources.printable(name)} ({reason})" for name, reason in list(skipped.items())[:most]]
    return ", ".join(named) + (f" and {len(skipped) - most} more" if len(skipped) > most else "")

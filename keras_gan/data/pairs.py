"""Images that belong together, and domains of which none are known to: two folders, halves of files, two sources."""

import dataclasses
from pathlib import PurePosixPath

import numpy as np

from keras_gan.data import folders, sources, tfrecords

DIRECTIONS = ("AtoB", "BtoA")


@dataclasses.dataclass(frozen=True)
class Domains:
    """Two sources whose examples do not belong together.

    Attributes:
        a: `keras_gan.data.sources.Source` of what is translated.
        b: The same of what it is to become.
        name: What messages call it.
    """

    a: sources.Source
    b: sources.Source
    name: str = "domains"

    @property
    def num_examples(self):
        """Examples in an epoch: those of the larger domain."""
        return max(self.a.num_examples, self.b.num_examples)

    @property
    def source_shape(self):
        """Shape of what is translated."""
        return self.a.image_shape

    @property
    def image_shape(self):
        """Shape of what it is to become."""
        return self.b.image_shape


def names_in(written, place, what):
    """The two names in what follows a source's colon, written "A,B"."""
    names = [name.strip() for name in place.split(",")]
    if len(names) != 2 or not all(names):
        raise ValueError(f"A source is written {written}, with {what}. Received: source={written[:-3] + place!r}")
    return names


def from_pairs(place, request):
    """Two folders with files of the same names, whatever their endings; "{split}" stands for the split's name.

    Or two features of a TFDS data set, `NAME@FEATURE`, whose examples are pairs.
    """
    names = names_in("pairs:A,B", place, "two folders, or two features NAME@FEATURE, separated by a comma")
    read = [_feature(name, request) if _names_a_feature(name) else _folder(name, request) for name in names]
    return join(*read, request.direction)


def _names_a_feature(name):
    return "@" in name and "{split}" not in name and not folders.exists(name)


def _feature(name, request):
    """The images in a feature of a TFDS data set, called by their numbers."""
    source = dataclasses.replace(tfrecords.from_tfds(name, request), name=repr(name))
    numbers = [f"example {number}" for number in range(source.num_examples)]
    return dataclasses.replace(source, names=numbers, sizes=[source.image_shape[:2]] * len(numbers))


def _folder(name, request):
    if "{split}" not in name:
        return folders.from_folder(name, dataclasses.replace(request, check_all=True))
    place = name.replace("{split}", request.split)
    if not folders.exists(place):
        raise sources.MissingSplitError(f"There is no folder {place!r}. Received: split={request.split!r}")
    return folders.from_folder(place, dataclasses.replace(request, split=None, check_all=True))


def join(a, b, direction="AtoB"):
    """A source of pairs, of two sources whose examples have names.

    Args:
        a: `Source` of a folder.
        b: The same.
        direction: `"AtoB"` where `a` is translated, or `"BtoA"`.

    Returns:
        `Source` whose images have the channels of both, those of what is translated first.

    Raises:
        ValueError: If an example of one has none of its name in the other, or another size there.
    """
    rows = [{str(PurePosixPath(name).with_suffix("")): row for row, name in enumerate(each.names)} for each in (a, b)]
    for i, each in enumerate((a, b)):
        alone = sorted(set(rows[i]) - set(rows[1 - i]))
        if alone:
            raise ValueError(
                f"Pairs are files of the same name, and {len(alone)} in {each.name} have none in "
                f"{(b, a)[i].name}: {sources.some(alone)}."
            )
        if len(rows[i]) < len(each.names):
            seen = [str(PurePosixPath(name).with_suffix("")) for name in each.names]
            twice = sorted({name for name in seen if seen.count(name) > 1})
            raise ValueError(f"Pairs are files of the same name, and {each.name} has several of {sources.some(twice)}.")
    order = sorted(rows[0])
    first, second = ([of[name] for name in order] for of in rows)
    for name, i, j in zip(order, first, second, strict=True):
        if a.sizes[i] != b.sizes[j]:
            sizes = " and ".join("x".join(map(str, size)) for size in (a.sizes[i], b.sizes[j]))
            raise ValueError(f"Both pictures of a pair must have one size. Received: {name!r} of {sizes} pixels")
    if a.image_shape[:2] != b.image_shape[:2]:
        raise ValueError(
            f"Both pictures of a pair must have one size. Received: {a.image_shape[:2]} in {a.name}, "
            f"{b.image_shape[:2]} in {b.name}"
        )
    parts, chosen = ((a, b), (first, second)) if direction == "AtoB" else ((b, a), (second, first))
    height, width = a.image_shape[:2]
    channels = [part.image_shape[-1] for part in parts]
    images = read = None
    if a.images is not None and b.images is not None:
        images = np.concatenate([part.images[of] for part, of in zip(parts, chosen, strict=True)], axis=-1)
    else:

        def read(index):
            pictures = [_picture(part, of[index]) for part, of in zip(parts, chosen, strict=True)]
            return np.concatenate(pictures, axis=-1), np.int32(0)

    return sources.Source(
        identity=repr((direction, a.identity, b.identity, order)),
        image_shape=(height, width, sum(channels)),
        num_examples=len(order),
        images=images,
        labels=np.zeros(len(order), np.int32),
        read=read,
        unlabelled="pairs have none",
        skipped={**a.skipped, **b.skipped},
        names=order,
        source_channels=channels[0],
    )


def _picture(source, index):
    return source.read(index)[0] if source.images is None else source.images[index]


def side_by_side(place, request):
    """A folder of files that each hold a pair, A on the left and B on the right."""

    def halves(pixels):
        width = pixels.shape[1]
        if width % 2:
            raise ValueError(f"a width of {width} pixels has no halves")
        pair = pixels[:, : width // 2], pixels[:, width // 2 :]
        return pair if request.direction == "AtoB" else pair[::-1]

    found = folders.from_folder(place, request, halves)
    return dataclasses.replace(
        found,
        identity=f"{found.identity} {request.direction}",
        num_classes=None,
        class_names=None,
        unlabelled="pairs have none",
        source_channels=found.image_shape[-1] // 2,
    )


def one_class(source, chosen):
    """The examples of one class of a source.

    Args:
        source: `Source` with labels.
        chosen: The number or the name of the class.

    Returns:
        `Source` without labels.

    Raises:
        ValueError: If there is no such class, or it has no examples.
    """
    names = source.class_names or [str(number) for number in range(source.num_classes or 0)]
    if chosen not in names and not (chosen.isdecimal() and int(chosen) < len(names)):
        raise ValueError(f"{source.name} has no class {chosen!r}: its classes are {sources.some(names, 20)}.")
    if source.labels is None:
        raise ValueError(f"To find one class {source.name} is read whole: pass a larger `memory_limit`.")
    rows = np.flatnonzero(source.labels == (names.index(chosen) if chosen in names else int(chosen)))
    if not len(rows):
        raise ValueError(f"Of the class {chosen!r} {source.name} has no example.")
    read = None
    if source.images is None:

        def read(index):
            return source.read(int(rows[index]))[0], np.int32(0)

    return dataclasses.replace(
        source,
        identity=f"{source.identity} #{chosen}",
        num_examples=len(rows),
        num_classes=None,
        class_names=None,
        images=None if source.images is None else source.images[rows],
        labels=np.zeros(len(rows), np.int32),
        read=read,
        unlabelled="one class is all there is",
        names=None if source.names is None else [source.names[row] for row in rows],
        sizes=None,
    )

"""Translates a folder of pictures with a saved generator.

    python -m trainers.translate --model=runs/pix2pix-mnist5k-001/generator.keras --input=FOLDER --out=FOLDER

Every picture below --input is cropped centrally and resized to what the generator takes, and what becomes of it is a
PNG file of the same name below --out. A CycleGAN's way back is generator_backward.keras. With --source pictures are
made into sources first, as in training: --source=edges.
"""

import dataclasses
from pathlib import Path, PurePosixPath

import tqdm

from keras_gan import cli, data
from keras_gan.cli import option
from keras_gan.data import conditions
from keras_gan.export import loading
from keras_gan.files import atomic, pictures


@dataclasses.dataclass(frozen=True)
class Config:
    model: str = option("", "generator.keras, generator_backward.keras, pix2pix.keras or cyclegan.keras of a run.")
    input: str = option("", "A folder of pictures.")
    out: str = option("", "Folder of what becomes of them.")
    source: str = option("", "What is made of pictures first: gray, edges, lowres:4, mask or noise; nothing if empty.")
    batch_size: int = option(16, "Pictures translated at a time.", low=1)
    overwrite: bool = option(False, "Whether existing files may be replaced.")


def _translate(config):
    for name in ("model", "input", "out"):
        if not getattr(config, name):
            raise ValueError(f"--{name} is needed.")
    out = Path(config.out)
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out must be a folder. Received: --out={out}, which is a file")
    translator = loading.load_translator(config.model)
    height, width, channels = translator.source_shape
    condition = config.source or None
    found = data.open_source(
        f"folder:{config.input}", split=None, image_size=(height, width), channels=None if condition else channels
    )
    if condition is not None:
        _, shape = conditions.get(condition, found.image_shape)
        if shape != translator.source_shape:
            raise ValueError(
                f"--source={condition} makes sources of shape {shape} of these pictures, and the generator takes "
                f"{translator.source_shape}: leave --source out, or take another."
            )
    files = [out / PurePosixPath(name).with_suffix(".png") for name in found.names]
    existing = [file for file in files if file.exists()]
    if existing and not config.overwrite:
        raise ValueError(f"{existing[0]} exists: choose another --out, or pass --overwrite.")
    if len(set(files)) < len(files):
        twice = next(file for file in files if files.count(file) > 1)
        raise ValueError(f"Several pictures in {config.input} would become {twice}: give them different names.")
    atomic.nearest_folder(files[0])
    dataset, _ = data.load(
        found, batch_size=config.batch_size, shuffle=False, drop_remainder=False, condition=condition
    )
    names = iter(files)
    with tqdm.tqdm(total=len(files), unit="image", disable=None) as bar:
        for batch in dataset:
            sources = batch if condition is None else batch[0]
            made = translator.translate(sources.numpy(), batch_size=config.batch_size)
            for image in pictures.to_uint8(made):
                pictures.write_png(next(names), image)
            bar.update(len(made))
    print(f"{len(files)} pictures: {out}")


def main(argv=None):
    """Reads the flags, from the command line or `argv`, and translates."""
    config, _ = cli.parse(Config, "python -m trainers.translate", __doc__, argv)
    cli.run(lambda: _translate(config))


if __name__ == "__main__":
    main()

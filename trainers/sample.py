"""Pictures from a saved generator.

    python -m trainers.sample --model=runs/dcgan-mnist5k-001/generator.keras --n=64 --seed=1 --out=more.png

Image i is made from the seed `seed + i`, here and in every exported form of the same generator.
"""

import dataclasses
from pathlib import Path

from export import loading
from keras_gan import command, pictures
from keras_gan.command import option


@dataclasses.dataclass(frozen=True)
class Config:
    model: str = option("", "generator.keras or gan.keras of a run.")
    n: int = option(64, "Number of images.")
    seed: int = option(0, "Seed of the first image.")
    label: str = option("", "Class of all images, by number or name; all classes in turn if empty.")
    truncation: float = option(1.0, "Factor in [0, 1] on the latents: less variety, often better pictures.")
    out: str = option("samples.png", "A .png file for one grid, or a folder for one PNG file per image.")
    overwrite: bool = option(False, "Whether an existing file may be replaced.")


def _label(text, generator):
    """The class that the flag names, or `None`."""
    if not text:
        return None
    if generator.class_names and text in generator.class_names:
        return generator.class_names.index(text)
    if not text.isdigit():
        names = generator.class_names or (generator.num_classes and range(generator.num_classes)) or "none"
        raise ValueError(f"--label must be a class of this generator: {list(names)}. Received: --label={text}")
    return int(text)


def _sample(config):
    if not config.model:
        raise ValueError("--model is needed: the generator.keras of a run.")
    out = Path(config.out)
    grid = out.suffix.lower() == ".png"
    if config.n < 1:
        raise ValueError(f"--n must be at least 1. Received: --n={config.n}")
    digits = len(str(config.seed + config.n - 1))
    files = [out] if grid else [out / f"seed-{config.seed + i:0{digits}d}.png" for i in range(config.n)]
    existing = [file for file in files if file.exists()]
    if existing and not config.overwrite:
        raise ValueError(f"{existing[0]} exists: choose another --out, or pass --overwrite.")
    generator = loading.load_generator(config.model)
    images = generator.sample(
        config.n, labels=_label(config.label, generator), seed=config.seed, truncation=config.truncation
    )
    if images.ndim != 4:
        raise ValueError(f"{config.model} generates vectors, which have no picture. Received: shape {images.shape[1:]}")
    if grid:
        pictures.write_png(out, pictures.grid(images))
    else:
        for file, image in zip(files, images, strict=True):
            pictures.write_png(file, pictures.to_uint8(image))
    print(f"{config.n} images of seeds {config.seed} to {config.seed + config.n - 1}: {out}")


def main(argv=None):
    """Reads the flags, from the command line or `argv`, and draws."""
    config, _ = command.parse(Config, "python -m trainers.sample", __doc__, argv)
    command.run(lambda: _sample(config))


if __name__ == "__main__":
    main()

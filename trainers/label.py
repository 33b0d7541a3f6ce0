"""A page to mark by hand which samples of a generator have a feature, for `trainers.unlearn`.

    python -m trainers.label --model=runs/dcgan-mnist5k-001/generator.keras --n=200 --out=marked.json

Open the address that it prints, in a browser on this machine, and click on every sample that has the feature: glasses,
a slash through the zero, whatever a person sees. What is not marked counts as without it. Save, then

    python -m trainers.unlearn --model=runs/dcgan-mnist5k-001/generator.keras --feature=marked:marked.json

With the same flags the page goes on where it was. Marks that are not saved yet are kept by the browser.
"""

import dataclasses
import shlex
from pathlib import Path

from keras_gan import cli
from keras_gan.cli import option
from keras_gan.export import loading
from keras_gan.files import atomic, pictures
from trainers.forgetting import marks


@dataclasses.dataclass(frozen=True)
class Config:
    model: str = option("", "generator.keras or gan.keras of a run, or preset:NAME.")
    n: int = option(200, "Number of samples to look at.", low=2, below=10_001)
    seed: int = option(0, "Seed of the first sample.", low=-(2**62), below=2**62)
    out: str = option("marked.json", "The file that is written.")
    port: int = option(8502, "Port to listen on, of this machine only; 0 for any that is free.", low=0, below=65536)


def main(argv=None):
    """Reads the flags, from the command line or `argv`, and serves the page until it is told to stop."""
    config, _ = cli.parse(Config, "python -m trainers.label", __doc__, argv)
    cli.run(lambda: _label(config))


def _label(config):
    cli.require(("waitress", "werkzeug"), "Serving")
    from keras_gan import listener
    from trainers.forgetting import labelling

    if not config.model:
        raise ValueError("--model is needed: the generator.keras of a run.")
    out = Path(config.out)
    if out.is_dir() or not out.name:
        raise ValueError(f"--out must be a file. Received: --out={config.out}, a folder")
    atomic.nearest_folder(out)
    generator = loading.load_generator(config.model)
    if len(generator.image_shape) != 3:
        raise ValueError(f"{config.model} generates vectors, which have no picture. Received: {generator.image_shape}")
    start = _begin(config, generator, out)
    images = pictures.to_uint8(generator.sample(config.n, seed=config.seed))
    if images.shape[-1] == 2:
        images = images[..., :1]  # as `pictures.grid` shows them
    flags = [f"--model={config.model}", f"--feature=marked:{out}"]
    application = labelling.Application(
        start, images, _captions(generator, start), out, f"Samples of {config.model}",
        shlex.join(["python", "-m", "trainers.unlearn", *flags]),
    )  # fmt: skip
    with (
        listener.Listener(application, "127.0.0.1", config.port, labelling.LARGEST_REQUEST) as server,
        server.stopped_by_signals(),
    ):
        print(f"Mark the samples that have the feature, and save: {server.address} (Ctrl+C ends)", flush=True)
        server.run()
    count = len(application.marks.marked)
    print(f"{count} of {config.n} samples are marked in {out}." if application.saved else "Nothing was saved.")


def _begin(config, generator, out):
    """The marks to begin with: those of the file, if there is one."""
    start = marks.Marks.of(generator, config.seed, config.n)
    if not out.exists():
        return start
    found = marks.read(out, generator)
    if (found.seed, found.n) != (config.seed, config.n):
        raise ValueError(
            f"{out} holds marks of the seeds {found.seed} to {found.seed + found.n - 1}: give --seed={found.seed} "
            f"--n={found.n} to go on with them, or another --out."
        )
    return found


def _captions(generator, start):
    names = generator.class_names or range(generator.num_classes or 0)
    seeds = range(start.seed, start.seed + start.n)
    if start.labels is None:
        return [f"seed {seed}" for seed in seeds]
    return [f"seed {seed}, {names[label]}" for seed, label in zip(seeds, start.labels, strict=True)]


if __name__ == "__main__":
    main()

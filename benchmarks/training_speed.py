"""Images per second in training, beside PyTorch's example and the loops of two tutorials, on the same work.

    python -m benchmarks.training_speed --torch_python=PATH

`--work` names what is measured:

- `a`: DCGAN 64x64x3, batch 64, as in PyTorch's official example;
- `b`: TensorFlow's MNIST DCGAN tutorial, batch 256;
- `c`: keras.io's DCGAN, batch 64;
- `d`: gradient penalties on (a)'s networks: `d1` WGAN-GP, `d2` R1 and R2;
- `e`: pix2pix with the published networks for 256x256, a pair a step;
- `f`: CycleGAN with those for 128x128, a picture of each domain a step.

Every side is a process that builds its networks, takes a few steps to compile and warm up, and then trains for as many
steps as it is asked to. Sides are asked in turn, and only one computes at a time; medians over the rounds, over whole
steps with their data pipeline. Numbers of parameters must be equal on all sides. What the sides are is said in
`peers/tensorflow.py`, `peers/torch.py` and `peers/torch_translation.py`. PyTorch comes with
`pip install 'keras_gan[bench]'`, or in another Python, `--torch_python`. Without compiler, `torch_compiled` is left
out, and the table says so.

`--before=CHECKOUT` adds the package of another checkout as a side of every work: what a change costs, in one run.
"""

import contextlib
import dataclasses
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks import tables, works
from benchmarks.gate import Worker
from keras_gan.cli import option

ROOT = Path(__file__).resolve().parent.parent
BEFORE = "keras_gan_before"


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
    """The flags."""

    work: str = option("a,b,c,d", "What to measure, of a, b, c, d, d1, d2, e and f, with commas.")
    sides: str = option("", "Who does it, with commas; everybody by default.")
    rounds: int = option(5, "How often each side is timed.", low=1)
    steps: int = option(8, "Training steps each time.", low=1)
    torch_python: str = option("", "A Python that has PyTorch; this one by default.")
    before: str = option("", "Checkout of another version of this package, which becomes a side of its own.")
    precision: str = option("auto", "keras_gan's: float32, bfloat16 or auto, as for trainers. Experts' loops follow.")


def main(argv=None):
    """Measures and prints."""
    tables.main(sys.modules[__name__], argv)


def measure(config):
    """Times the chosen works.

    Returns:
        Dictionary of `works`, a dictionary from names of works to what `measure_work` returns.
    """
    names = _names(config.work)
    if config.precision not in ("auto", "float32", "bfloat16"):
        raise ValueError(
            f"--precision must be auto, float32 or bfloat16. Received: --precision={config.precision} (see --help)"
        )
    sides = {name: _sides(name, config.sides) for name in names}
    if config.before:
        _module_in(config.before)
        sides = {name: [*chosen, BEFORE] for name, chosen in sides.items()}
    python = config.torch_python or sys.executable
    if any(side.startswith("torch") for chosen in sides.values() for side in chosen):
        _check_torch(python)
    return {"works": {name: measure_work(name, sides[name], config, python) for name in names}}


def _names(text):
    names = [name for given in text.split(",") for name in (["d1", "d2"] if given == "d" else [given])]
    unknown = [name for name in names if name not in works.WORKS]
    if unknown:
        raise ValueError(f"--work must be of a, b, c, d, d1, d2, e and f. Received: --work={text} (see --help)")
    return names


def _sides(name, text):
    known = [*works.WORKS[name].sides, "keras_gan_xla"]
    if not text:
        return list(works.WORKS[name].sides)
    chosen = [side for side in text.split(",") if side in known]
    if not chosen:
        raise ValueError(f"--sides names nobody who does --work={name}: {', '.join(known)}. Received: --sides={text}")
    return chosen


def _check_torch(python):
    try:
        found = subprocess.run([python, "-c", "import torch"], capture_output=True)
    except OSError as error:
        raise ValueError(f"--torch_python cannot be started: {error}") from None
    if found.returncode:
        raise ValueError(
            f"{python} has no PyTorch: name a Python that has with --torch_python, install it with pip install "
            "'keras_gan[bench]', or leave its sides out with --sides."
        )


def _module_in(checkout):
    """The module of TensorFlow's sides in a checkout."""
    for name in ("benchmarks.peers.tensorflow", "benchmarks.peers_tensorflow"):
        if Path(checkout, *name.split(".")).with_suffix(".py").is_file():
            return name
    raise ValueError(f"--before must be a checkout of this package, with its benchmarks. Received: --before={checkout}")


def command_of(name, side, python, precision, before=""):
    """The command line of a side's worker."""
    torch = side.startswith("torch")
    module = "benchmarks.peers.torch" if torch else "benchmarks.peers.tensorflow"
    if side == BEFORE:
        module, side = _module_in(before), "keras_gan"
    return [python if torch else sys.executable, "-m", module, name, side, precision]


def measure_work(name, sides, config, python):
    """Times the sides of one work in turn.

    Args:
        name: Key of `works.WORKS`.
        sides: Names of its sides.
        config: `Config`.
        python: The Python of PyTorch's sides.

    Returns:
        Dictionary from each side to what its worker reported, with `rates`, images per second in each round, `rate`,
        their median, and `ratio`, the median of keras_gan's rates over them; or with an `error`.

    Raises:
        OSError: If a side other than `torch_compiled` cannot run.
        ValueError: If the sides do not train the same networks.
    """
    batch, workers, measured = works.WORKS[name].batch, {}, {}
    with contextlib.ExitStack() as stack:
        for side in sides:
            try:
                command = command_of(name, side, python, config.precision, config.before)
                worker = Worker(f"{name} {side}", command, config.before if side == BEFORE else ROOT)
            except OSError as error:
                if side != "torch_compiled":
                    raise
                measured[side] = {"error": str(error)}
                continue
            workers[side] = stack.enter_context(worker)
            measured[side] = {**worker.facts, "rates": []}
            wanted = list(works.WORKS[name].parameters)
            if worker.facts["parameters"] != wanted:
                raise ValueError(
                    f"The side {side} of {name} has other networks: expected {wanted} trainable parameters. "
                    f"Received: {worker.facts['parameters']}"
                )
        for turn in range(config.rounds):
            for side in _rotated(list(workers), turn):
                report = workers[side].run(config.steps)
                measured[side]["rates"].append(batch * config.steps / report["seconds"])
                measured[side]["mebibytes"] = report["mebibytes"]
    ours = measured.get("keras_gan", {}).get("rates")
    for facts in measured.values():
        if "rates" in facts:
            facts["rate"] = statistics.median(facts["rates"])
            if ours:
                facts["ratio"] = statistics.median(a / b for a, b in zip(ours, facts["rates"], strict=True))
    return measured


def _rotated(sides, turn):
    """Another side first in every round, so that none always follows the same."""
    turn %= max(1, len(sides))
    return sides[turn:] + sides[:turn]


def render(run):
    """A table for each work, as Markdown."""
    return "\n\n".join(_table(name, measured) for name, measured in run["works"].items())


def _table(name, measured):
    work = works.WORKS[name]
    g_size, d_size = work.parameters
    versions = dict.fromkeys(facts["version"] for facts in measured.values() if "version" in facts)
    head = (
        f"({name}) {work.title}, batch {work.batch}; generator {g_size:,}, discriminator {d_size:,} parameters on all "
        f"sides; {', '.join(versions)}"
    )
    rows = []
    for side, facts in measured.items():
        rate, rates = facts.get("rate"), facts.get("rates")
        rows.append(
            [
                side,
                tables.digits(rate, "{:.4g}"),
                tables.digits(min(rates) if rates else None, "{:.4g}"),
                tables.digits(max(rates) if rates else None, "{:.4g}"),
                tables.digits(1000 * work.batch / rate if rates else None, "{:.0f}"),
                tables.digits(facts.get("ratio"), "{:.2f}"),
                tables.digits(facts.get("mebibytes"), "{:.0f}"),
                facts.get("precision"),
                facts.get("error"),
            ]
        )
    columns = ["side", "images/s", "least", "most", "ms a step", "keras_gan is faster by", "peak MiB", "precision"]
    return f"{head}\n\n{tables.table([*columns, 'did not run'], rows)}"


if __name__ == "__main__":
    main()

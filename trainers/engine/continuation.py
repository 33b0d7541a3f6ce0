"""The folder that a run is written to, and what it goes on with there."""

import contextlib
import dataclasses
import itertools
import re
import shlex
from pathlib import Path

from keras_gan import cli
from keras_gan.callbacks.checkpoint import check_folder
from keras_gan.files.run_folder import RunFolder, checkpoint_steps
from trainers.engine import flags, precision

# Flags of which `auto` is found out when a run begins.
_SETTLED = ("precision", "features")


def open_folder(program, config, given):
    """The run folder, and the configuration of the run in it.

    A run that is there already has its own flags but for those that are given, of which it may be given other values
    only where they say so themselves.

    Args:
        program: Name of the recipe.
        config: What the command line asks for.
        given: Names of the flags on it.

    Returns:
        The pair of a `RunFolder`, which need not exist, and a configuration.

    Raises:
        ValueError: If there is something else in the folder, or a run that cannot be gone on with like this.
    """
    if not config.out:
        return _default_folder(program, config), config
    if "://" in config.out:
        raise ValueError(f"--out must be a folder that is mounted on this machine. Received: --out={config.out}")
    folder = RunFolder(config.out)
    check_folder(folder)
    if folder.path.exists() and not folder.path.is_dir():
        raise ValueError(f"--out must be a folder. Received: --out={folder}, which is a file")
    if not folder.path.is_dir() or all(file.name.startswith(".") for file in folder.path.iterdir()):
        return folder, config
    if not folder.config_file.exists():
        raise ValueError(f"{folder} is not empty and holds no run: choose another --out.")
    if not config.resume:
        raise ValueError(f"{folder} holds a run already: choose another --out, or leave --noresume out.")
    config = _with_flags_of(folder, program, config, given)
    if folder.result_file.exists() and not checkpoint_steps(folder.checkpoints):
        raise ValueError(f"{folder} holds the results of a run, but no checkpoint to go on from: choose another --out.")
    if not config.dry_run and folder.is_locked():
        raise ValueError(folder.locked_message())
    return folder, config


def _default_folder(program, config):
    source = re.sub(r"[^A-Za-z0-9]+", "-", Path(config.dataset).name if ":" in config.dataset else config.dataset)
    names = (Path("runs", f"{program}-{source.strip('-')}-{number:03d}") for number in itertools.count(1))
    return RunFolder(next(name for name in names if not name.exists()))


def _with_flags_of(folder, program, config, given):
    """The configuration with what is not given as in the run in the folder; refused where they do not go together."""
    old = folder.config()
    if isinstance(old.get("trainer"), str) and old["trainer"] != program:
        raise _differs(folder, [f"trainer was {old['trainer']!r} and is now {program!r}"])
    was = _read(folder, type(config))
    kept = {field.name for field in dataclasses.fields(config)} - given
    # One length takes the place of another, whose default is none.
    kept -= flags.LENGTHS if given & flags.LENGTHS else set()
    config = dataclasses.replace(config, **{name: getattr(was, name) for name in kept})
    meant = {name: getattr(was, name) for name in _SETTLED if getattr(config, name) == "auto"}
    config = dataclasses.replace(config, **meant)
    fixed = given - cli.names(type(config), "resumable")
    changes = [
        f"{name} was {getattr(was, name)!r} and is now {getattr(config, name)!r}"
        for name in sorted(fixed)
        if getattr(was, name) != getattr(config, name)
    ]
    if changes:
        raise _differs(folder, changes)
    return config


def _differs(folder, changes):
    return ValueError(f"{folder} holds a run of another configuration: {', '.join(changes)}. Choose another --out.")


def of_run(config_class, folder):
    """The configuration of the run in a folder.

    Args:
        config_class: Class of the configuration.
        folder: Path of the folder.

    Returns:
        An instance of `config_class`.

    Raises:
        ValueError: If there is no run, or what was written down of it is damaged.
    """
    return _read(RunFolder(folder), config_class)


def _read(folder, config_class):
    old = folder.config()
    if old is None:
        raise ValueError(f"There is no run in {folder}.")
    try:
        if old.get("precision") not in precision.POLICIES:
            raise ValueError(f"--precision is {old.get('precision')!r}")
        return cli.adopt(config_class(), old, [field.name for field in dataclasses.fields(config_class)])
    except ValueError as error:
        raise ValueError(
            f"{folder.config_file} is damaged: restore it from a backup, or use another folder. {error}"
        ) from None


def check_data(folder, spec):
    """Refuses to go on with a run on other data than it began with."""
    config = folder.config()
    if config is not None and config.get("data") != spec.fingerprint:
        raise ValueError(f"The data are not those that the run in {folder} began with: choose another --out.")


def facts(program, config, spec):
    """The facts that a run's folder remembers of its configuration and data, and that its workers agree on."""
    return {"trainer": program, **dataclasses.asdict(config), "data": spec.fingerprint}


def command(program, folder, *more):
    """The command that goes on with a run."""
    return shlex.join(["python", "-m", f"trainers.{program}", f"--out={folder}", *more])


def unfinished(program, config, given, spec, runs="runs"):
    """The command that goes on with the newest interrupted run of the same configuration.

    Args:
        program: Name of the recipe.
        config: The configuration.
        given: Names of the flags that are given.
        spec: Spec of the data.
        runs: Folder to look in.

    Returns:
        The command, or `None` where no run was interrupted, or the one that was is going on.
    """
    resumable = cli.names(type(config), "resumable")
    found = []
    for folder in map(RunFolder, Path(runs).glob("*")):
        # What cannot be read cannot be gone on with.
        with contextlib.suppress(ValueError, OSError):
            old, was = folder.config(), _read(folder, type(config))
            same = {field.name for field in dataclasses.fields(config)} - resumable
            same -= {name for name in _SETTLED if getattr(config, name) == "auto"}
            if (
                (old.get("trainer"), old.get("data")) == (program, spec.fingerprint)
                and all(getattr(was, name) == getattr(config, name) for name in same)
                and (step := folder.unfinished_step)
                and not folder.is_locked()
            ):
                saved = folder.checkpoints / f"ckpt-{step}.index"
                found.append((saved.stat().st_mtime, folder))
    if not found:
        return None
    _, newest = max(found, key=lambda pair: pair[0])
    repeated = sorted(given & resumable - {"out", "resume", "dry_run"})
    return command(program, newest, *(_flag(name, getattr(config, name)) for name in repeated))


def _flag(name, value):
    """A flag as it is given on a command line."""
    return f"--{'' if value else 'no'}{name}" if isinstance(value, bool) else f"--{name}={value}"

"""Command lines: flags from the fields of a dataclass, help that a person can read, errors of one line."""

import contextlib
import dataclasses
import math
import os
import signal
import sys
import threading
import warnings
from importlib import util

from absl import flags

_MENDABLE = (ValueError, OSError, MemoryError, FloatingPointError)
_said = set()
_DEFINE = {int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string, bool: flags.DEFINE_bool}


def option(default, help, low=None, below=None, group=None, resumable=None, private=None, before=None, auto=None):
    """A dataclass field that becomes a flag, and says itself what there is to know of it.

    What is `None` is as the base class's field of this name has it, if there is one.

    Args:
        default: The default value; its type is the flag's.
        help: One sentence.
        low: The smallest value that is accepted.
        below: A number that values must be smaller than.
        group: The heading that `--help` lists it under; by default the class's attribute `GROUP`, if it has one.
        resumable: Whether a program that goes on with an earlier one's work may be given another value.
        private: Whether it says something about the machine, which is left out of what is given to others.
        before: The value that says what programs did which had no such flag, where that is not the default.
        auto: The value that leaves the decision to the program, which then keeps what it has decided. It is written
            `auto` on the command line, also of a flag that takes integers.

    Returns:
        `dataclasses.field`.
    """
    facts = {"low": low, "below": below, "group": group, "resumable": resumable, "private": private}
    return dataclasses.field(default=default, metadata={"help": help, **facts, "before": before, "auto": auto})


def fact(config_class, name, key):
    """The argument of `option` that a class's field, or the nearest base class's that has it, was given.

    Args:
        config_class: Dataclass whose fields are made by `option`.
        name: Name of a field.
        key: Name of the argument.

    Returns:
        The value; `None` where nobody says it.
    """
    fields = (cls.__dict__.get("__dataclass_fields__", {}).get(name) for cls in config_class.__mro__)
    found = (field.metadata[key] for field in fields if field is not None)
    return next((value for value in found if value is not None), None)


def names(config_class, key):
    """The names of the fields for which `fact` is true, a set.

    Example:

    >>> import dataclasses
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     out: str = keras_gan.cli.option("", "Where to.", private=True)
    ...     steps: int = keras_gan.cli.option(10, "How many.")
    >>> keras_gan.cli.names(Config, "private")
    {'out'}
    """
    return {field.name for field in dataclasses.fields(config_class) if fact(config_class, field.name, key)}


def undecided(config):
    """The names of the fields whose value leaves the decision to the program, a set.

    Example:

    >>> import dataclasses
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     width: int = keras_gan.cli.option(0, "How wide.", auto=0)
    >>> keras_gan.cli.undecided(Config()), keras_gan.cli.undecided(Config(width=3))
    ({'width'}, set())
    """
    autos = {field.name: fact(type(config), field.name, "auto") for field in dataclasses.fields(config)}
    return {name for name, auto in autos.items() if auto is not None and getattr(config, name) == auto}


class _IntegerOrAuto(flags.ArgumentParser):
    """Reads an integer, or `auto` as the one that stands for it."""

    def __init__(self, auto):
        self._auto = auto

    def parse(self, argument):
        if argument == "auto":
            return self._auto
        value = flags.IntegerParser().parse(argument)
        # The default, which absl parses too, is that number and not a text.
        if value == self._auto and isinstance(argument, str):
            raise ValueError(f"for what {value} stands write auto")
        return value

    def flag_type(self):
        return "int"


def _define(config_class, field, values):
    auto = fact(config_class, field.name, "auto")
    if auto is not None and isinstance(field.default, int):
        flags.DEFINE(_IntegerOrAuto(auto), field.name, field.default, field.metadata["help"], flag_values=values)
    else:
        _DEFINE[type(field.default)](field.name, field.default, field.metadata["help"], flag_values=values)


def adopt(config, values, names):
    """A configuration in which some fields are as an earlier program wrote them down.

    Args:
        config: Instance of a dataclass whose fields are made by `option`.
        values: Dictionary that the earlier program wrote. For a flag that it did not have stands what `option` was told
            to be the behaviour `before`, or the default.
        names: Names of the fields to take from it.

    Returns:
        Another instance.

    Raises:
        ValueError: If the flag cannot have that value.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    found = {}
    for name in names:
        default, before = defaults[name], fact(type(config), name, "before")
        value = values.get(name, default if before is None else before)
        if type(value) is not type(default) and (type(value), type(default)) != (int, float):
            raise ValueError(f"--{name} takes {type(default).__name__}. Received: {value!r}")
        found[name] = type(default)(value)
        if message := _range_message(type(config), name, found[name]):
            raise ValueError(message)
    return dataclasses.replace(config, **found)


def parse(config_class, program, about, argv=None):
    """Reads a configuration from the command line.

    A class with a field `preset` has a dictionary `PRESETS` beside it: from each value of that field to what other
    fields are then, unless they are given.

    Args:
        config_class: Dataclass whose fields are made by `option`.
        program: How the program is called, for example `"python -m trainers.dcgan"`.
        about: What it does, printed by `--help`.
        argv: The arguments; by default the process's own.

    Returns:
        The pair of an instance of `config_class` and the set of the names given on the command line.

    Raises:
        SystemExit: After `--help`, and after an unusable argument, which is named in one line.
    """
    values = flags.FlagValues()
    for field in dataclasses.fields(config_class):
        _define(config_class, field, values)
    flags.DEFINE_bool("help", False, "Prints this text.", flag_values=values, short_name="h")
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        rest = values([program, *argv])[1:]
    except flags.Error as error:
        fail(f"{error} (see --help)")
    if values.help:
        print(_help(config_class, program, about))
        raise SystemExit(0)
    if rest:
        fail(f"expected flags only, as --name=value. Received: {rest[0]!r} (see --help)")
    chosen = {field.name: values[field.name].value for field in dataclasses.fields(config_class)}
    given = {name for name in chosen if values[name].present}
    for name, value in chosen.items():
        if isinstance(value, str) and not _is_text(value):
            fail(f"--{name} must be text in UTF-8. Received: --{name}={value}")
        if message := _range_message(config_class, name, value):
            fail(f"{message} (see --help)")
    presets = getattr(config_class, "PRESETS", None)
    if presets is not None:
        if chosen["preset"] not in presets:
            fail(f"--preset must be one of {sorted(presets)}. Received: --preset={chosen['preset']} (see --help)")
        chosen |= {name: value for name, value in presets[chosen["preset"]].items() if name not in given}
    return config_class(**chosen), given


def _is_text(value):
    """True for a string that is one, and not bytes of the command line that are none in UTF-8."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _range_message(config_class, name, value):
    """A sentence about a value out of range, or `None`."""
    low, below, auto = (fact(config_class, name, key) for key in ("low", "below", "auto"))
    finite = not isinstance(value, float) or math.isfinite(value)
    if value == auto or (finite and (low is None or value >= low) and (below is None or value < below)):
        return None
    wanted = [] if finite else ["finite"]
    wanted += [] if low is None else [f"at least {low}"]
    wanted += [] if below is None else [f"below {below}"]
    return f"--{name} must be {' and '.join(wanted)}. Received: --{name}={value}"


def _help(config_class, program, about):
    groups = {}
    for field in dataclasses.fields(config_class):
        name = f"--[no]{field.name}" if isinstance(field.default, bool) else f"--{field.name}"
        auto = fact(config_class, field.name, "auto")
        default = "auto" if auto is not None and field.default == auto else field.default
        default = "" if default in ("", False) and auto is None else f" [{default}]"
        group = fact(config_class, field.name, "group") or getattr(config_class, "GROUP", "")
        groups.setdefault(group, []).append(f"  {name:<26} {field.metadata['help']}{default}")
    lines = [about.strip(), "", f"usage: {program} [--flag=value ...]"]
    for group, flags_of_group in groups.items():
        lines += ["", f"{group}:"] if group else [""]
        lines += flags_of_group
    return "\n".join(lines)


def require(packages, purpose):
    """Raises `ValueError` that says what to install, if a package is missing.

    Args:
        packages: Names, as they are imported and installed.
        purpose: What needs them, the first word of the sentence.

    Example:

    >>> keras_gan.cli.require(["no_such_package"], "Juggling")
    Traceback (most recent call last):
    ValueError: Juggling needs packages that are not installed. Run: pip install no_such_package
    """
    missing = [name for name in packages if util.find_spec(name) is None]
    if missing:
        raise ValueError(f"{purpose} needs packages that are not installed. Run: pip install {' '.join(missing)}")


def fail(message):
    """Ends the program with one line on standard error and exit status 1."""
    _complain("error", message)
    raise SystemExit(1)


def _complain(kind, message):
    line = f"{kind}: {' '.join(str(message).split())}"
    with contextlib.suppress(OSError):  # of a standard error that nobody reads
        print(line.encode("utf-8", "backslashreplace").decode("utf-8"), file=sys.stderr)


def run(main):
    """Runs a program's `main()`: what a user can mend becomes one line, not a traceback.

    Warnings become one line as well, without the place in the code, and each is said once. A program that Ctrl+C
    interrupts, or whose output nobody reads any more, ends with the status that shells expect.

    Args:
        main: Function without arguments, whose result is returned. `ValueError`, `OSError` (a missing file, a full
            disk), `MemoryError` and `FloatingPointError` (a run that diverged) are what its user can do something
            about, and Ctrl+C is what that user did, which gives the status 130; anything else is a defect, and keeps
            its traceback.
    """
    _said.clear()
    with _plain_warnings(), _noted_interrupts() as interrupts:
        try:
            return main()
        except BrokenPipeError:
            raise SystemExit(128 + signal.SIGPIPE) from None
        except (Exception, KeyboardInterrupt) as error:
            if interrupts or isinstance(error, KeyboardInterrupt):
                _complain("error", "interrupted")
                raise SystemExit(128 + signal.SIGINT) from None
            if isinstance(error, _MENDABLE):
                fail(error)
            raise
        finally:
            _discard_closed_output()


@contextlib.contextmanager
def _noted_interrupts():
    """Yields a list that gets an item at Ctrl+C; a second one ends the process there and then.

    `KeyboardInterrupt` is raised, also where Ctrl+C ends the process at once before and after. What it passes through
    may make another error of it, or print it and go on: TensorFlow's compiled code does, where it calls Python.
    """
    noted, hooks, before = [], (sys.excepthook, sys.unraisablehook), signal.getsignal(signal.SIGINT)

    def note(number, frame):
        noted.append(number)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        sys.excepthook = sys.unraisablehook = lambda *_: None
        raise KeyboardInterrupt

    ours = threading.current_thread() is threading.main_thread()
    if not ours or before not in (signal.default_int_handler, signal.SIG_DFL):
        yield noted
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        if signal.getsignal(signal.SIGINT) is note:
            signal.signal(signal.SIGINT, before)
        if noted:
            sys.excepthook, sys.unraisablehook = hooks


@contextlib.contextmanager
def _plain_warnings():
    """Makes warnings one line each, and says each once."""

    def say(message, *_, **__):
        # Python's own memory of what it has said ends wherever a library changes a filter.
        if str(message) not in _said:
            _said.add(str(message))
            _complain("warning", message)

    with warnings.catch_warnings():
        warnings.showwarning = say
        yield


def _discard_closed_output():
    """Discards what is still to be printed where nobody reads it: Python would complain about it in the end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


@contextlib.contextmanager
def silenced():
    """Discards what compiled code prints to the terminal meanwhile; exceptions pass."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for terminal, copy in enumerate(saved, start=1):
            os.dup2(copy, terminal)
            os.close(copy)
        os.close(nowhere)

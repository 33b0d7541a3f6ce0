"""Command lines: flags from the fields of a dataclass, help that a person can read, errors of one line."""

import contextlib
import dataclasses
import math
import os
import signal
import sys
import threading
import traceback
import warnings

from absl import flags

_MENDABLE = (ValueError, OSError, MemoryError, FloatingPointError)
_said = set()
_DEFINE = {int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string, bool: flags.DEFINE_bool}


def option(default, help, low=None, below=None):
    """A dataclass field that becomes a flag.

    Args:
        default: The default value; its type is the flag's.
        help: One sentence.
        low: The smallest value that is accepted; `None` for that of the base class's field of this name, if any.
        below: A number that values must be smaller than, or `None`, likewise.

    Returns:
        `dataclasses.field`.
    """
    return dataclasses.field(default=default, metadata={"help": help, "low": low, "below": below})


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
        _DEFINE[type(field.default)](field.name, field.default, field.metadata["help"], flag_values=values)
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
    for field in dataclasses.fields(config_class):
        _check_range(config_class, field.name, values[field.name].value)
    names = [field.name for field in dataclasses.fields(config_class)]
    given = {name for name in names if values[name].present}
    chosen = {name: values[name].value for name in names}
    presets = getattr(config_class, "PRESETS", None)
    if presets is not None:
        if chosen["preset"] not in presets:
            fail(f"--preset must be one of {sorted(presets)}. Received: --preset={chosen['preset']} (see --help)")
        chosen |= {name: value for name, value in presets[chosen["preset"]].items() if name not in given}
    return config_class(**chosen), given


def _check_range(config_class, name, value):
    low, below = (_bound(config_class, name, end) for end in ("low", "below"))
    finite = not isinstance(value, float) or math.isfinite(value)
    if finite and (low is None or value >= low) and (below is None or value < below):
        return
    wanted = [] if finite else ["finite"]
    wanted += [] if low is None else [f"at least {low}"]
    wanted += [] if below is None else [f"below {below}"]
    fail(f"--{name} must be {' and '.join(wanted)}. Received: --{name}={value} (see --help)")


def _bound(config_class, name, end):
    """A bound that a class sets, or inherits with a field to which it gives another default."""
    fields = (cls.__dataclass_fields__.get(name) for cls in config_class.__mro__ if dataclasses.is_dataclass(cls))
    bounds = (field.metadata[end] for field in fields if field is not None)
    return next((bound for bound in bounds if bound is not None), None)


def _help(config_class, program, about):
    lines = [about.strip(), "", f"usage: {program} [--flag=value ...]", ""]
    for field in dataclasses.fields(config_class):
        name = f"--[no]{field.name}" if isinstance(field.default, bool) else f"--{field.name}"
        default = "" if field.default in ("", False) else f" [{field.default}]"
        lines.append(f"  {name:<26} {field.metadata['help']}{default}")
    return "\n".join(lines)


def fail(message):
    """Ends the program with one line on standard error and exit status 1."""
    _complain("error", message)
    raise SystemExit(1)


def _complain(kind, message):
    print(f"{kind}: {' '.join(str(message).split())}", file=sys.stderr)


def run(main):
    """Runs a program's `main()`: what a user can mend becomes one line, not a traceback.

    Warnings become one line as well, without the place in the code, and each is said once.

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
        except (Exception, KeyboardInterrupt) as error:
            if interrupts or isinstance(error, KeyboardInterrupt):
                _complain("error", "interrupted")
                raise SystemExit(128 + signal.SIGINT) from None
            if isinstance(error, _MENDABLE):
                fail(error)
            raise


@contextlib.contextmanager
def _noted_interrupts():
    """Yields a list that gets an item at Ctrl+C; a second one ends the process there and then.

    `KeyboardInterrupt` is raised as always, but what it passes through may make another error of it, or print it and go
    on: TensorFlow's compiled code does, where it calls Python.
    """
    noted, hooks = [], (sys.excepthook, sys.unraisablehook)

    def note(number, frame):
        noted.append(number)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        sys.excepthook = sys.unraisablehook = lambda *_: None
        raise KeyboardInterrupt

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield noted
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        if signal.getsignal(signal.SIGINT) is note:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if noted:
            sys.excepthook, sys.unraisablehook = hooks


def run_optional(main, product):
    """Runs what a program ends with, after `run`, when its work is done: a failure is said, and decides nothing.

    Args:
        main: Function without arguments.
        product: What is missing if it fails, such as the name of a file.
    """
    with _plain_warnings():
        try:
            main()
        except Exception as error:
            if not isinstance(error, _MENDABLE):
                traceback.print_exc()
            _complain("warning", f"{product} is missing: {error}")


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

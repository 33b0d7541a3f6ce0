"""Command lines: flags from the fields of a dataclass, help that a person can read, errors of one line."""

import dataclasses
import sys

from absl import flags

_DEFINE = {int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string, bool: flags.DEFINE_bool}


def option(default, help):
    """A dataclass field that becomes a flag.

    Args:
        default: The default value; its type is the flag's.
        help: One sentence.

    Returns:
        `dataclasses.field`.
    """
    return dataclasses.field(default=default, metadata={"help": help})


def parse(config_class, program, about, argv=None):
    """Reads a configuration from the command line.

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
    names = [field.name for field in dataclasses.fields(config_class)]
    given = {name for name in names if values[name].present}
    return config_class(**{name: values[name].value for name in names}), given


def _help(config_class, program, about):
    lines = [about.strip(), "", f"usage: {program} [--flag=value ...]", ""]
    for field in dataclasses.fields(config_class):
        name = f"--[no]{field.name}" if isinstance(field.default, bool) else f"--{field.name}"
        default = "" if field.default in ("", False) else f" [{field.default}]"
        lines.append(f"  {name:<26} {field.metadata['help']}{default}")
    return "\n".join(lines)


def fail(message):
    """Ends the program with one line on standard error and exit status 1."""
    print(f"error: {' '.join(str(message).split())}", file=sys.stderr)
    raise SystemExit(1)


def run(main):
    """Runs a program's `main()`: what a user can mend becomes one line, not a traceback.

    Args:
        main: Function without arguments. `ValueError`, `OSError` (a missing file, a full disk) and
            `FloatingPointError` (a run that diverged) are what its user can do something about; anything else is
            a defect, and keeps its traceback.
    """
    try:
        main()
    except (ValueError, OSError, FloatingPointError) as error:
        fail(error)

"""The command `keras-gan`: runs what there is for the command line, wherever one is, or lists it.

    keras-gan
    keras-gan dcgan --tpu

The second is `python -m trainers.dcgan --tpu`.
"""

import ast
import difflib
import runpy
import sys
from pathlib import Path

import trainers

_ROOT = Path(__file__).resolve().parents[1]
_USE = ("sample", "translate", "evaluate", "diagnose", "unlearn", "label", "parzen")
_ELSEWHERE = (
    "keras_gan.data.check",
    "keras_gan.data.draw_faces",
    "keras_gan.data.write_tfrecords",
    "keras_gan.metrics.parzen",
)


def commands():
    """Finds the modules that are commands, as their last lines tell: nothing is imported.

    Returns:
        Dictionary from the titles of groups to dictionaries from names to pairs of a module's name and the first line
        of its docstring.
    """
    modules = [f"trainers.{file.stem}" for file in sorted(Path(_ROOT, "trainers").glob("*.py"))]
    modules += [f"export.{file.stem}" for file in sorted(Path(_ROOT, "export").glob("*.py"))]
    groups = {"train": {}, "use a trained model": {}, "export": {}}
    for module in [*modules, *_ELSEWHERE]:
        tree = ast.parse(Path(_ROOT, *module.split(".")).with_suffix(".py").read_text("utf-8"))
        package, _, name = module.rpartition(".")
        if not any(isinstance(node, ast.If) and "__main__" in ast.unparse(node.test) for node in tree.body):
            continue
        group = "export" if package == "export" else "use a trained model" if name in _USE else "train"
        groups[group][name] = module, ast.get_docstring(tree).partition("\n")[0]
    return groups


def _listing(groups):
    lines = ["usage: keras-gan NAME [--flag=value ...], keras-gan NAME --help"]
    for title, members in groups.items():
        lines += ["", f"{title}:", *(f"  {name:<16} {line}" for name, (_, line) in members.items())]
    return "\n".join(lines)


def main(argv=None):
    """Runs the command that the first argument names with the others, or lists all commands.

    Args:
        argv: Command-line arguments; by default the process's own.
    """
    name, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    groups = commands()
    if name in ("-h", "--help"):
        print(_listing(groups))
        return
    modules = {name: module for members in groups.values() for name, (module, _) in members.items()}
    module = modules.get(name.replace("-", "_"))
    if module is None:
        near = difflib.get_close_matches(name, modules) or ["keras-gan, which lists all commands"]
        print(f"error: there is no command {name!r}; try {' or '.join(near)}", file=sys.stderr)
        raise SystemExit(1)
    trainers.import_quietly()
    sys.argv = [f"keras-gan {name}", *rest]
    if hasattr(sys.modules.get(module), "main"):  # The package has imported it, and `runpy` would do so once more.
        sys.modules[module].main()
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=True)

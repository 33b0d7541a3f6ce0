import contextlib
import dataclasses
import io
import os
import signal
import sys
import warnings
from pathlib import Path
from unittest import mock

from absl.testing import parameterized

from keras_gan import cli
from tests.test_case import TestCase


@dataclasses.dataclass(frozen=True)
class Config:
    out: str = cli.option("", "Where to.")
    dataset: str = cli.option("mnist", "Which data.")
    steps: int = cli.option(2000, "How many.")
    rate: float = cli.option(0.5, "How fast.")
    resume: bool = cli.option(True, "Whether to go on.")
    verbose: bool = cli.option(False, "Whether to say much.")
    momentum: float = cli.option(0.5, "How steadily.", low=0.0, below=1.0)
    every: int = cli.option(1, "How often.", low=1)


def call(function, *args):
    """The exit status of a function, or `None` if it returned, and what it wrote to both streams."""
    output, errors, status = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            function(*args)
        except SystemExit as exit:
            status = exit.code
    return status, output.getvalue(), errors.getvalue()


def raising(error):
    """A program that ends with `error`."""

    def main():
        raise error

    return main


def parse(*argv):
    return cli.parse(Config, "python -m prog", "Does things.\n", argv)


@dataclasses.dataclass(frozen=True)
class Presets(Config):
    PRESETS = {"fast": {}, "slow": {"rate": 0.1, "steps": 9000}}

    preset: str = cli.option("fast", "fast or slow.")


class PresetTest(TestCase):
    def parse(self, *argv):
        return cli.parse(Presets, "python -m prog", "Does things.", argv)

    def test_a_preset_sets_what_is_not_given(self):
        self.assertEqual(self.parse()[0], Presets())
        config, given = self.parse("--preset=slow", "--steps=3")
        self.assertEqual(config, Presets(preset="slow", rate=0.1, steps=3))
        self.assertEqual(given, {"preset", "steps"})

    def test_an_unknown_one(self):
        status, _, errors = call(self.parse, "--preset=slo")
        self.assertEqual(status, 1)
        self.assertIn("--preset must be one of ['fast', 'slow']. Received: --preset=slo", errors)


@dataclasses.dataclass(frozen=True)
class Undecided:
    width: int = cli.option(0, "How wide.", low=2, auto=0)
    height: int = cli.option(5, "How high.", auto=0)
    precision: str = cli.option("auto", "How exactly.", auto="auto")


class AutoTest(TestCase):
    def parse(self, *argv):
        return cli.parse(Undecided, "python -m prog", "Does things.", argv)

    def test_the_word_is_the_value_that_leaves_it_open(self):
        self.assertEqual(cli.undecided(self.parse()[0]), {"width", "precision"})
        config, given = self.parse("--width=3", "--height=auto", "--precision=float32")
        self.assertEqual((config, given), (Undecided(3, 0, "float32"), {"width", "height", "precision"}))
        self.assertEqual(cli.undecided(config), {"height"})
        self.assertEqual(self.parse("--width=auto")[0].width, 0)

    def test_help_says_it(self):
        status, text, _ = call(self.parse, "--help")
        self.assertEqual(status, 0)
        for line in ("How wide. [auto]", "How high. [5]", "How exactly. [auto]"):
            self.assertIn(line, text)

    def test_other_values(self):
        for flag, message in (
            ("--width=1", "--width must be at least 2. Received: --width=1"),
            ("--width=0", "--width=0: for what 0 stands write auto"),
            ("--width=wide", "--width=wide.*see --help"),
        ):
            status, _, errors = call(self.parse, flag)
            self.assertEqual(status, 1)
            self.assertRegex(errors, message)


class ParseTest(TestCase, parameterized.TestCase):
    def test_defaults(self):
        config, given = parse()
        self.assertEqual(config, Config())
        self.assertEqual(given, set())

    def test_values_have_the_types_of_their_defaults(self):
        config, given = parse("--out=a b", "--steps", "-5", "--rate=2", "--noresume", "--verbose")
        self.assertEqual(config, Config(out="a b", steps=-5, rate=2.0, resume=False, verbose=True))
        self.assertIsInstance(config.rate, float)
        self.assertEqual(given, {"out", "steps", "rate", "resume", "verbose"})

    @parameterized.parameters("--verbose=true", "--verbose=1", "--noverbose", "--verbose=false")
    def test_booleans(self, flag):
        config, given = parse(flag)
        self.assertEqual(config.verbose, flag in ("--verbose=true", "--verbose=1"))
        self.assertEqual(given, {"verbose"})

    def test_given_even_if_equal_to_the_default(self):
        config, given = parse("--steps=2000", "--resume")
        self.assertEqual((config, given), (Config(), {"steps", "resume"}))

    def test_the_last_one_counts(self):
        self.assertEqual(parse("--steps=1", "--steps=2")[0].steps, 2)

    @parameterized.parameters(
        (["--stepps=3"], "stepps.*see --help"),
        (["--steps=many"], "--steps=many.*see --help"),
        (["--steps=1.5"], "--steps=1.5"),
        (["--rate=fast"], "--rate=fast"),
        (["--verbose=maybe"], "--verbose=maybe"),
        (["--out"], "out.*see --help"),
        (["--nosteps"], "nosteps"),
        (["train"], "expected flags only, as --name=value. Received: 'train'"),
        (["--steps=3", "more"], "Received: 'more'"),
        (["--every=0"], "--every must be at least 1. Received: --every=0"),
        (["--momentum=-0.1"], "--momentum must be at least 0.0 and below 1.0. Received: --momentum=-0.1"),
        (["--momentum=1"], "--momentum must be at least 0.0 and below 1.0. Received: --momentum=1.0"),
        (["--momentum=nan"], "--momentum must be finite and at least"),
        (["--rate=inf"], "--rate must be finite. Received: --rate=inf"),
    )
    def test_errors_are_one_line_and_exit_status_1(self, argv, message):
        status, output, errors = call(parse, *argv)
        self.assertEqual((status, output), (1, ""))
        self.assertRegex(errors, rf"\Aerror: [^\n]*{message}[^\n]*\n\Z")

    def test_another_default_keeps_the_range(self):
        @dataclasses.dataclass(frozen=True)
        class Rarely(Config):
            every: int = cli.option(100, "How often.")

        status, _, errors = call(cli.parse, Rarely, "python -m prog", "Does things.", ["--every=0"])
        self.assertEqual(status, 1)
        self.assertIn("--every must be at least 1", errors)

    def test_the_ends_of_a_range(self):
        config, _ = parse("--momentum=0", "--every=1", "--steps=-1")
        self.assertEqual((config.momentum, config.every, config.steps), (0.0, 1, -1))

    @parameterized.parameters("--help", "-h", "--h")
    def test_help(self, flag):
        status, output, errors = call(parse, flag)
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(
            output,
            "Does things.\n"
            "\n"
            "usage: python -m prog [--flag=value ...]\n"
            "\n"
            "  --out                      Where to.\n"
            "  --dataset                  Which data. [mnist]\n"
            "  --steps                    How many. [2000]\n"
            "  --rate                     How fast. [0.5]\n"
            "  --[no]resume               Whether to go on. [True]\n"
            "  --[no]verbose              Whether to say much.\n"
            "  --momentum                 How steadily. [0.5]\n"
            "  --every                    How often. [1]\n",
        )

    def test_the_arguments_of_the_process_by_default(self):
        with mock.patch.object(sys, "argv", ["prog.py", "--steps=7"]):
            config, given = cli.parse(Config, "python -m prog", "Does things.")
        self.assertEqual((config.steps, given), (7, {"steps"}))


class RunTest(TestCase):
    def test_what_a_user_can_mend_is_one_line(self):
        for kind in (ValueError, FileNotFoundError, FloatingPointError, MemoryError):
            self.assertEqual(call(cli.run, raising(kind("bad\n  value"))), (1, "", "error: bad value\n"))

    def test_returns_what_the_program_does(self):
        self.assertEqual(cli.run(lambda: 3), 3)

    def test_warnings_are_one_line(self):
        def main():
            warnings.warn("take\n  care", stacklevel=1)

        self.assertEqual(call(cli.run, main), (None, "", "warning: take care\n"))

    def test_a_warning_is_said_once(self):
        def main():
            for text in ("a", "b", "a"):
                with warnings.catch_warnings():  # after which Python says again what it has said
                    pass
                warnings.warn(text, stacklevel=1)

        both = "warning: a\nwarning: b\n"
        self.assertEqual(call(cli.run, main), (None, "", both))
        self.assertEqual(call(cli.run, main), (None, "", both))

    def test_an_interrupt_is_one_line_and_its_own_status(self):
        """Also where compiled code makes another error of it."""
        for make in (KeyboardInterrupt, lambda: RuntimeError("something else")):

            def main(make=make):
                try:
                    signal.raise_signal(signal.SIGINT)
                except KeyboardInterrupt:
                    raise make() from None

            self.assertEqual(call(cli.run, main), (130, "", "error: interrupted\n"))
            # A second one would have ended the process there and then.
            self.assertIs(signal.signal(signal.SIGINT, signal.default_int_handler), signal.SIG_DFL)

    def test_anything_else_keeps_its_traceback(self):
        for error in (TypeError("defect"), KeyError("defect"), AssertionError("defect")):
            with self.assertRaises(type(error)):
                cli.run(raising(error))

    def test_exits_and_returns_pass(self):
        self.assertEqual(call(cli.run, raising(SystemExit(143)))[0], 143)
        self.assertEqual(call(cli.run, lambda: print("fine")), (None, "fine\n", ""))

    def test_fail(self):
        self.assertEqual(call(cli.fail, "no such\nfile"), (1, "", "error: no such file\n"))


class SilencedTest(TestCase):
    def test_what_compiled_code_writes_is_discarded(self):
        """Both streams, at the level of the file descriptors; and given back, with exceptions too."""
        before = [os.fstat(number) for number in (1, 2)]
        with self.assertRaises(KeyError), cli.silenced():
            for number in (1, 2):
                self.assertEqual(os.fstat(number).st_rdev, Path(os.devnull).stat().st_rdev)
            raise KeyError
        self.assertTrue(
            all(os.path.samestat(os.fstat(number), old) for number, old in zip((1, 2), before, strict=True))
        )

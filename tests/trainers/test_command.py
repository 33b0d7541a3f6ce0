"""The command `keras-gan`: what it lists, what it runs, and from where."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

from tests.test_case import TestCase
from trainers import command

ROOT = Path(__file__).parents[2]
# What the script that pip makes of the entry point does, with nothing of the current folder on the path.
SCRIPT = "import sys; sys.argv[0] = '/bin/keras-gan'; from trainers.command import main; sys.exit(main())"


def run(*arguments, program=("-P", "-c", SCRIPT), folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *program, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


class CommandTest(TestCase):
    def other_packages(self):
        """A folder with packages `export`, `trainers` and a module `run` that end whatever imports them."""
        folder = Path(self.get_temp_dir())
        for name in ("export", "trainers"):
            (folder / name).mkdir(exist_ok=True)
            (folder / name / "__init__.py").write_text("raise SystemExit('the wrong package')")
        return folder

    def call(self, *arguments):
        """What is printed, and the exit status, in this process."""
        before = sys.argv
        self.addCleanup(setattr, sys, "argv", before)
        code = 0
        with (
            contextlib.redirect_stdout(io.StringIO()) as output,
            contextlib.redirect_stderr(io.StringIO()) as errors,
        ):
            try:
                command.main(arguments)
            except SystemExit as error:
                code = error.code
        return output.getvalue(), errors.getvalue(), code

    def test_groups(self):
        groups = {title: set(members) for title, members in command.commands().items()}
        self.assertEqual(
            groups,
            {
                "train": {
                    "conditional_gan", "cyclegan", "dcgan", "mlp_gan", "pix2pix", "r3gan", "sngan", "toy", "vae",
                    "wgan_gp", "write_tfrecords", "draw_faces",
                },
                "use a trained model": {"diagnose", "evaluate", "label", "parzen", "sample", "translate", "unlearn"},
                "export": {"onnx", "saved_model", "serve", "tflite"},
            },
        )  # fmt: skip

    def test_alone_it_lists_them_without_tensorflow(self):
        script = SCRIPT.replace("sys.exit(main())", "main(); assert 'tensorflow' not in sys.modules")
        done = run(program=("-P", "-c", script), folder=self.other_packages())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, self.call("--help")[0])
        self.assertIn("\nexport:\n", done.stdout)
        self.assertIn(
            "\n  dcgan            DCGAN on images: the recipe that a new user gets good pictures with.\n", done.stdout
        )

    def test_runs_a_command_quietly_beside_other_packages(self):
        folder = self.other_packages()
        done = run("saved_model", "--model=none.keras", "--out=out", folder=folder)
        expected = "error: Expected a .keras file. Received: none.keras, which is missing\n"
        self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "", expected))

    def test_as_a_module_beside_other_packages(self):
        done = run(
            "saved_model", "--model=none.keras", "--out=out", program=("-m", "keras_gan"), folder=self.other_packages()
        )
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        # What importing TensorFlow says comes before.
        self.assertEndsWith(done.stderr, "error: Expected a .keras file. Received: none.keras, which is missing\n")

    def test_passes_arguments_on(self):
        output, errors, code = self.call("wgan-gp", "--help")
        self.assertEqual((errors, code), ("", 0))
        self.assertIn("usage: python -m trainers.wgan_gp", output)
        self.assertEqual(self.call("sample")[1:], ("error: --model is needed: the generator.keras of a run.\n", 1))
        self.assertIn("usage: python -m keras_gan.metrics.parzen", self.call("parzen", "--help")[0])

    def test_unknown_names(self):
        for name, message in (
            ("dcgn", "there is no command 'dcgn'; try dcgan"),
            ("savedmodel", "there is no command 'savedmodel'; try saved_model"),
            ("--tpu", "there is no command '--tpu'; try keras-gan, which lists all commands"),
        ):
            output, errors, code = self.call(name)
            self.assertEqual((output, code), ("", 1))
            self.assertEqual(errors, f"error: {message}\n")

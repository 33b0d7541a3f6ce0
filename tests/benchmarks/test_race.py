from pathlib import Path

import pytest

from benchmarks import race, tables
from keras_gan import cli, losses, networks
from tests.test_case import TestCase
from trainers import dcgan


class RaceTest(TestCase):
    def test_bad_input(self):
        for arguments, expected in (
            (["--candidates=default; fast", "--out=x"], r"Received: \['fast'\]"),
            ([], "--out is needed"),
            (["--out=x", "--dataset=folder:nowhere"], "nowhere"),
            (["--out=x", "--reference=folder:elsewhere"], "elsewhere"),
            (["--out=x", "--seconds=200"], "at most --final=180. Received: --seconds=200"),
        ):
            self.assertRegex(self.refusal(race.main, *arguments), expected)

    def test_candidates_are_flags_of_the_recipe(self):
        self.assertGreaterEqual(len(race.CANDIDATES), 30)
        for given in race.CANDIDATES.values():
            config, _ = cli.parse(dcgan.Config, "dcgan", "About.", list(given))
            losses.get(config.loss)

    def test_halves(self):
        runs = []

        def run(name, seconds, seed):
            runs.append((name, seconds, seed))
            return {"first": None if name == "b" else ord(name[0]) / seconds}

        race.halve(["b", "c", "a", "d", "default"], race.Config(seconds=50.0, final=180.0, finalists=1, seeds=2), run)
        rounds = {seconds: [name for name, each, _ in runs if each == seconds] for seconds in (50.0, 100.0, 180.0)}
        # Of five the better three, of three two; one that failed comes last, and the default to the end.
        self.assertEqual(rounds[50.0], ["b", "c", "a", "d", "default"])
        self.assertEqual(rounds[100.0], ["a", "c", "d"])
        self.assertEqual(rounds[180.0], ["a", "c", "default", "a", "default", "a"])

    def test_table(self):
        def result(name, seconds, first, seed=0, error=None):
            found = {"candidate": name, "dataset": "mnist5k", "seconds": seconds, "seed": seed, "steps": 10}
            return {**found, "first": first, "second": None, **({"error": error} if error else {})}

        results = [result("a", 60.0, 2.0), result("b", 60.0, None, error="nan"), result("c", 60.0, 1.0)]
        results += [result("c", 180.0, 0.5), result("c", 180.0, 0.7, seed=1)]
        lines = race.render({"results": results}).splitlines()[2:]
        self.assertEqual(lines[0], "| mnist5k | 180 | c | 2 | 10 | 0.6 +- 0.1 |  |")
        self.assertEqual([line.split("|")[3].strip() for line in lines], ["c", "c", "a", "b"])
        self.assertIn("nan", lines[3])

    def test_keeps_a_share(self):
        runs = []

        def run(name, seconds, seed):
            runs.append((seconds, name))
            return {"first": ord(name[0])}

        race.halve(list("abcdefgh"), race.Config(seconds=30.0, final=60.0, keep=0.2, finalists=1, seeds=1), run)
        self.assertEqual([name for seconds, name in runs[8:]], ["a", "b", "default", "a"])

    def test_faces_are_judged_by_their_attributes_too(self):
        file = Path(self.path("generator.keras"))
        networks.DCGANGenerator((64, 64, 3), latent_dim=2, filters=2).save(file)
        found = race.judge(file.parent, race.Config(dataset="faces", samples=50))
        self.assertIsNone(found["second"])
        self.assertGreater(found["first"], 0.0)
        # An untrained generator makes hardly more than one of the combinations.
        self.assertBetween(found["attributes"], 0.8, 1.0)

    @pytest.mark.slow
    def test_two_candidates(self):
        out = Path(self.path("out"))
        arguments = [f"--out={out}", "--candidates=16 filters; R1 3", "--seconds=12", "--final=12", "--finalists=1"]
        arguments += ["--seeds=1", "--samples=100", "--more=--precision=float32"]
        text = self.run_main(race.main, *arguments)
        self.assertIn("| mnist5k | 12 | default | 1 |", text)
        _, results = tables.read_lines(out / "results.jsonl")
        self.assertEqual({each["candidate"] for each in results}, {"16 filters", "R1 3", "default"})
        for each in results:
            self.assertGreater(each["steps"], 0)
            self.assertGreater(min(each["first"], each["second"]), 0.0)
        before = (out / "results.jsonl").read_bytes()
        self.run_main(race.main, *arguments)
        self.assertEqual((out / "results.jsonl").read_bytes(), before)

"""tools/figures on a record that caviar-bench (the argument) makes here, and on one beside other programs."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parent.parent
BENCH = sys.argv.pop()


def peers(date, rate):
    row = {"version": "1", "threads": 1, "processes": 1, "mean_loss": 0.5}
    return {"schema": "caviar-peers-1", "warnings": [],
            "header": {"date": date, "commit": "abc", "device": {"name": "cpu", "description": "a_device"}},
            "case": {"models": 64, "shape": "784-64-64-10", "batch": 128, "steps": 420},
            "rows": [row | {"name": "caviar", "model_steps_per_second": {"median": rate, "samples": [rate, rate + 9]}},
                     row | {"name": "a_peer", "model_steps_per_second": {"median": 1234.0, "samples": [1234.0]}}]}


def gpu_peers(config, share):
    record = peers("2026", 90000.0)
    record["header"]["device"] = {"name": "cuda:0", "description": "NVIDIA H100 80GB"}
    record["case"] |= {"config": config, "models": 1024}
    record["rows"][1] |= {"models": share}
    return record


def quality(date, seconds, name="caviar"):
    """One program and target with these seconds; None: a seed that did not reach it."""
    reached = [s for s in seconds if s is not None]
    late = [s if s is not None else float("inf") for s in seconds]
    median = sorted(late)[len(late) // 2]
    figures = {"median": None if median == float("inf") else median, "samples": seconds}
    epochs = {"median": figures["median"] and 2 * figures["median"], "samples": [s and 2 * s for s in seconds]}
    target = {"accuracy": 0.885, "reached": len(reached), "of": len(seconds), "seconds": figures, "model_epochs": epochs}
    return {"schema": "caviar-quality-1", "warnings": [],
            "header": {"date": date, "commit": "abc", "device": {"name": "cpu", "description": "a_device"}},
            "case": {"data": "some-data", "targets": [0.885]},
            "rows": [{"name": name, "version": "1", "targets": [target]}]}


def both(date, ours, theirs):
    record = quality(date, ours)
    return record | {"rows": record["rows"] + quality(date, theirs, "a_peer")["rows"]}


class Figures(unittest.TestCase):
    def draw(self, records):
        """The pictures by name, and what was said."""
        with tempfile.TemporaryDirectory() as folder:
            results, out = pathlib.Path(folder) / "results", pathlib.Path(folder) / "figures"
            results.mkdir()
            for name, record in records.items():
                (results / name).write_text(json.dumps(record))
            done = subprocess.run([sys.executable, ROOT / "tools" / "figures", "--results", results, "--out", out],
                                  capture_output=True, text=True)
            pictures = {path.name: path.read_text() for path in out.glob("*")} if out.exists() else {}
        return pictures, done

    @classmethod
    def setUpClass(cls):
        options = ("--trial --device cpu --threads 1 --models 1,3 --width 8 --batch 6 --inputs 12 --format json --filter "
                   "kernel/batch,kernel/opt,product/A.2.f,step/sweep").split()
        done = subprocess.run([BENCH, *options], capture_output=True, text=True, check=True)
        cls.record = json.loads(done.stdout)
        cls.record["header"]["device"]["description"] = "A(R) Device"

    def test_draws_a_picture_of_each_kind_with_the_record_named(self):
        measured = self.record | {"trial": False}
        pictures, done = self.draw({"2026-01-01-cpu-all.json": measured,
                                    "2026-01-02-cpu-peers.json": peers("2026", 5000.0),
                                    "2025-01-01-cpu-peers.json": peers("2025", 77.0), "other.json": {"what": "else"}})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(pictures), ["peers-cpu-a-device.svg", "roofline-cpu-a-device.svg", "sweep-cpu-a-device.svg"])
        self.assertIn("2026-01-01-cpu-all.json", pictures["roofline-cpu-a-device.svg"])
        for family in ("optimiser update", "batch norm", "products, fp32", "training steps"):
            self.assertIn(family, pictures["roofline-cpu-a-device.svg"])
        self.assertIn("12-8-8-10, batch 6", pictures["sweep-cpu-a-device.svg"])
        for text in ("5,000", "1,234", "4.05× slower", ">a_peer<", ">caviar<", ">1<"):
            self.assertIn(text, pictures["peers-cpu-a-device.svg"])
        self.assertNotIn(">77", pictures["peers-cpu-a-device.svg"])
        self.assertIn("other.json: left out", done.stdout)

    def test_draws_the_sweeps_of_both_engines(self):
        rows = self.record["rows"] + [row | {"name": "whole-" + row["name"]} for row in self.record["rows"]
                                      if row["name"].startswith("step/sweep")]
        pictures, done = self.draw({"2026-01-01-gpu-all.json": self.record | {"trial": False, "rows": rows}})
        self.assertEqual(done.returncode, 0, done.stderr)
        for text in (">12-8-8-10, batch 6, layered engine<", ">12-8-8-10, batch 6, whole-step engine<"):
            self.assertIn(text, pictures["sweep-cpu-a-device.svg"])

    def test_draws_a_picture_of_each_configuration_on_a_gpu(self):
        pictures, done = self.draw({"2026-01-02-cpu-peers.json": peers("2026", 5000.0),
                                    "2026-01-02-nvidia-h100-80gb-peers-A.json": gpu_peers("A", 16),
                                    "2026-01-02-nvidia-h100-80gb-peers-B.json": gpu_peers("B", 1024)})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(pictures), ["peers-cpu-a-device.svg", "peers-nvidia-h100-80gb-a.svg",
                                            "peers-nvidia-h100-80gb-b.svg"])
        for text in ("NVIDIA H100 80GB", ">a_peer<", ">1, 16 of the models<", "72.9× slower", "1024 models 784-64-64-10"):
            self.assertIn(text, pictures["peers-nvidia-h100-80gb-a.svg"])
        self.assertNotIn("of the models", pictures["peers-nvidia-h100-80gb-b.svg"])

    def test_draws_the_time_to_quality_and_says_which_seeds_never_came_there(self):
        records = {"2026-01-01-cpu-quality.json": both("2026", [4.0, 12.5, 15.0], [30.0, 50.0, None]),
                   "2025-01-01-cpu-quality.json": both("2025", [77.0, 77.0, 77.0], [77.0, 77.0, 77.0])}
        pictures, done = self.draw(records)
        self.assertEqual((done.returncode, sorted(pictures)), (0, ["quality-cpu-a-device.svg"]), done.stderr)
        picture = pictures["quality-cpu-a-device.svg"]
        for text in ("12.5 s, 25 model-epochs<", "50.0 s, 100 model-epochs (2 of 3 seeds)", "0.885", "some-data",
                     "caviar 1, a_peer 1", "2026-01-01-cpu-quality.json"):
            self.assertIn(text, picture)
        self.assertNotIn("77.0 s", picture)
        left = re.findall(r"translate\(([0-9.]+),", picture[:picture.index("2026-01-01-cpu-quality.json")])[-1]
        self.assertLess(float(left), 50, "the title begins at the picture's left end, or a long one runs off it")
        self.assertEqual(picture.count("<use xlink:href='#gpPt6'"), 5, "a point for each seed that came there")

    def test_a_target_that_most_seeds_missed_has_no_median(self):
        pictures, done = self.draw({"2026-01-01-cpu-quality.json": both("2026", [4.0, 5.0, 6.0], [30.0, None, None])})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("not by most seeds (1 of 3 seeds)", pictures["quality-cpu-a-device.svg"])
        pictures, done = self.draw({"2026-01-01-cpu-quality.json": both("2026", [None], [None])})
        self.assertEqual((done.returncode, pictures), (0, {}), done.stderr)
        self.assertIn("no search reached a target", done.stdout)

    def test_draws_nothing_from_a_trial(self):
        pictures, done = self.draw({"2026-01-01-cpu-all.json": self.record})
        self.assertEqual((pictures, done.returncode), ({}, 1))
        self.assertIn("it is a trial", done.stdout)


unittest.main()

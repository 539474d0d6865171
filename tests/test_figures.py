"""tools/figures on a record that caviar-bench (the argument) makes here, and on one beside other programs."""
import json
import pathlib
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

    def test_draws_a_picture_of_each_kind_with_the_record_named(self):
        measured = self.record | {"trial": False}
        pictures, done = self.draw({"2026-01-01-cpu-all.json": measured,
                                    "2026-01-02-cpu-peers.json": peers("2026", 5000.0),
                                    "2025-01-01-cpu-peers.json": peers("2025", 77.0), "other.json": {"what": "else"}})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(pictures), ["peers-cpu.svg", "roofline-cpu.svg", "sweep-cpu.svg"])
        self.assertIn("2026-01-01-cpu-all.json", pictures["roofline-cpu.svg"])
        for family in ("optimiser update", "batch norm", "products, fp32", "training steps"):
            self.assertIn(family, pictures["roofline-cpu.svg"])
        self.assertIn("12-8-8-10, batch 6", pictures["sweep-cpu.svg"])
        for text in ("5,000", "1,234", "4.05× slower", "a_peer 1", "caviar 1"):
            self.assertIn(text, pictures["peers-cpu.svg"])
        self.assertNotIn(">77", pictures["peers-cpu.svg"])
        self.assertIn("other.json: left out", done.stdout)

    def test_draws_a_picture_of_each_configuration_on_a_gpu(self):
        pictures, done = self.draw({"2026-01-02-cpu-peers.json": peers("2026", 5000.0),
                                    "2026-01-02-nvidia-h100-80gb-peers-A.json": gpu_peers("A", 16),
                                    "2026-01-02-nvidia-h100-80gb-peers-B.json": gpu_peers("B", 1024)})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(pictures), ["peers-cpu.svg", "peers-nvidia-h100-80gb-a.svg",
                                            "peers-nvidia-h100-80gb-b.svg"])
        for text in ("NVIDIA H100 80GB", "a_peer 1 (16 of the models)", "72.9× slower", "1024 models 784-64-64-10"):
            self.assertIn(text, pictures["peers-nvidia-h100-80gb-a.svg"])
        self.assertNotIn("of the models", pictures["peers-nvidia-h100-80gb-b.svg"])

    def test_draws_nothing_from_a_trial(self):
        pictures, done = self.draw({"2026-01-01-cpu-all.json": self.record})
        self.assertEqual((pictures, done.returncode), ({}, 1))
        self.assertIn("it is a trial", done.stdout)


unittest.main()

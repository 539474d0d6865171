"""bench/peers/run with programs in the places of caviar-bench and of the peers, which tell how they were called; and
what caviar-bench itself (the argument) says to it."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

RUN = pathlib.Path(__file__).parent.parent / "bench" / "peers" / "run"
BENCH = sys.argv.pop()

# What both stand-ins begin with: a log of the calls, arguments by name, and the losses of model k in step s.
COMMON = f"""#!{sys.executable}
import json, os, pathlib, sys
folder = pathlib.Path(__file__).parent
with open(folder / "log", "a") as log:
    print(pathlib.Path(__file__).name, *sys.argv[1:], file=log)
def argument(name, default):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default
def result(name, models, seconds, change=lambda loss, step, model: loss, **more):
    first = [[change(2 + 0.1 * k - 0.01 * s, s, k) for k in range(models)] for s in range(10)]
    last = [change(1 + 0.1 * k, 100, k) for k in range(models)]
    print(json.dumps({{"name": name, "version": "1", "models": models, "shape": "i-w-w-10", "batch": 128, "steps": 101,
                      "model_steps_per_second": models * 101 / seconds, "threads": 1, "first_losses": first,
                      "last_losses": last, "mean_loss": sum(last) / models, **more}}))
"""
CAVIAR = COMMON + """
if "--header" in sys.argv:
    device = argument("--device", "")
    if (folder / "no-gpu").exists():
        sys.exit("caviar-bench: no GPU here")
    print(json.dumps({"header": {"date": "2026-01-02T03:04:05Z", "build": {"commit": "abc"}, "device": {"name": device,
                      "description": "NVIDIA H100 80GB", "slug": "a-device", "gpu": {"nvml": {"driver": "999.1"}}}}, "warnings": ["warm"]}))
elif "--case" in sys.argv:
    case = pathlib.Path(argument("--case", ""))
    case.mkdir()
    (case / "models").write_text(argument("--models", ""))
else:
    result("caviar", int(argument("--models", 0)), 0.5)
"""
# `changes`, a file beside it, has a function from (loss, step, model) for each script that shall not agree,
# or None for one that fails.
PEER = COMMON + """
name = pathlib.Path(__file__).name
models = int(argument("--models", pathlib.Path(sys.argv[1], "models").read_text()))
changes = eval((folder / "changes").read_text()) if (folder / "changes").exists() else {}
if name in changes and changes[name] is None:
    sys.exit("Traceback\\nRuntimeError: no CUDA in this library")
assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0"
result(" ".join([name, *sys.argv[2:]]), models, 100.0 / float(argument("--threads", 1)),
       changes.get(name, lambda loss, step, model: loss))
"""


class Peers(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name) / "bench" / "peers"
        self.folder.mkdir(parents=True)
        for part in ("run", "header.py"):
            shutil.copy(RUN.parent / part, self.folder / part)
        for name in ("pytorch_loop", "pytorch_vmap", "jax_vmap", "sklearn_mlp"):
            (self.folder / f"{name}.py").write_text(PEER)
        (self.folder / "common.py").write_text("def write_small_images(folder):\n    return 'small.npy,labels.npy'\n")
        self.caviar = self.folder / "caviar"
        self.caviar.write_text(CAVIAR)
        self.caviar.chmod(0o755)

    def tearDown(self):
        self.scratch.cleanup()

    def run_it(self, *options, bench=None, **environment):
        """How it ended, and the record that it left by its file's name."""
        done = subprocess.run([sys.executable, self.folder / "run", "--caviar-bench", bench or self.caviar, "--out",
                               self.folder, *options], capture_output=True, text=True, env=os.environ | environment)
        records = {path.name: json.loads(path.read_text()) for path in self.folder.glob("*.json")}
        return done, records

    def calls(self, of):
        log = self.folder / "log"
        return [line for line in log.read_text().splitlines() if line.startswith(of)] if log.exists() else []

    def test_on_a_gpu_loops_train_a_share_and_all_is_recorded_under_the_gpus_name(self):
        done, records = self.run_it("--device", "cuda", "--models", "8", "--models-share", "3", "--rounds", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(list(records), ["2026-01-02-a-device-peers-A.json"])
        record = records.popitem()[1]
        self.assertEqual(record["header"]["device"]["gpu"]["nvml"]["driver"], "999.1")
        self.assertEqual(record["warnings"], ["warm"])
        self.assertEqual(record["case"], {"models": 8, "shape": "i-w-w-10", "batch": 128, "steps": 101, "config": "A",
                                          "data": "fashion-mnist", "precision": "fp32"})
        rows = record["rows"]
        self.assertEqual([(r["name"], r["models"], r.get("target_ratio"), r["threads"]) for r in rows], [
            ("caviar", 8, None, None),
            ("pytorch_loop.py --device cuda --models 3", 3, 300, None),
            ("pytorch_loop.py --device cuda --graph --models 3", 3, 50, None),
            ("pytorch_vmap.py --device cuda", 8, None, None),
            ("jax_vmap.py --device cuda", 8, 1.1, None),
            ("pytorch_vmap.py --device cuda --compile", 8, 1.1, None)])
        # 8 models in 0.5 s against 3 in 100 s.
        self.assertAlmostEqual(rows[1]["ratio"]["median"], 8 / 0.5 / (3 / 100))
        self.assertEqual(len(rows[1]["ratio"]["samples"]), 2)
        self.assertAlmostEqual(rows[1]["mean_loss_of_caviar"], 1.1)
        self.assertEqual([r["first_losses_difference"] for r in rows[1:]], [0] * 5)
        self.assertIn("caviar peer --device cuda:0 --data fashion-mnist --width 64 --batch 128 --models 8 --steps 420",
                      self.calls("caviar peer"))

    def test_another_engine_has_its_own_record(self):
        done, records = self.run_it("--device", "cuda", "--models", "2", "--rounds", "1", "--engine", "whole-step")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(records["2026-01-02-a-device-peers-A-whole-step.json"]["case"]["engine"], "whole-step")
        for call in self.calls("caviar peer"):
            self.assertIn("--engine whole-step", call)

    def test_configuration_b_has_its_own_images_and_targets(self):
        done, records = self.run_it("--device", "cuda", "--config", "B", "--models", "2", "--rounds", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        record = records["2026-01-02-a-device-peers-B.json"]
        self.assertEqual([r.get("target_ratio") for r in record["rows"]], [None, 300, 50, None, 1.2, 1.2])
        self.assertEqual(record["case"]["data"], "fashion-mnist in 8x8")
        for call in self.calls("caviar peer"):
            self.assertIn("--data small.npy,labels.npy", call)

    def test_on_the_cpu_each_peer_gets_its_best_number_of_threads(self):
        done, records = self.run_it("--models", "2", "--rounds", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        cores = len(os.sched_getaffinity(0))
        names = [r["name"] for r in records["2026-01-02-a-device-peers.json"]["rows"]]
        self.assertEqual(names[1:3], [f"pytorch_loop.py --device cpu --threads {cores}",
                                      f"pytorch_loop.py --device cpu --processes {cores} --threads 1"])
        self.assertEqual(len(names), 7)
        self.assertNotIn("cuda", " ".join(self.calls("")))

    def test_on_the_cpu_caviar_runs_right_before_each_peer(self):
        done, records = self.run_it("--models", "64", "--rounds", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = records["2026-01-02-a-device-peers.json"]["rows"]
        self.assertEqual([len(r["model_steps_per_second"]["samples"]) for r in rows], [12] + [2] * 6)
        measured = [line for line in self.calls("") if not line.startswith("caviar --header") and "--case" not in line
                    and "/trial" not in line]
        self.assertEqual([line.split(" ")[0] == "caviar" for line in measured], [True, False] * 12)

    def test_work_that_is_not_equal_ends_with_1_and_the_names(self):
        changes = {"pytorch_vmap.py": "lambda loss, step, model: loss * (1.0002 if step == 1 and model == 1 else 1)",
                   "jax_vmap.py": "lambda loss, step, model: float('nan') if step == 1 and model == 0 else loss",
                   "pytorch_loop.py": "lambda loss, step, model: loss * 1.02 if step == 100 else loss"}
        for script, change in changes.items():
            with self.subTest(script):
                (self.folder / "changes").write_text(f"{{'{script}': {change}}}")
                done, records = self.run_it("--device", "cuda", "--models", "4", "--rounds", "1")
                self.assertEqual(done.returncode, 1)
                line = done.stderr.splitlines()[-1]
                self.assertIn("not the same work", line)
                for other in changes:
                    self.assertEqual(other in line, other == script, line)
                self.assertEqual(len(records), 1, "what was measured is kept")

    def test_rounding_that_grew_is_no_other_work(self):
        (self.folder / "changes").write_text("{'jax_vmap.py': lambda loss, step, model: loss * (1.002 if step else 1)"
                                             " if step == 3 else loss}")
        done, _ = self.run_it("--device", "cuda", "--models", "4", "--rounds", "1")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_peer_that_fails_is_left_out_with_its_reason_and_not_run_again(self):
        (self.folder / "changes").write_text("{'jax_vmap.py': None}")
        done, records = self.run_it("--device", "cuda", "--models", "4", "--rounds", "3")
        self.assertEqual(done.returncode, 0, done.stderr)
        record = records.popitem()[1]
        self.assertEqual(record["warnings"][1:], ["jax_vmap.py, round 1: RuntimeError: no CUDA in this library"])
        self.assertEqual(len(record["rows"]), 5)
        self.assertEqual(len(self.calls("jax_vmap")), 1)
        self.assertEqual(len(self.calls("pytorch_vmap")), 6)

    def test_a_run_that_is_ended_leaves_what_it_has_and_says_so(self):
        (self.folder / "changes").write_text("{'jax_vmap.py': lambda *_: os.kill(os.getppid(), 9)}")
        done, records = self.run_it("--device", "cuda", "--models", "4", "--rounds", "2")
        self.assertEqual(done.returncode, -9)
        record = records.popitem()[1]
        self.assertEqual([r["name"].split()[0] for r in record["rows"]],
                         ["caviar", "pytorch_loop.py", "pytorch_loop.py", "pytorch_vmap.py"])
        self.assertIn("the run had not finished", record["warnings"][-1])

    def test_without_peers_there_is_nothing_to_compare(self):
        (self.folder / "changes").write_text("{'jax_vmap.py': None}")
        done, _ = self.run_it("--device", "cuda", "--models", "4", "--filter", "jax")
        self.assertEqual((done.returncode, done.stderr.splitlines()[-1]), (1, "run: no peer ran"))

    def test_without_a_gpu_it_says_so_in_a_line_before_any_work(self):
        (self.folder / "no-gpu").touch()
        done, records = self.run_it("--device", "cuda", "--config", "A")
        self.assertEqual((done.returncode, records), (2, {}))
        self.assertEqual(done.stderr, "run: --device cuda: caviar-bench: no GPU here\n")
        self.assertEqual(self.calls(""), ["caviar --header --device cuda:0"])

    def test_caviar_bench_says_what_is_missing_for_a_gpu(self):
        done, records = self.run_it("--device", "cuda", bench=BENCH, CUDA_VISIBLE_DEVICES="")
        self.assertEqual((done.returncode, records), (2, {}))
        self.assertRegex(done.stderr, r"^run: --device cuda: caviar-bench: cuda:0: [^\n]*\n$")

    def test_without_caviar_bench_it_says_how_to_build_it(self):
        done, _ = self.run_it("--device", "cuda", bench="nowhere/caviar-bench")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"^run: nowhere/caviar-bench is not there: cmake [^\n]*\n$")

    def test_a_folder_that_is_not_there_is_told_before_any_work(self):
        done, _ = self.run_it("--device", "cuda", "--out", "nowhere")
        self.assertEqual((done.returncode, self.calls("")), (2, []))
        self.assertRegex(done.stderr, r"^run: --out nowhere is no folder [^\n]*\n$")

    def test_caviar_bench_tells_the_header_of_its_records(self):
        done = subprocess.run([BENCH, "--header", "--device", "cpu"], capture_output=True, text=True, check=True)
        known = json.loads(done.stdout)
        self.assertEqual(known["header"]["device"]["name"], "cpu")
        self.assertRegex(known["header"]["date"], r"^\d{4}-\d\d-\d\dT")
        self.assertIn("commit", known["header"]["build"])
        self.assertIsInstance(known["warnings"], list)


unittest.main()

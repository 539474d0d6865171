"""README quotes what its records show: each figure is worked out from the record anew and looked for in the text."""
import json
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).parent.parent
README = " ".join((ROOT / "README.md").read_text().split())


def record(ending):
    """The record that README links to whose name ends like this."""
    paths = set(re.findall(rf"\(bench/results/([\w.-]*{ending}\.json)\)", README))
    assert len(paths) == 1, f"README links to {len(paths)} records *{ending}.json"
    return json.loads((ROOT / "bench" / "results" / paths.pop()).read_text())


def row(document, name):
    found = [row for row in document["rows"] if row["name"].startswith(name)]
    assert len(found) == 1, f"{len(found)} rows {name}"
    return found[0]


def rate(measured):
    return measured["model_steps_per_second"]["median"]


def rounded(number, digits):
    """To so many significant digits, with commas between thousands."""
    return f"{float(f'{number:.{digits}g}'):,.0f}"


def times(ratio):
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.2f}"


class Readme(unittest.TestCase):
    def quotes(self, *texts):
        for text in texts:
            self.assertTrue(text in README, f"README does not have what the record shows: {text}")

    def test_what_it_links_to_is_there(self):
        for path in re.findall(r"\]\((?!http)([^)#]+)\)", README):
            self.assertTrue((ROOT / path).exists(), path)

    def test_demo(self):
        demo = record("cpu-intel-xeon-processor-demo")
        speed = demo["throughput"]
        self.quotes(f"{speed['model_steps']} models x steps in {speed['seconds']:.1f} s: "
                    f"{speed['model_steps_per_second']:.0f} models x steps/s test accuracy {demo['test']['accuracy']:.4f}")
        best = sorted(demo["trials"], key=lambda trial: -trial["validation"]["accuracy"])
        for rank, trial in enumerate(best[:3], 1):
            self.quotes(f"{rank} {trial['number']} {trial['round']} {trial['validation']['accuracy']:.4f} "
                        f"{trial['validation']['loss']:.4f} {trial['best_epoch']:.3g} "
                        f"{trial['hyperparameters']['optimizer']} ")

    def test_checks_on_a_gpu(self):
        check = record("h100-80gb-hbm3-gpu-check")
        cases = {entry["name"]: entry for entry in check["checks"]}["conformance"]
        self.assertEqual((check["failed"], check["skipped"], cases["cases"]), (0, 0, cases["cases_in_all"]))
        self.quotes(f"all of it passed in {check['seconds']:.0f} seconds", f"{cases['cases']} conformance cases",
                    f"commit {check['commit']}", f"commit {record('h200-gpu-check')['commit']}")

    def test_peers_on_a_gpu(self):
        a, b = (record(f"h100-80gb-hbm3-peers-{config}") for config in "AB")
        labels = {"PyTorch, one model after another": "PyTorch 2.11, one model after another",
                  "PyTorch, one model after another, CUDA graph": "the same, each step a CUDA graph",
                  "PyTorch vmap": "PyTorch `torch.func.vmap`",
                  "PyTorch vmap, compiled": "PyTorch `torch.func.vmap`, compiled with its products tuned",
                  "JAX vmap and scan": "JAX 0.11 `vmap` and `scan`"}
        self.assertEqual([entry["name"] for entry in a["rows"] if entry["name"] not in labels], ["caviar"])
        for document in (a, b):
            self.assertLess(max(entry.get("first_losses_difference", 0) for entry in document["rows"]), 1e-5)
        for name, label in labels.items():
            ratios = [entry["ratio"]["median"] for document in (a, b) for entry in document["rows"]
                      if entry["name"] == name]
            self.quotes("| {} | {} | {} |".format(label, *map(times, ratios)))
        self.quotes(f"at {rounded(rate(row(a, 'caviar')), 3)} and {rounded(rate(row(b, 'caviar')), 3)} it is faster")

    def test_suite_on_a_gpu(self):
        suite = record("h100-80gb-hbm3-all")
        for config in "ABC":
            step = row(suite, f"step/{config} ")
            self.quotes(f"| {1e3 * step['warm']['median']:.2f} ms | {rounded(step['models_times_steps_per_second'], 3)} | "
                        f"{100 * step['of_floor']:.0f}% |")
        whole = [row(suite, f"whole-step/{config} ")["models_times_steps_per_second"] for config in "AB"]
        self.quotes("at {} and {} models x steps a second".format(*(rounded(number, 3) for number in whole)))
        of_copy = {name: f"{100 * row(suite, f'kernel/{name} ')['of_copy']:.0f}%" for name in
                   ("optimizer_update models=1024", "batch_norm_forward models=16384",
                    "batch_norm_backward models=16384", "softmax_cross_entropy models=16384")}
        self.quotes("the optimiser reaches {} (1024 models), batch norm {} forward and {} backward, softmax with "
                    "cross-entropy {} (16,384 models)".format(*of_copy.values()))
        older = record("h200-kernels-and-steps")
        steps = [row(older, f"step/{config} ")["models_times_steps_per_second"] for config in "ABC"]
        self.quotes("the layered engine makes {}, {} and {}".format(*(rounded(number, 3) for number in steps)))

    def test_peers_on_two_cpus(self):
        amd, intel = record("cpu-amd-epyc-peers"), record("cpu-intel-xeon-processor-peers")
        self.quotes(f"{rate(row(amd, 'caviar')):.0f} models x steps a second on an AMD EPYC",
                    f"{rate(row(intel, 'caviar')):.0f} on an Intel Xeon")
        labels = {"PyTorch, one model after another": "PyTorch 2.15, one model after another",
                  "PyTorch, a process a core": "PyTorch, a process a core",
                  "PyTorch vmap": "PyTorch `torch.func.vmap`",
                  "PyTorch vmap, compiled": "PyTorch `torch.func.vmap`, compiled",
                  "JAX vmap and scan": "JAX 0.10 `vmap` and `scan`"}
        for name, label in labels.items():
            ratios = [entry["ratio"] for document in (amd, intel) for entry in document["rows"] if entry["name"] == name]
            self.quotes(f"| {label} | " + " | ".join(
                f"{times(r['median'])} ({times(r['min'])} to {times(r['max'])})" for r in ratios) + " |")

    def test_suite_on_two_cpus(self):
        said = []
        for processor in ("amd-epyc", "intel-xeon-processor"):
            rates = {int(found[1]): entry["models_times_steps_per_second"]
                     for entry in record(f"cpu-{processor}-all")["rows"]
                     if (found := re.match(r"step/sweep models=(\d+) width=64 batch=128 ", entry["name"]))
                     and int(found[1]) >= 16 and entry["verdict"] == "ok"}
            low, high = (rounded(end, 3).replace(",", "") for end in (min(rates.values()), max(rates.values())))
            said.append(f"between {low} and {high} (16 to {max(rates):,} at once)")
        self.quotes("{} on the EPYC, and {} on the Xeon".format(*said))

    def test_time_to_quality(self):
        quality = record("cpu-intel-xeon-processor-quality")
        seconds = [", ".join(f"{target['seconds']['median']:.1f}" for target in program["targets"])
                   for program in quality["rows"]]
        ours, theirs = (" and ".join(text.rsplit(", ", 1)) for text in seconds)
        self.quotes(f"caviar {ours} for 0.88, 0.89 and 0.895, Optuna with PyTorch {theirs}.")


if __name__ == "__main__":
    unittest.main()

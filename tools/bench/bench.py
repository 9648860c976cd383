"""Times networks in qcc, ONNX Runtime and OpenVINO, in one run, by turns.

Networks: resnet50 mobilenetv2 mobilenetv3-large efficientnet-b0, bert-base-128
bert-base-384 lstm gru, which are written here with random weights, and
mobilenetv2-trained squeezenet-trained of the shared models. Without a name: the first
four. What the columns mean: docs/benchmarks.md."""

import argparse
import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np

import compiling
import engines as kinds
import networks
import plot
import prepare
import report
from measure import Engine, take_turns

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# name: (worker's kind, which model, precision where the engine does not choose it)
PEERS = {
    "ort-int8": ("onnxruntime", "qdq_model", "int8"),
    "ort-dynamic": ("onnxruntime", "dynamic_model", "int8"),
    "ort-fp32": ("onnxruntime", "float_model", "fp32"),
    "openvino-int8": ("openvino", "qdq_model", None),
    "openvino-float": ("openvino", "float_model", None),
}
CONVOLUTIONAL = ["ort-int8", "ort-fp32", "openvino-int8", "openvino-float", "qcc-int8", "qcc-fp32"]
SEQUENCES = ["ort-dynamic", "ort-fp32", "openvino-int8", "openvino-float", "qcc-dynamic", "qcc-int4", "qcc-fp32", "qcc-bf16"]


def fail(what):
    sys.exit(f"bench: error: {what}")


def listed(text):
    return [word for word in text.split(",") if word]


def arguments():
    parser = argparse.ArgumentParser(prog="tools/bench/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("networks", nargs="*", metavar="NETWORK")
    add("--model", metavar="FILE.onnx", action="append", default=[], help="a model of your own (repeatable)")
    add("--calib", metavar="FILE.npz", help="calibration data of --model; default: random")
    add("--threads", metavar="LIST", default="1,2", help="numbers of threads (default: 1,2)")
    default = f"{' '.join(CONVOLUTIONAL)}; without convolutions {' '.join(SEQUENCES)}"
    add("--engines", metavar="LIST", help=f"of {' '.join([*PEERS, *compiling.VARIANTS])}; default: {default}")
    add("--isa", metavar="LIST", default="", help="also time qcc's rows with these variants forced (words of --march)")
    add("--seconds", metavar="S", type=float, default=4.0, help="for each row (default: 4)")
    add("--clock", choices=["wall", "cpu"], default="wall", help="cpu: processor time, for one thread on a busy machine (default: wall)")
    add("--cores", metavar="LIST", help="the processors to use (default: the last ones that may be used)")
    add("--build", metavar="DIR", default=os.environ.get("QCC_BUILD", ROOT / "build/release"), help="qcc's build folder")
    add("--qcc-options", metavar="WORDS", default="", help="more options for qcc, such as '-j 2'")
    add("--layers", action="store_true", help="print the time of each layer of qcc's rows, too")
    add("--out", metavar="DIR", default=ROOT / "build/bench", help="where models and results go (default: build/bench)")
    given = parser.parse_args()
    known = [*networks.WRITTEN, *networks.TRAINED]
    for name in given.networks:
        if name not in known:
            fail(f"no network '{name}'; there are: {' '.join(known)}, and --model FILE.onnx")
    if given.calib and len(given.model) != 1:
        fail("--calib goes with one --model")
    given.engines = listed(given.engines or "")
    for name in given.engines:
        if name not in PEERS and name not in compiling.VARIANTS:
            fail(f"no engine '{name}'")
    if given.clock == "cpu" and given.threads != "1":
        fail("--clock=cpu goes with --threads=1: what threads take together is not how long one waits")
    given.threads, given.isa = [int(n) for n in listed(given.threads)], listed(given.isa)
    given.out, given.build = Path(given.out).resolve(), Path(given.build).resolve()
    return given


def choose_cores(given):
    allowed = sorted(os.sched_getaffinity(0))
    cores = [int(n) for n in listed(given.cores)] if given.cores else allowed[::-1]
    if not set(cores) <= set(allowed):
        fail(f"--cores={given.cores}: this process may use {allowed}")
    usable = [n for n in given.threads if n <= len(cores)]
    for n in set(given.threads) - set(usable):
        print(f"skipped: {n} threads need {n} processors, there are {len(cores)}")
    return cores, usable


def missing_engines(given):
    """The ones whose package is not there, which is said; qcc must be."""
    needed, missing = given.build / "bin/qcc", []
    if any(n.startswith("openvino") for n in given.engines or PEERS) and not importlib.util.find_spec("openvino"):
        print("skipped: OpenVINO is not installed")
        missing = [n for n in PEERS if n.startswith("openvino")]
    if any(n in compiling.VARIANTS for n in given.engines or compiling.VARIANTS) and not needed.exists():
        fail(f"{needed} is not there: build it (cmake --preset release && cmake --build --preset release), "
             "name another --build, or choose --engines without qcc")  # fmt: skip
    return missing


def build_peak(out):
    library = out / "peak.so"
    if platform.machine() != "x86_64":
        print("skipped: the peak of multiply-adds is measured on x86-64 only")
        return None
    command = ["cc", "-O2", "-shared", "-fPIC", HERE / "peak.c", "-o", library, "-pthread"]
    if subprocess.run(command).returncode:
        fail("peak.c does not compile (see above)")
    return library


class Bench:
    def __init__(self, given):
        self.given = given
        self.cores, self.threads = choose_cores(given)
        self.missing = missing_engines(given)
        given.out.mkdir(parents=True, exist_ok=True)
        self.peak = build_peak(given.out)
        self.rows, self.compiled, self.layers, self.networks, self.peaks = [], [], [], {}, []
        self.text = self.layers_text = ""

    def all_networks(self):
        given = self.given
        names = given.networks or ([] if given.model else list(networks.WRITTEN))
        for name in names:
            if name in networks.TRAINED and not prepare.trained_files(name)[0].exists():
                print(f"skipped: {name}: {prepare.trained_files(name)[0]} is not there; set QCC_SHARED")
                continue
            yield prepare.prepare(name, given.out / name)
        for model in given.model:
            path = Path(model)
            if not path.is_file():
                fail(f"{model}: no such file")
            yield prepare.prepare(path.stem, given.out / f"{path.stem}.given", path, given.calib)

    def run(self):
        """Writes the result after each network, so that one that ends the run takes no other with it."""
        for network in self.all_networks():
            self.networks[network.name] = {k: v for k, v in network.facts.items() if k != "stamp"}
            self.wanted = self.choose_engines(network)
            objects = self.compile(network)
            for threads in self.threads:
                print(f"{network.name}: timing with {report.threads_text(threads)}", flush=True)
                self.time(network, objects, threads)
            self.profile(network, objects)
            self.write()
        if not self.text:
            self.write()

    def choose_engines(self, network):
        default = CONVOLUTIONAL if network.facts["convolutions"] else SEQUENCES
        wanted = [n for n in self.given.engines or default if n not in self.missing]
        models = {n: PEERS[n][1] if n in PEERS else compiling.VARIANTS[n][0] for n in wanted}
        for name in [n for n in wanted if not getattr(network, models[n]).exists()]:
            print(f"skipped: {network.name}: ONNX Runtime's tool makes no model for {name}")
            wanted.remove(name)
        return wanted

    def write(self):
        result = self.result()
        report.complete(result)
        out, self.text, self.layers_text = self.given.out, report.text(result), report.layers_text(result)
        files = {
            "bench.json": json.dumps(result, indent=1) + "\n", "bench.txt": self.text + self.layers_text,
            "bench.svg": plot.svg(result),
        }  # fmt: skip
        for name, text in files.items():
            (out / f".{name}").write_text(text)
            (out / f".{name}").rename(out / name)

    def compile(self, network):
        objects = {}
        for name in (n for n in self.wanted if n in compiling.VARIANTS):
            print(f"{network.name}: compiling {name}", flush=True)
            options = self.given.qcc_options.split()
            objects[name] = compiling.Compiled(self.given.build / "bin/qcc", name, network, options)
            if not objects[name].error:
                self.compiled.append(objects[name].facts)
        return objects

    def time(self, network, objects, threads):
        common = {"network": network, "threads": threads, "cores": self.cores[:threads], "clock": self.given.clock}
        turns = []
        for name in self.wanted:
            if name in PEERS:
                kind, model, precision = PEERS[name]
                turns.append(Engine(name, kind, getattr(network, model), precision=precision, **common))
                continue
            built = objects[name]
            if built.error:
                row = {"network": network.name, "engine": name, "precision": built.precision, "threads": threads}
                self.rows.append({**row, "error": built.error})
                continue
            turns.append(Engine(name, "qcc", built.path, precision=built.precision, **common))
            for isa in self.given.isa:
                forced = {"precision": built.precision, "environment": {"QCC_ISA": isa}}
                turns.append(Engine(f"{name} as {isa}", "qcc", built.path, **forced, **common))
        peaks = self.peak_engines(network, threads)
        take_turns([*turns, *peaks], self.given.seconds)
        for p in peaks:
            if p.rate:
                self.peaks.append({"network": network.name, "threads": threads, "isa": p.isa, "precision": p.precision, "gmacs": p.rate})
        reference = self.reference(network)
        self.rows += [engine.row(network, reference) for engine in turns]

    def peak_engines(self, network, threads):
        if not self.peak:
            return []
        words = [(i, p) for i in {kinds.processor_isa(), *self.given.isa} for p in ("int8", "fp32", "bf16")]
        common = {"network": network, "threads": threads, "cores": self.cores[:threads]}
        return [Engine(f"peak-{i}-{p}", "peak", self.peak, precision=p, isa=i, **common) for i, p in sorted(words)]

    def reference(self, network):
        if not hasattr(network, "expected"):
            session = prepare.session(str(network.float_model), optimise=False)
            values = session.run(None, dict(np.load(network.input)))
            network.expected = dict(zip([o.name for o in session.get_outputs()], values))
        return network.expected

    def profile(self, network, objects):
        for name, built in objects.items():
            if not built.error:
                told = compiling.profile(self.given.build / "bin/qcc-run", built.path, self.given.seconds, self.cores[0])
                self.layers.append({"network": network.name, "engine": name, "precision": built.precision, **told})

    def result(self):
        packages = ["onnxruntime", "openvino", "onnx", "numpy"]
        installed = {p: importlib.metadata.version(p) for p in packages if importlib.util.find_spec(p)}
        machine = {
            "processor": report.processor_name(), "isa": kinds.processor_isa(), "cores": self.cores,
            "kernel": platform.release(), "clock": self.given.clock, "load": os.getloadavg()[0], "versions": installed,
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        }  # fmt: skip
        return {
            "machine": machine, "networks": self.networks, "peaks": self.peaks, "rows": self.rows,
            "compiled": self.compiled, "layers": self.layers,
        }  # fmt: skip


def main():
    given = arguments()
    bench, whole = Bench(given), True
    try:
        bench.run()
    except KeyboardInterrupt:
        if not bench.text:
            fail("interrupted before a network was finished")
        whole = False
        print("\ninterrupted: what follows are the networks that were finished")
    print("\n" + bench.text + (bench.layers_text if given.layers else ""))
    print(f"{given.out}/bench.txt (with the layers), bench.json, bench.svg")
    return not whole or any("error" in row for row in bench.rows)


if __name__ == "__main__":
    sys.exit(main())

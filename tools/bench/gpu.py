"""usage: gpu.py [--batches 1,32] [--seconds S] [--out FOLDER] [--dry-run | --prepared] [--model FILE.onnx --calib FILE.npz]

Times ResNet-50 in int8 on an NVIDIA GPU: qcc, ONNX Runtime's CUDA provider on the same quantised model and on the
float one, and PyTorch in float16 with channels last, as a graph. All go from page-locked memory of the host to
memory of the host, by turns in one run. The result is a table in FOLDER/gpu.md (build/bench), which says what was timed and where.
Without a GPU, --dry-run prepares and compiles everything and times nothing; its table has no numbers. --prepared times
what a dry run left in FOLDER, on a machine without qcc; the float models it writes again if they were not brought.
Exit status: 2 without a GPU, 1 where a row has no time.

Run it with build/venv-bench/bin/python; ONNX Runtime's CUDA provider is in the package onnxruntime-gpu. Where that or
torch is missing, the rows say so."""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

import networks
import prepare

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / "build/release/bin"
SLOT = 0.2  # seconds of a turn


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__.partition("\n")[0].removeprefix("usage: "))
    parser.add_argument("--batches", default="1,32", type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("--seconds", default=5.0, type=float)
    parser.add_argument("--out", default=ROOT / "build/bench", type=Path)
    parser.add_argument("--qcc", default=BIN / "qcc", type=Path)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--prepared", action="store_true")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--calib", type=Path)
    return parser.parse_args()


def device_name():
    """As the driver's tool says it; None where there is none."""
    try:
        query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


def with_batch(path, batch):
    """The same model for another first dimension."""
    written = path.with_name(f"{path.stem}-{batch}.onnx")
    model = onnx.load(path)
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_value = batch
    del model.graph.value_info[:]
    onnx.save(model, written)
    return written


def page_locked(array):
    """A copy in memory that the GPU reads and writes itself, as a program in haste has it; all engines are given it."""
    driver, context, pointer = ctypes.CDLL("libcuda.so.1"), ctypes.c_void_p(), ctypes.c_void_p()
    for failed in (
        driver.cuInit(0),
        driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0),
        driver.cuCtxPushCurrent_v2(context),
        driver.cuMemHostAlloc(ctypes.byref(pointer), ctypes.c_size_t(max(array.nbytes, 1)), 1),
    ):
        if failed:
            raise RuntimeError(f"the driver returns {failed}")
    made = np.frombuffer((ctypes.c_char * array.nbytes).from_address(pointer.value), array.dtype).reshape(array.shape)
    np.copyto(made, array)
    return made


class Qcc:
    """Through the C interface, as a program calls it."""

    def __init__(self, args, model, batch, inputs):
        self.name, self.problem = "qcc int8", None
        library = model.with_suffix(".gpu.so")
        words = [args.qcc, model, "--target=nvptx64-nvidia-cuda", "--emit=shared", "-o", library, "--prefix=m", "-q"]
        if not args.prepared:
            subprocess.run(words, check=True)
        if args.dry_run:
            return
        self.library = ctypes.CDLL(str(library))
        pointers = lambda arrays: (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
        self.inputs = list(inputs.values())
        outputs = onnx.load(model, load_external_data=False).graph.output
        shape = lambda value: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        self.outputs = [page_locked(np.empty(shape(value), np.float32)) for value in outputs]
        self.arguments = [pointers(self.inputs), pointers(self.outputs), ctypes.create_string_buffer(256), None]
        os.environ["QCC_DEVICE"] = "cuda"

    def run(self):
        if status := self.library.m_run(*self.arguments):
            raise RuntimeError(f"m_run returned {status}")


class OnnxRuntime:
    def __init__(self, args, name, model, inputs):
        self.name, self.problem, self.inputs = name, None, inputs
        if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            self.problem = "this ONNX Runtime has no CUDA provider: install onnxruntime-gpu"
        elif not args.dry_run:
            self.session = onnxruntime.InferenceSession(str(model), providers=["CUDAExecutionProvider"])

    def run(self):
        self.outputs = self.session.run(None, self.inputs)


class PyTorch:
    """The same network from torchvision; its weights are others, which no time depends on."""

    def __init__(self, args, batch, inputs):
        self.name, self.problem = "PyTorch float16", None
        try:
            import torch
            import torchvision
        except ImportError as error:
            self.problem = str(error)
            return
        if args.dry_run or args.model or not torch.cuda.is_available():
            self.problem = "not this network" if args.model else "there is no GPU"
            return
        model = torchvision.models.resnet50().eval().half().cuda().to(memory_format=torch.channels_last)
        self.host = torch.from_numpy(next(iter(inputs.values())))
        self.x, self.graph = self.host.cuda(), torch.cuda.CUDAGraph()
        compute = lambda: model(self.x.half().contiguous(memory_format=torch.channels_last)).float()
        torch.backends.cudnn.benchmark = True
        with torch.no_grad():
            side = torch.cuda.Stream()
            with torch.cuda.stream(side):
                for _ in range(3):
                    compute()
            torch.cuda.synchronize()
            with torch.cuda.graph(self.graph):
                self.y = compute()

    def run(self):
        self.x.copy_(self.host, non_blocking=True)
        self.graph.replay()
        self.y.cpu()


def take_turns(engines, seconds):
    """The milliseconds of each one's runs."""
    times = {engine.name: [] for engine in engines}
    until = time.perf_counter() + seconds * len(engines)
    for engine in engines:
        engine.run()  # compiles, uploads, chooses algorithms
    while time.perf_counter() < until:
        for engine in engines:
            engine.run()
            end = time.perf_counter() + SLOT
            while (start := time.perf_counter()) < end:
                engine.run()
                times[engine.name].append((time.perf_counter() - start) * 1e3)
    return times


def measure(args, network, batch):
    """The rows of one batch: name, least and median milliseconds, why there are none."""
    one = dict(np.load(network.input))
    inputs = {name: np.repeat(value, batch, axis=0) for name, value in one.items()}
    if not args.dry_run:
        inputs = {name: page_locked(value) for name, value in inputs.items()}
    quantised, floats = with_batch(network.qdq_model, batch), with_batch(network.float_model, batch)
    engines = [
        Qcc(args, quantised, batch, inputs),
        OnnxRuntime(args, "ONNX Runtime CUDA, the same QDQ model", quantised, inputs),
        OnnxRuntime(args, "ONNX Runtime CUDA, fp32", floats, inputs),
        PyTorch(args, batch, inputs),
    ]
    usable = [] if args.dry_run else [engine for engine in engines if not engine.problem]
    times = take_turns(usable, args.seconds) if usable else {}
    rows = []
    for engine in engines:
        found = times.get(engine.name)
        why = engine.problem or (None if found else "dry run")
        rows.append((engine.name, min(found) if found else None, float(np.median(found)) if found else None, why))
    return rows


def prepared(name, folder):
    """What an earlier call left there; the float model is not brought along, for its size."""
    network = prepare.Network(name, folder)
    if not network.float_model.exists():
        onnx.save(networks.WRITTEN[name]().model(prepare.run_once), network.float_model)
    return network


def table(network, device, results):
    cell = lambda value: f"{value:.3f}" if value is not None else ""
    lines = [
        f"{network.name} on {device or 'no GPU (dry run)'}, ONNX Runtime {onnxruntime.__version__}, {time.strftime('%Y-%m-%d')};"
        " host to host",
        "",
        "| batch | engine | min ms | median ms | images/s | |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for batch, rows in results.items():
        for name, least, median, why in rows:
            rate = f"{batch / least * 1e3:.0f}" if least else ""
            lines.append(f"| {batch} | {name} | {cell(least)} | {cell(median)} | {rate} | {why or ''} |")
    return "\n".join(lines) + "\n"


def main():
    args = arguments()
    device = device_name()
    if not device and not args.dry_run:
        print("gpu.py: error: no NVIDIA GPU with a driver (nvidia-smi); --dry-run compiles without one", file=sys.stderr)
        return 2
    name = args.model.stem if args.model else "resnet50"
    folder = args.out / "gpu" / name
    network = prepared(name, folder) if args.prepared else prepare.prepare(name, folder, args.model, args.calib)
    results = {batch: measure(args, network, batch) for batch in args.batches}
    text = table(network, device, results)
    (args.out / "gpu.md").write_text(text)
    (args.out / "gpu.json").write_text(json.dumps(results))
    print(text, end="")
    missing = any(row[1] is None for rows in results.values() for row in rows)
    return 1 if missing and not args.dry_run else 0


if __name__ == "__main__":
    sys.exit(main())

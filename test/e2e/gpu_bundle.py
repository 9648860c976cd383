"""usage: gpu_bundle.py FOLDER [PART]...

Writes what is to be checked on a real GPU to a folder: compiled models, inputs, the CPU's numbers, and a program that
needs nothing but numpy there: `python3 FOLDER/check_on_gpu.py`. So a GPU that this machine does not have can be tested.
PART: only the groups with this in their name. test/e2e/on_gpu.py checks the same where there is a GPU."""

import shutil

from gpu import *
from shared_networks import networks

EQUAL, CLOSE = {}, {"rtol": 1e-3, "atol": 1e-4}


def near(decibels):
    return {"decibels": decibels}


class Bundle:
    """Compiles here, for a GPU that may be elsewhere."""

    def __init__(self, folder):
        self.folder, self.checks = Path(folder), []
        self.folder.mkdir(parents=True, exist_ok=True)

    def add(self, name, model, inputs, *options, rule=EQUAL, how="runs", ptx=False):
        """`how`: "runs", "stream" or "threads". `ptx`: leaves the assembler to the driver."""
        sys.path.insert(0, str(ROOT / "docs/examples"))
        from run_so import Model

        stem = f"m{len(self.checks)}"
        here = qcc(model, "--emit=shared", "--march=avx2", "-q", *options, output=self.folder.resolve() / f"{stem}.here.so")
        np.savez(self.folder / f"{stem}.out.npz", **Model(here).run(inputs))
        here.unlink()
        np.savez(self.folder / f"{stem}.in.npz", **inputs)
        words = [TARGET, f"--march={','.join(GENERATIONS)}", f"--ptxas={'none' if ptx else assembler()}", "--prefix=m", "--emit=shared", "-q"]
        qcc(model, *words, *options, output=self.folder.resolve() / f"{stem}.so")
        files = {"library": f"{stem}.so", "inputs": f"{stem}.in.npz", "expected": f"{stem}.out.npz"}
        for isa in GENERATIONS:
            self.checks.append({"name": name, "isa": isa, "rule": rule, "how": how, **files})

    def close(self):
        (self.folder / "checks.json").write_text(json.dumps(self.checks, indent=1))
        for file in (ROOT / "test/e2e/Inputs/check_on_gpu.py", ROOT / "docs/examples/run_so.py"):
            shutil.copy(file, self.folder)


def add_network(bundle, name, way, rule, **more):
    with tempfile.TemporaryDirectory() as folder:
        network = networks(Path(folder))[name]
        options = network.compile_options(way, Path(folder))
        bundle.add(f"{name}, {way}", network.path, network.one_sample(), *options, rule=rule, **more)


def integer_networks(bundle):
    for name in ("fm_cnn_qat_ort_b1", "fm_cnn_qat_trt_b1", "mobilenetv2_10_224_ptq_qdq"):
        add_network(bundle, name, "own", EQUAL)
    for name in ("toyadmos_autoencoder", "squeezenet11_224", "ch_PP-OCRv4_det_infer"):
        add_network(bundle, name, "static", EQUAL)
    add_network(bundle, "fm_cnn_ts_b1", "static", EQUAL, ptx=True)


def float_networks(bundle):
    for name in ("fm_cnn_ts_b1", "fm_vit_ts_b1", "fm_lstm_ts_b1", "kws_dscnn_b1", "silero_vad_openvino_16k"):
        add_network(bundle, name, "float", CLOSE)


def measured_networks(bundle):
    for name in ("fm_cnn_ts_b1", "fm_vit_ts_b1", "fm_lstm_ts_b1", "kws_dscnn_b1", "silero_vad_16k_sequence"):
        add_network(bundle, name, "dynamic", near(25))


def sentences(bundle):
    """MiniLM, for every length up to 128."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "minilm.onnx"
        run([sys.executable, MODELS / "minilm/make.py", model])
        ids, mask = (np.load(MODELS / f"minilm/input_{name}.npy") for name in ("input_ids", "attention_mask"))
        words = ids[mask != 0][None]
        zeros = np.zeros_like(words)
        text = lambda n: {"input_ids": words[:, :n], "attention_mask": zeros[:, :n] + 1, "token_type_ids": zeros[:, :n]}
        bounded = ["--shape=input_ids:1x1..128"]
        bundle.add("MiniLM, bounded, 37 tokens, dynamic", model, text(37), "--quantize=dynamic", *bounded, rule=near(25))
        bundle.add("MiniLM, 128 tokens, int4", model, text(128), "--weights=int4", "--shape=input_ids:1x128", rule=near(25))


def small_kinds(bundle):
    """Floats on tensor cores, weights of 4 bits, on a model of a few kilobytes."""
    model = bundle.folder / "small.onnx"
    inputs = {"x": small_network(model)}
    for precision, rule in (("fp32", CLOSE), ("bf16", near(35)), ("fp16", near(50))):
        bundle.add(f"small network, {precision}", model, inputs, "--quantize=none", f"--precision={precision}", rule=rule)
    model.unlink()


def ways_of_running(bundle):
    add_network(bundle, "fm_cnn_qat_ort_b1", "own", EQUAL, how="stream")
    add_network(bundle, "fm_cnn_qat_trt_b1", "own", EQUAL, how="threads")


GROUPS = [integer_networks, float_networks, measured_networks, sentences, small_kinds, ways_of_running]


def write():
    folder, *parts = sys.argv[1:] or sys.exit(__doc__)
    bundle = Bundle(folder)
    for group in GROUPS:
        if not parts or any(part in group.__name__ for part in parts):
            group(bundle)
    bundle.close()


if __name__ == "__main__":
    write()

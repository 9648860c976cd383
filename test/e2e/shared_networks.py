"""The shared models, each with the sizes it is compiled for, samples, and the ways of quantising it that apply."""

import gzip
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np

import features

MODELS = features.shared_folder() / "models"
FASHION = MODELS / "fashion-mnist"

FLOAT, DYNAMIC, OWN = ["--quantize=none"], ["--quantize=dynamic"], []
STATIC = ["--calib={data}", "--calib-method=minmax"]
WAYS = {"float": FLOAT, "dynamic": DYNAMIC, "static": STATIC}


def fashion_images(count):
    with gzip.open(FASHION / "data/t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)[:count]
    return ((pixels / np.float32(255) - np.float32(0.2860)) / np.float32(0.3530)).astype(np.float32)


def stored(name):
    return np.load(MODELS / name)


class Network:
    """`integer`: with data, or with a quantisation of its own, all operators inside are int8."""

    def __init__(self, path, samples, shapes=(), ways=WAYS, integer=False, options=()):
        self.path, self.samples, self.ways, self.integer = path, samples, ways, integer
        self.options = [f"--shape={shape}" for shape in shapes] + list(options)

    def compile_options(self, way, folder):
        """Those of a way to quantise; calibration data go to the folder."""
        if self.path.name.startswith("minilm") and not self.path.exists():
            subprocess.run([sys.executable, MODELS / "minilm/make.py", self.path], check=True)
        data = folder / "calibration.npz"
        if way == "static":
            np.savez(data, **self.samples())
        return [*self.options, *(word.format(data=data) for word in self.ways[way])]

    def one_sample(self):
        """A number of samples in front of an input's own axes is taken off, as calibration does."""
        return {name: value if name in self.whole else value[:1] for name, value in self.samples().items()}

    whole = ()  # inputs that are one sample as they are


def networks(folder, batches=False):
    """By name; what has to be written first is written to `folder`. With `batches`: also those of Fashion-MNIST for 32 images."""
    found = {}

    def add(path, samples, *rest, **more):
        path = MODELS / path
        found[path.stem] = Network(path, samples, *rest, **more)

    for path in sorted((FASHION / "models").glob("*.onnx")):
        single = path.stem.endswith("_b1")
        ways = {"own": OWN} if "qat" in path.stem else WAYS
        if single or batches:
            shapes = [] if single else ["input:32x1x28x28"]
            count = 8 if single else 32
            add(path, lambda count=count: {"input": fashion_images(count)}, shapes, ways, integer="cnn" in path.stem)
    add("kws_dscnn/kws_dscnn_b1.onnx", lambda: {"input": stored("kws_dscnn/input_kws_dscnn.npy")})  # its Softmax is float
    add("toyadmos_autoencoder/toyadmos_autoencoder.onnx", lambda: {"input": stored("toyadmos_autoencoder/input_toyadmos_autoencoder.npy")}, integer=True)
    image = lambda: {"input": stored("mobilenetv2/input_0.npy")}
    add("mobilenetv2/mobilenetv2_10_224.onnx", image, integer=True)
    add("mobilenetv2/mobilenetv2_10_224_ptq_qdq.onnx", image, ways={"own": OWN}, integer=True)
    add("squeezenet11/squeezenet11_224.onnx", lambda: {"input": stored("squeezenet11/input_squeezenet11_224.npy")}, integer=True)
    picture = lambda: {"x": stored("ppocr_det/input_0.npy")[:, :, 64:128, 128:224]}
    add("ppocr_det/ch_PP-OCRv4_det_infer.onnx", picture, ["x:1x3x64x96"], integer=True)
    states = {"h": np.zeros((1, 1, 128), np.float32), "c": np.zeros((1, 1, 128), np.float32)}
    chunks = lambda: {"input": stored("silero_vad/input_chunks.npy")[400:408], **states}
    add("silero_vad/silero_vad_16k_sequence.onnx", chunks, ["input:8x576"])
    found["silero_vad_16k_sequence"].whole = ("input",)
    chunk = lambda: {"input": stored("silero_vad/input_chunks.npy")[400:401], "state": np.zeros((2, 1, 128), np.float32)}
    add("silero_vad/silero_vad_openvino_16k.onnx", chunk)
    add("silero_vad/silero_vad.onnx", chunk, ["input:1x576", "state:2x1x128"], options=["--set=sr=16000"])
    for name in ("silero_vad_openvino_16k", "silero_vad"):
        found[name].whole = ("input", "state")
    text = ("input_ids", "attention_mask", "token_type_ids")
    sentence = lambda: {name: stored(f"minilm/input_{name}.npy")[:1] for name in text}
    found["minilm_l6_v2"] = Network(folder / "minilm_l6_v2.onnx", sentence, [f"{name}:1x32" for name in text])
    return found

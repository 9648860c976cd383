"""The same models on 64-bit Arm, emulated: the bytes and the numbers of this machine, at every level of Arm."""

import gzip
import shutil

import onnx
from emulated import *
from Inputs.decoders import gpt
from Inputs.signals import text

FASHION = MODELS / "fashion-mnist"


def fashion_images(which, count):
    with gzip.open(FASHION / f"data/{which}-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)[:count]
    return ((pixels / np.float32(255) - np.float32(0.2860)) / np.float32(0.3530)).astype(np.float32)


def compile_and_run_here(model, samples, *options):
    library = qcc(model, "--emit=shared", *options, output="here.so")
    name = onnx.load(model).graph.input[0].name
    return next(iter(run_model(library, {name: samples}, "--samples").values()))


def check_same_bytes(model, samples, *options, compare=check_equal):
    """One object for Arm gives the bytes of x86 at every level. `samples`: one row for each run."""
    here = compile_and_run_here(model, samples, *options)
    app = program(model, *options)
    for level in PROCESSORS:
        compare(emulate(app, samples.tobytes(), level).reshape(here.shape), here)
    return app


def check_calibrated(model, samples, *options, compare=check_equal):
    """The same, quantised with the samples as data."""
    require("shared-models", "aarch64", "avx2")
    path = scratch() / "calibration.npy"
    np.save(path, samples[:, 0] if samples.ndim > 4 else samples)
    check_same_bytes(model, samples[:4], f"--calib={path}", "--calib-method=minmax", *options, compare=compare)


@case
def adopted_networks_give_the_bytes_of_x86():
    require("shared-models", "aarch64")
    for name in ("fm_cnn_qat_ort", "fm_cnn_qat_trt"):
        check_same_bytes(FASHION / f"models/{name}_b1.onnx", fashion_images("t10k", 20)[:, None])


@case
def qcc_isa_chooses_a_level():
    require("shared-models", "aarch64")
    samples = fashion_images("t10k", 2)[:, None]
    app = check_same_bytes(FASHION / "models/fm_cnn_qat_ort_b1.onnx", samples)
    for level in PROCESSORS:
        check_equal(emulate(app, samples.tobytes(), "i8mm", QCC_ISA="armv8-a"), emulate(app, samples.tobytes(), "i8mm", QCC_ISA=level))
    words = ["qemu-aarch64-static", "-cpu", "cortex-a53", app]
    done = run(words, status=1, input=samples.tobytes(), text=False, env={"QCC_ISA": "i8mm"})
    check(done.stderr == b"status 4\n", done.stderr)  # QCC_ERR_ISA


@case
def calibrated_networks_give_the_bytes_of_x86():
    check_calibrated(FASHION / "models/fm_cnn_ts_b1.onnx", fashion_images("t10k", 16)[:, None])


@case
def calibrated_keyword_spotting_agrees_with_x86():
    # Equal up to its Softmax, which is float.
    require("shared-models")
    samples = np.load(MODELS / "kws_dscnn/input_kws_dscnn.npy")[:, None]
    check_calibrated(MODELS / "kws_dscnn/kws_dscnn_b1.onnx", samples, compare=check_close)


@case
def calibrated_mobilenetv2_gives_the_bytes_of_x86():
    require("shared-models")
    samples = np.load(MODELS / "mobilenetv2/input_0.npy")[:, None]
    check_calibrated(MODELS / "mobilenetv2/mobilenetv2_10_224.onnx", samples, "-O1")


@case
def adopted_mobilenetv2_gives_the_bytes_of_x86():
    require("shared-models", "aarch64")
    samples = np.load(MODELS / "mobilenetv2/input_0.npy")[:1, None]
    check_same_bytes(MODELS / "mobilenetv2/mobilenetv2_10_224_ptq_qdq.onnx", samples, "-O1")


@case
def calibrated_squeezenet_gives_the_bytes_of_x86():
    require("shared-models")
    samples = np.load(MODELS / "squeezenet11/input_squeezenet11_224.npy")[:1, None]
    check_calibrated(MODELS / "squeezenet11/squeezenet11_224.onnx", samples, "-O1")


@case
def the_calibrated_autoencoder_gives_the_bytes_of_x86():
    require("shared-models")
    samples = np.load(MODELS / "toyadmos_autoencoder/input_toyadmos_autoencoder.npy")[:, None]
    check_calibrated(MODELS / "toyadmos_autoencoder/toyadmos_autoencoder.onnx", samples)


@case
def the_calibrated_text_detector_gives_the_bytes_of_x86():
    require("shared-models")
    picture = np.load(MODELS / "ppocr_det/input_0.npy")
    samples = np.stack([picture[:, :, y : y + 64, 128:224] for y in range(0, 256, 64)])
    check_calibrated(MODELS / "ppocr_det/ch_PP-OCRv4_det_infer.onnx", samples, "--shape=x:1x3x64x96", "-O1")


@case
def floats_agree_with_x86():
    require("shared-models", "aarch64")
    models = {
        "fashion-mnist/models/fm_cnn_ts_b1.onnx": fashion_images("t10k", 4)[:, None],
        "kws_dscnn/kws_dscnn_b1.onnx": np.load(MODELS / "kws_dscnn/input_kws_dscnn.npy")[:2, None],
        "toyadmos_autoencoder/toyadmos_autoencoder.onnx": np.load(
            MODELS / "toyadmos_autoencoder/input_toyadmos_autoencoder.npy"
        )[:2, None],
        "squeezenet11/squeezenet11_224.onnx": np.load(MODELS / "squeezenet11/input_squeezenet11_224.npy")[:1, None],
    }
    for name, samples in models.items():
        here = compile_and_run_here(MODELS / name, samples, "--quantize=none", "-O1")
        app = program(MODELS / name, "--quantize=none", "--march=armv8-a", "-O1")
        there = emulate(app, samples.tobytes(), "armv8-a").reshape(here.shape)
        check_close(there, here, rtol=1e-3, atol=1e-4)


@case
def recurrent_layers_and_transformers_agree_with_x86():
    require("shared-models", "aarch64", "avx2")
    samples = fashion_images("t10k", 3)[:, None]
    # A number on the edge between two steps may fall to either side.
    for mode, atol in (("none", 1e-4), ("dynamic", 0.05)):
        compare = lambda got, want: check_close(got, want, rtol=1e-3, atol=atol)
        for name in ("fm_lstm_ts_b1", "fm_vit_ts_b1"):
            check_same_bytes(FASHION / f"models/{name}.onnx", samples, f"--quantize={mode}", "-O1", compare=compare)


def check_floats(model, inputs, *options, atol=1e-4):
    """One sample of several inputs: the outputs are those of x86 at the first level and at the last."""
    require("aarch64")
    library = qcc(model, "--emit=shared", *options, output="here.so")
    here = run_model(library, inputs)
    want = np.concatenate([here[value.name].ravel() for value in onnx.load(model).graph.output])
    app = program(model, *options)
    for level in ("armv8-a", "i8mm"):
        check_close(emulate(app, b"".join(value.tobytes() for value in inputs.values()), level), want, atol=atol)


@case
def speech_detection_agrees_with_x86():
    require("shared-models")
    chunks = np.load(MODELS / "silero_vad/input_chunks.npy")[400:408]
    state = np.zeros((1, 1, 128), np.float32)
    model = MODELS / "silero_vad/silero_vad_16k_sequence.onnx"
    for mode, atol in (("none", 1e-4), ("dynamic", 0.02)):
        inputs = {"input": chunks, "h": state, "c": state}
        check_floats(model, inputs, f"--quantize={mode}", "--shape=input:8x576", "-O1", atol=atol)


@case
def sentence_embeddings_agree_with_x86():
    require("shared-models")
    model = scratch() / "minilm.onnx"
    run([sys.executable, MODELS / "minilm/make.py", model])
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {name: np.load(MODELS / f"minilm/input_{name}.npy")[:1, :12] for name in names}
    shapes = [f"--shape={name}:1x12" for name in names]
    for mode, atol in (("none", 1e-4), ("dynamic", 2e-3)):
        check_floats(model, inputs, f"--quantize={mode}", *shapes, "-O1", atol=atol)
    for left in (model, scratch() / "here.so", scratch() / "arm.o", scratch() / "arm"):
        left.unlink()


@case
def a_shared_object_loads_on_arm():
    require("shared-models", "aarch64")
    samples = fashion_images("t10k", 2)[:, None]
    model = FASHION / "models/fm_cnn_qat_ort_b1.onnx"
    here = compile_and_run_here(model, samples)
    library = qcc(model, ARM, "--emit=shared", output="arm.so")
    source = ROOT / "test/e2e/Inputs/run_model.c"
    app = scratch() / "load"
    words = [GCC, "-DLOAD", "-std=c11", "-O1", *WARNINGS, "-I", ROOT / "runtime/include", source]
    run([*words, "-ldl", "-o", app])
    words = ["qemu-aarch64-static", "-cpu", "cortex-a76", "-L", "/usr/aarch64-linux-gnu", app, library]
    done = run(words, input=samples.tobytes(), text=False)
    check_equal(np.frombuffer(done.stdout, np.float32).reshape(here.shape), here)


@case
def a_missing_runtime_says_what_to_install():
    require("shared-models")
    compiler = scratch() / "bin/qcc"
    compiler.parent.mkdir()
    shutil.copy(BUILD / "bin/qcc", compiler)
    model = FASHION / "models/fm_cnn_qat_ort_b1.onnx"
    words = [compiler, ARM, "--march=armv8-a", model, "-o"]
    said = run([*words, scratch() / "m.so", "--emit=shared"], status=1).stderr
    for word in ("libqcc_rt.a", "crossbuild-essential-arm64", "qcc_rt_aarch64-linux-gnu"):
        check(word in said, said)
    check(not (scratch() / "m.so").exists(), "a file was left behind")
    run([*words, scratch() / "m.o"])


def outputs_of(data, model, count):
    """What run_model.c has written, run after run: of each output its shape, if that has bounds, and its numbers."""
    runs = []
    for _ in range(count):
        results = {}
        for name, shape, least in model:
            if least != shape:
                shape = np.frombuffer(data, np.int64, len(shape))
                data = data[8 * len(shape) :]
            size = int(np.prod(shape))
            results[name], data = np.frombuffer(data, np.float32, size).reshape(shape), data[4 * size :]
        runs.append(results)
    check(not data, "there is more than the outputs")
    return runs


@case
def runs_of_bounded_length_agree_with_x86():
    require("aarch64")
    random = lambda *shape: np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)
    past = lambda n: {"input_ids": np.array([[n]])} | {f"past_key_values.0.{k}": random(1, 4, n, 8) for k in ("key", "value")}
    reader = text(scratch() / "text.onnx"), ["x:1x3x16x8..40"], lambda n: {"x": random(1, 3, 16, n)}, (40, 9, 22)
    decoder = gpt(scratch() / "gpt.onnx", layers=1), ["input_ids:1x1", "past_key_values.0.key:1x4x0..9x8"], past, (9, 0, 4)
    ports = {"text": [("words", (1, 10, 20), (1, 2, 20))]}
    ports["gpt"] = [("logits", (1, 1, 40), (1, 1, 40))] + [(f"present.0.{k}", (1, 4, 10, 8), (1, 4, 1, 8)) for k in ("key", "value")]
    for model, shapes, inputs_of, lengths in (reader, decoder):
        for mode in ("--quantize=none", "--quantize=dynamic"):
            options = [mode, *(f"--shape={shape}" for shape in shapes)]
            library, app, data = qcc(model, "--emit=shared", *options, output="here.so"), program(model, *options), b""
            for length in lengths:
                for name, value in inputs_of(length).items():
                    data += (np.array(value.shape).tobytes() if name != "input_ids" else b"") + value.tobytes()
            for level in PROCESSORS:
                got = outputs_of(emulate(app, data, level).tobytes(), ports[model.stem], len(lengths))
                for length, results in zip(lengths, got):
                    for name, value in run_model(library, inputs_of(length)).items():
                        check_close(results[name], value, 1e-3, 1e-3 if "dynamic" in mode else 1e-5)


main()

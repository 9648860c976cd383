"""Models for NVIDIA GPUs, without one: their kernels run emulated, their PTX is assembled, their objects link and run
where there is no driver."""

import gzip

from gpu import *
from support import *

FASHION = MODELS / "fashion-mnist"
QAT = FASHION / "models/fm_cnn_qat_ort_b1.onnx"
MOBILENET = MODELS / "mobilenetv2/mobilenetv2_10_224_ptq_qdq.onnx"


def fashion_images(count):
    with gzip.open(FASHION / "data/t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)[:count]
    return ((pixels / np.float32(255) - np.float32(0.2860)) / np.float32(0.3530)).astype(np.float32)


def program(model, *options):
    built = qcc(model, TARGET, "--prefix=m", *options)
    return link([ROOT / "test/e2e/Inputs/on_device.c"], [built])


@case
def adopted_networks_give_the_bytes_of_x86():
    require("shared-models", "avx2")
    for name in ("fm_cnn_qat_ort", "fm_cnn_qat_trt"):
        check_emulated(FASHION / f"models/{name}_b1.onnx", {"input": fashion_images(20)[:, None]}, run_options=["--samples"])


@case
def calibrated_networks_give_the_bytes_of_x86():
    require("shared-models", "avx2")
    data = scratch() / "calibration.npz"
    images = fashion_images(16)
    np.savez(data, input=images)
    calibrated = [f"--calib={data}", "--calib-method=minmax"]
    check_emulated(FASHION / "models/fm_cnn_ts_b1.onnx", {"input": images[:8, None]}, *calibrated, run_options=["--samples"])


@case
def mobilenetv2_gives_the_bytes_of_x86():
    require("shared-models", "avx2")
    image = np.load(MODELS / "mobilenetv2/input_0.npy")[:1]
    check_emulated(MOBILENET, {"input": image}, "-O1")
    check_interpreted(MOBILENET, {"input": image}, "-O1")
    assemble(MOBILENET, "-O1", generations=["sm_80"])


@case
def floats_agree_with_x86():
    require("shared-models", "avx2")
    for name in ("fm_cnn_ts", "fm_vit_ts"):
        model = FASHION / f"models/{name}_b1.onnx"
        samples = {"input": fashion_images(4)[:, None]}
        check_emulated(model, samples, "--quantize=none", run_options=["--samples"], compare=check_close)


@case
def measured_rows_agree_with_x86():
    require("shared-models", "avx2")
    # A number on the edge between two steps may fall to either side.
    near = lambda actual, expected: check(sqnr(actual, expected) >= 45, f"{sqnr(actual, expected):.1f} dB")
    for name in ("fm_cnn_ts", "fm_vit_ts", "fm_lstm_ts"):
        samples = {"input": fashion_images(4)[:, None]}
        model = FASHION / f"models/{name}_b1.onnx"
        check_emulated(model, samples, "--quantize=dynamic", run_options=["--samples"], compare=near)


@case
def sentence_embeddings_agree_with_x86():
    require("shared-models", "avx2")
    model = scratch() / "minilm.onnx"
    run([sys.executable, MODELS / "minilm/make.py", model])
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {name: np.load(MODELS / f"minilm/input_{name}.npy")[:1] for name in names}
    shapes = ["-O1", *(f"--shape={name}:1x32" for name in names)]
    wanted = np.load(MODELS / "minilm/expected_sentence_embedding.npy")[:1]
    for mode, decibels in (("none", 60), ("dynamic", 25)):
        options = [f"--quantize={mode}", *shapes]
        library = qcc(model, TARGET, "--march=emulated", "--emit=shared", *options, output="m.so")
        got = run_model(library, inputs)["sentence_embedding"].reshape(wanted.shape)
        check(sqnr(got, wanted) >= decibels, f"{mode}: {sqnr(got, wanted):.1f} dB")
        assemble(model, *options)
    model.unlink()
    library.unlink()


@case
def interpreted_ptx_gives_the_bytes_of_x86():
    require("shared-models", "avx2")
    check_interpreted(QAT, {"input": fashion_images(1)}, generations=["sm_75", "sm_80"])


@case
def interpreted_keyword_spotting_gives_the_numbers_of_x86():
    require("shared-models", "avx2")
    samples = np.load(MODELS / "kws_dscnn/input_kws_dscnn.npy")
    data = scratch() / "calibration.npz"
    np.savez(data, input=samples)
    calibrated = [f"--calib={data}", "--calib-method=minmax"]
    # Its Softmax is float.
    check_interpreted(MODELS / "kws_dscnn/kws_dscnn_b1.onnx", {"input": samples[:1]}, *calibrated, compare=check_close)


@case
def ptx_is_accepted_without_spills():
    require("shared-models")
    assemble(QAT)
    for name in ("cnn", "vit", "lstm"):
        for mode in ("none", "dynamic"):
            assemble(FASHION / f"models/fm_{name}_ts_b1.onnx", f"--quantize={mode}")


@case
def ptx_of_networks_with_a_batch_is_accepted_without_spills():
    require("shared-models")
    for name in ("cnn", "vit", "lstm"):
        for mode in ("none", "dynamic"):
            options = [f"--quantize={mode}", "--shape=input:64x1x28x28"]
            assemble(FASHION / f"models/fm_{name}_ts.onnx", *options, generations=["sm_75", "sm_100"])


@case
def without_a_gpu_a_program_says_so():
    require("shared-models")
    image = fashion_images(1).tobytes()
    alone = program(QAT, "--march=sm_80")
    for device in ("", "cuda", "cpu"):
        done = run([alone], status=3, input=image, text=False, env={"QCC_DEVICE": device})
        check(b"device not available" in done.stderr, done.stderr)
        check(not done.stdout, "it wrote an output")


@case
def a_fallback_runs_on_the_cpu():
    require("shared-models")
    image = fashion_images(1)
    library = qcc(QAT, "--emit=shared", output="here.so")
    expected = run_model(library, {"input": image})["output"]
    both = program(QAT, "--march=sm_80", "--fallback=cpu")
    for device in ("", "cpu"):
        done = run([both], input=image.tobytes(), text=False, env={"QCC_DEVICE": device})
        check_equal(np.frombuffer(done.stdout, np.float32).reshape(expected.shape), expected)
    done = run([both], status=3, input=image.tobytes(), text=False, env={"QCC_DEVICE": "cuda"})
    check(b"device not available" in done.stderr, done.stderr)


@case
def objects_are_for_the_host_that_is_named():
    require("shared-models")
    arm = qcc(QAT, TARGET, "--host=aarch64-linux-gnu", "--march=sm_80")
    check(arm.read_bytes()[18:20] == b"\xb7\x00", "it is no object for AArch64")
    check(b".target sm_80" in arm.read_bytes(), "it has no PTX")
    check((arm.with_suffix(".h")).exists(), "it has no header")


@case
def options_of_a_gpu_are_for_gpus():
    path = scratch() / "small.onnx"
    small_network(path)
    for options in (["--host=x86_64-linux-gnu"], ["--fallback=cpu"], ["--emit=ptx"], ["--march=sm_80"]):
        said = run([BUILD / "bin/qcc", *options, path, "-o", scratch() / "m.o"], status=2).stderr
        check("nvptx64-nvidia-cuda" in said or "sm_80" in said, said)
    for options in (["--emit=ptx", "--march=sm_80,sm_90"], ["--march=sm_42"], ["--emit=asm"]):
        run([BUILD / "bin/qcc", TARGET, *options, path, "-o", scratch() / "m.x"], status=2)


@case
def what_has_no_form_for_gpus_is_named():
    path = scratch() / "small.onnx"
    small_network(path)
    said = run([BUILD / "bin/qcc", TARGET, "--precision=bf16", "--quantize=none", path, "-o", scratch() / "m.o"], status=1)
    check("'conv'" in said.stderr and "bf16" in said.stderr and "GPU" in said.stderr, said.stderr)
    check(not (scratch() / "m.o").exists(), "a file was left behind")


main()

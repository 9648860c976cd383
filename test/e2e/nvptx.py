"""Models for NVIDIA GPUs, without one: their kernels run emulated, their PTX is assembled, their objects link and run
where there is no driver."""

import gzip
import re
import shutil

from device import Device
from support import *

TARGET = "--target=nvptx64-nvidia-cuda"
FASHION = MODELS / "fashion-mnist"
QAT = FASHION / "models/fm_cnn_qat_ort_b1.onnx"
MOBILENET = MODELS / "mobilenetv2/mobilenetv2_10_224_ptq_qdq.onnx"
GENERATIONS = ["sm_75", "sm_80", "sm_90", "sm_100"]


def fashion_images(count):
    with gzip.open(FASHION / "data/t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)[:count]
    return ((pixels / np.float32(255) - np.float32(0.2860)) / np.float32(0.3530)).astype(np.float32)


def assembler():
    """NVIDIA's, from the Python package that tools/setup installs, or from a toolkit."""
    packaged = Path(sys.prefix) / "lib"
    for found in sorted(packaged.glob("python*/site-packages/nvidia/*/bin/ptxas")):
        return found
    found = shutil.which("ptxas")
    check(found, "there is no ptxas: tools/setup test installs it")
    return found


def assemble(model, *options, generations=GENERATIONS):
    """The model's PTX is accepted, and no product spills."""
    for generation in generations:
        text = qcc(model, TARGET, f"--march={generation}", "--emit=ptx", *options, output=f"{generation}.ptx")
        cubin = scratch() / "m.cubin"
        said = run([assembler(), "-v", f"-arch={generation}", text, "-o", cubin]).stderr
        kernels = re.findall(r"Compiling entry function '(\w+)'", said)
        spills = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", said)
        check(kernels and len(kernels) == len(spills), said)
        for kernel, numbers in zip(kernels, spills):
            check("gemm" not in kernel or numbers == ("0", "0", "0"), f"{generation}: {kernel} spills: {numbers}")


def check_emulated(model, samples, *options, compare=check_equal):
    """The GPU's kernels, run on the CPU, give what the CPU's own do."""
    results = []
    for target in (["--march=avx2"], [TARGET, "--march=emulated"]):
        library = qcc(model, *target, "--emit=shared", *options, output="m.so")
        results.append(next(iter(run_model(library, {"input": samples}, "--samples").values())))
    compare(results[1], results[0])


def check_interpreted(model, sample, *options, generations=["sm_80"], compare=check_equal):
    """The PTX itself, launched as the table says, gives what the CPU's kernels do."""
    require("no-asan")  # Python loads the library, and has no sanitiser
    here = qcc(model, "--emit=shared", "--march=avx2", *options, output="here.so")
    expected = next(iter(run_model(here, {"input": sample}).values()))
    library = qcc(model, TARGET, f"--march={','.join(generations)}", "--emit=shared", *options, output="gpu.so")
    for generation in generations:
        (output,) = Device(library, generation).run(sample.tobytes())
        compare(np.frombuffer(output, np.float32).reshape(expected.shape), expected)


def program(model, *options):
    built = qcc(model, TARGET, "--prefix=m", *options)
    return link([ROOT / "test/e2e/Inputs/on_device.c"], [built])


@case
def adopted_networks_give_the_bytes_of_x86():
    require("shared-models", "avx2")
    for name in ("fm_cnn_qat_ort", "fm_cnn_qat_trt"):
        check_emulated(FASHION / f"models/{name}_b1.onnx", fashion_images(20)[:, None])


@case
def calibrated_networks_give_the_bytes_of_x86():
    require("shared-models", "avx2")
    data = scratch() / "calibration.npz"
    images = fashion_images(16)
    np.savez(data, input=images)
    calibrated = [f"--calib={data}", "--calib-method=minmax"]
    check_emulated(FASHION / "models/fm_cnn_ts_b1.onnx", images[:8, None], *calibrated)


@case
def mobilenetv2_gives_the_bytes_of_x86():
    require("shared-models", "avx2")
    image = np.load(MODELS / "mobilenetv2/input_0.npy")[:1]
    check_emulated(MOBILENET, image[:, None], "-O1")
    check_interpreted(MOBILENET, image, "-O1")
    assemble(MOBILENET, "-O1", generations=["sm_80"])


@case
def floats_agree_with_x86():
    require("shared-models", "avx2")
    for name in ("fm_cnn_ts", "fm_vit_ts"):
        model = FASHION / f"models/{name}_b1.onnx"
        check_emulated(model, fashion_images(4)[:, None], "--quantize=none", compare=check_close)
        assemble(model, "--quantize=none", generations=["sm_75", "sm_90"])


@case
def sentence_embeddings_agree_with_x86():
    require("shared-models", "avx2")
    model = scratch() / "minilm.onnx"
    run([sys.executable, MODELS / "minilm/make.py", model])
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {name: np.load(MODELS / f"minilm/input_{name}.npy")[:1] for name in names}
    options = ["--quantize=none", "-O1", *(f"--shape={name}:1x32" for name in names)]
    library = qcc(model, TARGET, "--march=emulated", "--emit=shared", *options, output="m.so")
    wanted = np.load(MODELS / "minilm/expected_sentence_embedding.npy")[:1]
    check_close(run_model(library, inputs)["sentence_embedding"].reshape(wanted.shape), wanted)
    assemble(model, *options, generations=["sm_80"])
    model.unlink()
    library.unlink()


@case
def interpreted_ptx_gives_the_bytes_of_x86():
    require("shared-models", "avx2")
    check_interpreted(QAT, fashion_images(1), generations=["sm_75", "sm_80"])


@case
def interpreted_keyword_spotting_gives_the_numbers_of_x86():
    require("shared-models", "avx2")
    samples = np.load(MODELS / "kws_dscnn/input_kws_dscnn.npy")
    data = scratch() / "calibration.npz"
    np.savez(data, input=samples)
    calibrated = [f"--calib={data}", "--calib-method=minmax"]
    # Its Softmax is float.
    check_interpreted(MODELS / "kws_dscnn/kws_dscnn_b1.onnx", samples[:1], *calibrated, compare=check_close)


@case
def ptx_is_accepted_without_spills():
    require("shared-models")
    assemble(QAT)


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

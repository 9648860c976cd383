"""Models for NVIDIA GPUs, without one: their kernels run emulated, their PTX is assembled, their objects link and run
where there is no driver."""

import gzip

import onnx
from gpu import *
from onnx import TensorProto, helper, numpy_helper
from shared_networks import networks
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
def interpreted_floats_give_the_numbers_of_x86():
    require("shared-models")
    model, sample = MODELS / "kws_dscnn/kws_dscnn_b1.onnx", np.load(MODELS / "kws_dscnn/input_kws_dscnn.npy")[:1]
    check_interpreted(model, {"input": sample}, "--quantize=none", generations=["sm_75", "sm_80"], compare=check_close)
    for options in (["--quantize=none", "--precision=fp16"], ["--quantize=weights"]):
        check_interpreted(model, {"input": sample}, *options, compare=check_close)
        assemble(model, *options, generations=["sm_80"])


@case
def a_nan_stays_in_its_pixel():
    require("avx2")
    path, rng = scratch() / "m.onnx", np.random.default_rng(1)
    weights = numpy_helper.from_array(rng.standard_normal((16, 3, 1, 1), np.float32), "w")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, 4, 5]) for name, channels in (("x", 3), ("y", 16)))
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"])], "nan", [x], [y], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    image = rng.standard_normal((1, 3, 4, 5), np.float32)
    image[0, :, 2, 3] = np.nan
    for precision in ("fp32", "bf16", "fp16"):
        options = ["--quantize=none", f"--precision={precision}"]
        near = lambda got, want: check_close(got, want, rtol=1e-2, atol=1e-2)  # sums of bf16 may be in another order
        check_emulated(path, {"x": image}, *options, compare=near)
        check_interpreted(path, {"x": image}, *options, compare=near)


@case
def ptx_is_accepted_without_spills():
    require("shared-models")
    assemble(QAT)
    for name in ("cnn", "vit", "lstm"):
        for mode in ("none", "dynamic"):
            assemble(FASHION / f"models/fm_{name}_ts_b1.onnx", f"--quantize={mode}")


@case
def ptx_of_other_networks_is_accepted_without_spills():
    require("shared-models")
    every = networks(scratch())
    for name, way, generations in (
        ("ch_PP-OCRv4_det_infer", "dynamic", ["sm_90"]),  # most kernels of all
        ("silero_vad_16k_sequence", "dynamic", ["sm_75", "sm_100"]),
        ("silero_vad_openvino_16k", "float", ["sm_75", "sm_90"]),
        ("squeezenet11_224", "float", ["sm_75", "sm_100"]),
    ):
        assemble(every[name].path, *every[name].compile_options(way, scratch()), generations=generations)


@case
def ptx_of_networks_with_a_batch_is_accepted_without_spills():
    require("shared-models")
    for name in ("cnn", "vit", "lstm"):
        for mode in ("none", "dynamic"):
            options = [f"--quantize={mode}", "--shape=input:64x1x28x28"]
            assemble(FASHION / f"models/fm_{name}_ts.onnx", *options, generations=["sm_75", "sm_100"])


@case
def scores_are_not_stored_and_rows_belong_to_warps():
    require("shared-models")
    model = FASHION / "models/fm_vit_ts_b1.onnx"
    text = qcc(model, TARGET, "--march=sm_80", "--emit=ptx", "--quantize=none", output="m.ptx").read_text()
    kernels = {re.match(r"\w+", part).group(): part for part in text.split(".visible .entry ")[1:]}
    check("softmax_0" not in kernels and "attention_0" in kernels, sorted(kernels))
    # 16 queries in a block of four warps; one column of 24 or 16 for each lane.
    check(kernels["attention_0"].count("st.global") == 4, "attention stores more than its results")
    for name in ("attention_0", "layer_normalization_0"):
        check("shfl.sync.bfly.b32" in kernels[name], f"{name} has no exchange")


@case
def without_a_gpu_a_program_says_so():
    require("shared-models")
    image = fashion_images(1).tobytes()
    alone = program(QAT, "--march=sm_80")
    for device in ("", "cuda", "cpu"):
        done = run([alone], status=3, input=image, text=False, env={"QCC_DEVICE": device})
        check(b"device not available" in done.stderr, done.stderr)
        check(not done.stdout, "it wrote an output")


def stub(status):
    """The folder of a library of the driver's name, all of whose functions give one status."""
    names = re.findall(r'"(cu[A-Z]\w+)"', (ROOT / "runtime/cuda.c").read_text())
    check("cuInit" in names and "cuLaunchKernel" in names, names)
    folder = scratch() / f"stub{status}"
    folder.mkdir()
    source = folder / "stub.c"
    source.write_text("".join(f"int {name}(void) {{ return {status}; }}\n" for name in names))
    run(["gcc", "-shared", "-fPIC", "-w", "-Wl,-soname,libcuda.so.1", source, "-o", folder / "libcuda.so.1"])
    return folder


@case
def drivers_without_a_device_are_none():
    require("shared-models", "no-asan")  # the sanitisers' library is not told of the folder
    image = fashion_images(1).tobytes()
    alone = program(QAT, "--march=sm_80")
    for status in (34, 100, 999):  # the toolkit's stub library, a driver without a GPU, unknown
        done = run([alone], status=3, input=image, text=False, env={"LD_LIBRARY_PATH": str(stub(status))})
        check(b"device not available" in done.stderr, done.stderr)
        check(not done.stdout, "it wrote an output")
    empty = scratch() / "stub34/libcuda.so.1"
    empty.write_bytes(b"")  # no library at all
    run([alone], status=3, input=image, text=False, env={"LD_LIBRARY_PATH": str(empty.parent)})


@case
def cubins_lie_beside_the_ptx_where_there_is_an_assembler():
    require("shared-models")
    target = [TARGET, "--march=sm_80,sm_90"]
    bare = run([BUILD / "bin/qcc", QAT, *target, "--ptxas=none", "-o", scratch() / "bare.o"]).stderr
    check("no cubins" in bare, bare)
    program = f"--ptxas={assembler()}"
    for name in ("one.o", "two.o"):
        said = run([BUILD / "bin/qcc", QAT, *target, program, "--prefix=m", "-o", scratch() / name]).stderr
        check(re.search(r"cubins of sm_80, sm_90 by ptxas \d+\.\d+", said), said)
    one, two, without = ((scratch() / name).read_bytes() for name in ("one.o", "two.o", "bare.o"))
    check(one == two, "two compiles differ")
    check(one.count(b"\x7fELF") == 1 + 2 and without.count(b"\x7fELF") == 1, "cubins are not there, or too many")
    check(str(assembler().parent).encode() not in one, "the object tells where the assembler is")
    on_path = {"PATH": f"{assembler().parent}:{os.environ['PATH']}"}
    said = run([BUILD / "bin/qcc", QAT, *target, "-o", scratch() / "auto.o"], env=on_path).stderr
    check("cubins of sm_80, sm_90" in said, said)


@case
def an_assembler_that_fails_is_an_error_or_a_remark():
    require("shared-models")
    command = [BUILD / "bin/qcc", QAT, TARGET, "--march=sm_80", "-o", scratch() / "m.o"]
    check("nowhere" in run([*command, "--ptxas=/nowhere/ptxas"], status=1).stderr, "it does not say which")
    broken = scratch() / "bin/ptxas"
    broken.parent.mkdir()
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "release, V9.9.9" && exit\necho "bad luck"; exit 1\n')
    broken.chmod(0o755)
    check("bad luck" in run([*command, f"--ptxas={broken}"], status=1).stderr, "the reason is not told")
    check(not (scratch() / "m.o").exists(), "a file was left behind")
    said = run(command, env={"PATH": f"{broken.parent}:{os.environ['PATH']}"}).stderr
    check("no cubins by ptxas 9.9.9" in said and "it refuses sm_80" in said, said)
    broken.write_text('#!/bin/sh\necho "no luck at all"; exit 1\n')
    check("no luck at all" in run([*command, f"--ptxas={broken}"], status=1).stderr, "the reason is not told")
    said = run(command, env={"PATH": f"{broken.parent}:{os.environ['PATH']}"}).stderr
    check("no cubins (" in said and "no luck at all" in said, said)


@case
def runs_in_streams_are_for_gpus():
    require("shared-models")
    source = scratch() / "async.c"
    source.write_text(
        '#include "m.h"\n#include <stdio.h>\nstatic float x[M_INPUT_ELEMENTS], y[M_OUTPUT_ELEMENTS];\nint main(void) {\n'
        "  m_inputs in = {.input = x};\n  m_outputs out = {.output = y};\n"
        "  puts(qcc_status_string(m_run_async(&in, &out, NULL)));\n  return 0;\n}\n"
    )
    device = qcc(QAT, TARGET, "--march=sm_80", "--fallback=cpu", "--prefix=m", output="m.o")
    check("device not available" in run([link([source], [device])]).stdout, "there is a fallback")
    here = qcc(QAT, "--prefix=m", output="m.o")
    check("run_async" not in here.with_suffix(".h").read_text(), "the header of a model for CPUs has it")


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
    for options in (["--host=x86_64-linux-gnu"], ["--fallback=cpu"], ["--ptxas=none"], ["--emit=ptx"], ["--march=sm_80"]):
        said = run([BUILD / "bin/qcc", *options, path, "-o", scratch() / "m.o"], status=2).stderr
        check("nvptx64-nvidia-cuda" in said or "sm_80" in said, said)
    for options in (["--emit=ptx", "--march=sm_80,sm_90"], ["--march=sm_42"], ["--emit=asm"]):
        run([BUILD / "bin/qcc", TARGET, *options, path, "-o", scratch() / "m.x"], status=2)


main()

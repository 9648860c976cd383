"""On a real GPU: what test/e2e/nvptx.py checks without one. `tools/test --gpu` runs what is named on_gpu alone."""

import ctypes

from gpu import *

FASHION = MODELS / "fashion-mnist"
MOBILENET = MODELS / "mobilenetv2/mobilenetv2_10_224_ptq_qdq.onnx"


def image():
    return np.load(FASHION / "models/input_0.npy")[:1].astype(np.float32)


def capability():
    """Of the first device, as in sm_80."""
    driver, major, minor = ctypes.CDLL("libcuda.so.1"), ctypes.c_int(), ctypes.c_int()
    check(driver.cuInit(0) == 0, "cuInit fails")
    driver.cuDeviceGetAttribute(ctypes.byref(major), 75, 0)
    driver.cuDeviceGetAttribute(ctypes.byref(minor), 76, 0)
    return 10 * major.value + minor.value


def on_both(model, inputs, *options, compare=check_equal):
    """The outputs of the GPU, in the form of every generation that it runs, are those of the CPU."""
    here = run_model(qcc(model, "--emit=shared", "--march=avx2", *options, output="here.so"), inputs)
    for assembled in ("none", assembler()):
        library = qcc(model, TARGET, f"--ptxas={assembled}", "--emit=shared", *options, output="gpu.so")
        for generation in GENERATIONS:
            if int(generation.removeprefix("sm_")) > capability():
                continue
            there = run_model(library, inputs, env={"QCC_DEVICE": "cuda", "QCC_ISA": generation})
            for name, expected in here.items():
                compare(there[name], expected)


@case
def integer_networks_give_the_bytes_of_the_cpu():
    require("gpu", "shared-models", "avx2")
    for name in ("fm_cnn_qat_ort", "fm_cnn_qat_trt"):
        on_both(FASHION / f"models/{name}_b1.onnx", {"input": image()})
    on_both(MOBILENET, {"input": np.load(MODELS / "mobilenetv2/input_0.npy")[:1]})


@case
def floats_and_measured_rows_agree_with_the_cpu():
    require("gpu", "shared-models", "avx2")
    near = lambda actual, expected: check(sqnr(actual, expected) >= 45, f"{sqnr(actual, expected):.1f} dB")
    for name in ("fm_cnn_ts", "fm_vit_ts", "fm_lstm_ts"):
        model = FASHION / f"models/{name}_b1.onnx"
        on_both(model, {"input": image()}, "--quantize=none", compare=check_close)
        on_both(model, {"input": image()}, "--quantize=dynamic", compare=near)


@case
def many_runs_give_the_same():
    require("gpu", "shared-models")
    library = qcc(FASHION / "models/fm_cnn_qat_ort_b1.onnx", TARGET, "--emit=shared", output="gpu.so")
    cuda = {"QCC_DEVICE": "cuda"}
    first = run_model(library, {"input": image()}, env=cuda)["output"]
    samples = np.repeat(image()[None], 50, axis=0)
    for got in run_model(library, {"input": samples}, "--samples", env=cuda)["output"]:
        check_equal(got, first)


@case
def runs_in_a_stream_give_the_same():
    require("gpu", "shared-models")
    library = qcc(FASHION / "models/fm_cnn_qat_ort_b1.onnx", TARGET, "--emit=shared", "--prefix=m", output="gpu.so")
    expected = run_model(library, {"input": image()}, env={"QCC_DEVICE": "cuda"})["output"]
    model, driver, context, stream = ctypes.CDLL(str(library)), ctypes.CDLL("libcuda.so.1"), ctypes.c_void_p(), ctypes.c_void_p()
    check(driver.cuInit(0) == 0 and driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0) == 0, "there is no context")
    driver.cuCtxPushCurrent_v2(context)
    check(driver.cuStreamCreate(ctypes.byref(stream), 1) == 0, "there is no stream")
    x, outputs = image(), [np.zeros_like(expected) for _ in range(10)]
    for y in outputs:
        pointers = [(ctypes.c_void_p * 1)(array.ctypes.data) for array in (x, y)]
        check(model.m_run_async(*pointers, stream) == 0, "m_run_async fails")
    check(driver.cuStreamSynchronize(stream) == 0, "the stream reports an error")
    for y in outputs:
        check_equal(y, expected)


main()

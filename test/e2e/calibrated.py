"""Float models quantised with calibration data: what is lost, and what is guaranteed."""

import gzip

from support import *

FASHION = MODELS / "fashion-mnist"


def fashion_images(which, count):
    with gzip.open(FASHION / f"data/{which}-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)[:count]
    return ((pixels / np.float32(255) - np.float32(0.2860)) / np.float32(0.3530)).astype(np.float32)


def fashion_labels(count):
    with gzip.open(FASHION / "data/t10k-labels-idx1-ubyte.gz") as file:
        return np.frombuffer(file.read(), np.uint8, offset=8)[:count]


def photographs(mean, std):
    pixels = np.load(MODELS / "images_cc/images36_u8_nhwc.npy").astype(np.float32)
    scaled = (pixels - np.float32(mean)) / np.float32(std)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def float_and_int8(model, calibration, samples, *options):
    """The outputs of both compiled forms for all samples, one row each."""
    data = scratch() / "calibration.npz"
    np.savez(data, **calibration)
    rows = []
    for name, mode in (("float", "--quantize=none"), ("int8", f"--calib={data}")):
        library = qcc(model, "--emit=shared", mode, *options, output=f"{name}.so")
        outputs = run_model(library, samples, "--samples")
        rows.append(next(iter(outputs.values())).reshape(len(next(iter(samples.values()))), -1))
    return rows


@case
def fashion_mnist_loses_at_most_a_fifth_of_a_point():
    require("shared-models", "avx2")
    images, labels = fashion_images("t10k", 10000), fashion_labels(10000)
    for name in ("fm_cnn_ts", "fm_cnn_dynamo"):
        model = FASHION / f"models/{name}_b1.onnx"
        exact, quantised = float_and_int8(model, {"input": fashion_images("train", 512)}, {"input": images[:, None]})
        drop = 100 * (np.mean(exact.argmax(1) == labels) - np.mean(quantised.argmax(1) == labels))
        check(drop <= 0.2, f"{name}: int8 loses {drop:.2f} points")
        noise = sqnr(quantised, exact)
        check(noise >= 34, f"{name}: signal to noise of the logits is {noise:.1f} dB")


def check_photographs(model, mean, std):
    images = photographs(mean, std)
    exact, quantised = float_and_int8(model, {"input": images}, {"input": images[:, None]})
    agree = int(np.sum(exact.argmax(1) == quantised.argmax(1)))
    check(agree >= 35, f"top-1 agrees with float on {agree} of 36")


@case
def mobilenetv2_agrees_with_float_on_the_photographs():
    require("shared-models", "avx2")
    check_photographs(MODELS / "mobilenetv2/mobilenetv2_10_224.onnx", [127.5] * 3, [127.5] * 3)


@case
def squeezenet_agrees_with_float_on_the_photographs():
    require("shared-models", "avx2")
    check_photographs(MODELS / "squeezenet11/squeezenet11_224.onnx", [123.675, 116.28, 103.53], [58.395, 57.12, 57.375])


@case
def the_same_calibration_gives_the_same_object():
    require("shared-models", "avx2")
    data = scratch() / "calibration.npz"
    np.savez(data, input=fashion_images("train", 40))
    model = FASHION / "models/fm_cnn_ts_b1.onnx"
    objects = [qcc(model, f"--calib={data}", "--prefix=m", output=f"{n}.o").read_bytes() for n in "ab"]
    check(objects[0] == objects[1], "two compiles gave different bytes")


@case
def without_data_a_float_model_stays_float_and_says_so():
    require("shared-models")
    model = FASHION / "models/fm_cnn_ts_b1.onnx"
    done = run([BUILD / "bin/qcc", model, "-o", scratch() / "m.o"])
    check("warning: nothing was quantised" in done.stderr, done.stderr)
    check("0 operations in int8" in done.stderr, done.stderr)


main()

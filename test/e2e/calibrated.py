"""Float models quantised with calibration data: what is lost, and what is guaranteed."""

import gzip

from support import *

sys.path.insert(0, str(ROOT / "docs/examples/text-detector"))
sys.dont_write_bytecode = True
import pictures

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
        noise = sqnr(quantised, exact)
        print(f"{name}: int8 loses {drop:.2f} points, logits {noise:.1f} dB")
        check(drop <= 0.2, f"{name}: int8 loses {drop:.2f} points")
        check(noise >= 34, f"{name}: signal to noise of the logits is {noise:.1f} dB")


def check_photographs(model, images):
    exact, quantised = float_and_int8(model, {"input": images}, {"input": images[:, None]})
    agree = int(np.sum(exact.argmax(1) == quantised.argmax(1)))
    print(f"top-1 agrees with float on {agree} of 36, logits {sqnr(quantised, exact):.1f} dB")
    check(agree >= 35, f"top-1 agrees with float on {agree} of 36")


@case
def mobilenetv2_agrees_with_float_on_the_photographs():
    require("shared-models", "avx2")
    check_photographs(MODELS / "mobilenetv2/mobilenetv2_10_224.onnx", photographs([127.5] * 3, 127.5))


@case
def squeezenet_agrees_with_float_on_the_photographs():
    require("shared-models", "avx2")
    red_green_blue = photographs([123, 117, 104], 1)
    check_photographs(MODELS / "squeezenet11/squeezenet11_224.onnx", np.ascontiguousarray(red_green_blue[:, ::-1]))


@case
def the_text_detector_marks_the_same_words():
    require("shared-models", "avx2")
    model = MODELS / "ppocr_det/ch_PP-OCRv4_det_infer.onnx"
    calibration = np.stack([pictures.as_input(p) for p in pictures.calibration()])
    others = np.stack([pictures.as_input(pictures.make(seed)[0]) for seed in (1000, 1001)])
    exact, quantised = float_and_int8(model, {"x": calibration}, {"x": others[:, None]}, "--shape=x:1x3x640x640", "--march=avx2")
    noise = sqnr(quantised, exact)
    overlap = np.sum((exact > 0.3) & (quantised > 0.3)) / np.sum((exact > 0.3) | (quantised > 0.3))
    print(f"map {noise:.1f} dB, IoU at 0.3 {overlap:.3f}")
    check(noise >= 20, f"signal to noise of the map is {noise:.1f} dB")
    check(overlap >= 0.88, f"the maps at 0.3 overlap with an IoU of {overlap:.3f}")


@case
def the_same_calibration_gives_the_same_object_with_any_number_of_threads():
    require("shared-models", "avx2")
    data = scratch() / "calibration.npz"
    np.savez(data, input=fashion_images("train", 40))
    model = FASHION / "models/fm_cnn_ts_b1.onnx"
    objects = [qcc(model, f"--calib={data}", "--prefix=m", f"-j{n}", output=f"{n}.o").read_bytes() for n in (1, 2, 5)]
    check(len(set(objects)) == 1, "compiles with 1, 2 and 5 threads gave different bytes")


@case
def without_data_convolutions_with_few_products_stay_float_and_say_so():
    require("shared-models")
    model = FASHION / "models/fm_cnn_ts_b1.onnx"
    done = run([BUILD / "bin/qcc", model, "-o", scratch() / "m.o"])
    check("'/d2/d/Conv': multiplies each number 9 times, which gains less in int8 than measuring it costs" in done.stderr, done.stderr)
    check("9 operations in int8" in done.stderr, done.stderr)


main()

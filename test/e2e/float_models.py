"""The shared float models against their stored reference outputs, in every variant of this machine."""

from support import *

CASES = {
    "kws_dscnn": ("kws_dscnn/kws_dscnn_b1.onnx", "kws_dscnn/input_kws_dscnn.npy", "kws_dscnn/expected_kws_dscnn.npy"),
    "toyadmos": (
        "toyadmos_autoencoder/toyadmos_autoencoder.onnx",
        "toyadmos_autoencoder/input_toyadmos_autoencoder.npy",
        "toyadmos_autoencoder/expected_toyadmos_autoencoder.npy",
    ),
    "mobilenetv2": (
        "mobilenetv2/mobilenetv2_10_224.onnx",
        "mobilenetv2/input_0.npy",
        "mobilenetv2/expected_mobilenetv2_10_224.npy",
    ),
    "squeezenet": (
        "squeezenet11/squeezenet11_224.onnx",
        "squeezenet11/input_squeezenet11_224.npy",
        "squeezenet11/expected_squeezenet11_224.npy",
    ),
}


def check_model(name):
    require("shared-models")
    model, inputs, expected = (MODELS / part for part in CASES[name])
    library = qcc(model, "--emit=shared", "--quantize=none", output="m.so")
    samples, wanted = np.load(inputs), np.load(expected)
    for isa in ("x86-64", "avx2", "avxvnni", "avx512vnni"):
        if isa == "x86-64" or isa in FEATURES:
            outputs = run_model(library, {"input": samples[:, None]}, "--samples", env={"QCC_ISA": isa})
            check_close(next(iter(outputs.values())).reshape(wanted.shape), wanted, rtol=1e-3, atol=1e-4)


@case
def kws_dscnn_matches():
    check_model("kws_dscnn")


@case
def toyadmos_autoencoder_matches():
    check_model("toyadmos")


@case
def mobilenetv2_matches():
    check_model("mobilenetv2")


@case
def squeezenet_matches():
    check_model("squeezenet")


@case
def text_detector_matches():
    require("shared-models")
    folder, built = MODELS / "ppocr_det", {}
    for index in range(3):
        picture = np.load(folder / f"input_{index}.npy")
        shape = "x".join(map(str, picture.shape))
        if shape not in built:
            options = [f"--shape=x:{shape}", "--emit=shared", "--quantize=none"]
            built[shape] = qcc(folder / "ch_PP-OCRv4_det_infer.onnx", *options, output=f"{shape}.so")
        outputs = run_model(built[shape], {"x": picture})
        check_close(next(iter(outputs.values())), np.load(folder / f"expected_{index}.npy"), rtol=1e-3, atol=1e-4)


main()

"""--io: inputs and outputs of 8 bits, channels last, with an image's normalisation folded in."""

from support import *

MEAN, STD = [123.7, 116.3, 103.5], [58.4, 57.1, 57.4]
IMAGE_OPTIONS = (f"--mean={','.join(map(str, MEAN))}", f"--std={','.join(map(str, STD))}")


def pixels(count=8):
    return np.random.default_rng(2).integers(0, 256, (count, 16, 16, 3), np.uint8)


def normalised(images, mean=MEAN, std=STD):
    """NCHW floats, as a user computes them."""
    scaled = (images.astype(np.float32) - np.float32(mean)) / np.float32(std)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def model_and_data(mean=MEAN, std=STD):
    """The network of support.py, and the option that calibrates it."""
    model, data = scratch() / "small.onnx", scratch() / "data.npy"
    small_network(model)
    np.save(data, normalised(pixels(), mean, std))
    return model, f"--calib={data}"


def outputs(library, name, samples, env=None):
    """One row for each sample."""
    return run_model(library, {name: samples[:, None]}, "--samples", env=env)["y"][:, 0]


def text(model, stage, *options):
    return qcc(model, f"--until={stage}", *options, output="stage.mlir").read_text()


def quantisation(model, *options, macro="MODEL_X"):
    """Scale and zero point as the header says them."""
    words = dict(line.split()[1:3] for line in qcc(model, *options).with_suffix(".h").read_text().splitlines()
                 if line.startswith("#define ") and len(line.split()) == 3)
    return np.float32(words[macro + "_SCALE"]), int(words[macro + "_ZERO_POINT"].strip("()"))


@case
def an_image_gives_what_its_normalised_floats_give():
    model, calibration = model_and_data()
    by_floats = qcc(model, "--emit=shared", calibration, *IMAGE_OPTIONS, output="floats.so")
    by_pixels = qcc(model, "--emit=shared", calibration, "--io=x:u8,nhwc", *IMAGE_OPTIONS, output="pixels.so")
    expected = outputs(by_floats, "x", normalised(pixels()))
    check(np.ptp(expected, axis=0).min() > 0, "the images should differ")
    for isa in ("x86-64", None):
        env = {"QCC_ISA": isa} if isa else None
        check_equal(outputs(by_pixels, "x", pixels(), env), expected)


@case
def channels_first_works_as_well():
    model, calibration = model_and_data()
    by_floats = qcc(model, "--emit=shared", calibration, output="floats.so")
    by_pixels = qcc(model, "--emit=shared", calibration, "--io=x:u8", *IMAGE_OPTIONS, output="pixels.so")
    planes = np.ascontiguousarray(pixels().transpose(0, 3, 1, 2))
    check_equal(outputs(by_pixels, "x", planes), outputs(by_floats, "x", normalised(pixels())))


@case
def signed_pixels_are_numbers_below_zero():
    model, calibration = model_and_data()
    shifted = ("--mean=" + ",".join(str(m - 128) for m in MEAN), IMAGE_OPTIONS[1])
    unsigned = qcc(model, "--emit=shared", calibration, "--io=x:u8,nhwc", *IMAGE_OPTIONS, output="u8.so")
    signed = qcc(model, "--emit=shared", calibration, "--io=x:i8,nhwc", *shifted, output="i8.so")
    images = (pixels().astype(np.int16) - 128).astype(np.int8)
    check_close(outputs(signed, "x", images), outputs(unsigned, "x", pixels()), rtol=0, atol=0.05)


@case
def a_float_model_takes_images():
    model, _ = model_and_data()
    by_floats = qcc(model, "--emit=shared", "--quantize=none", output="floats.so")
    by_pixels = qcc(model, "--emit=shared", "--quantize=none", "--io=x:u8,nhwc", *IMAGE_OPTIONS, output="pixels.so")
    check_equal(outputs(by_pixels, "x", pixels()), outputs(by_floats, "x", normalised(pixels())))


@case
def nothing_is_left_between_the_pixels_and_the_first_layer():
    model, calibration = model_and_data(mean=[0], std=[255])
    minmax = (calibration, "--calib-method=minmax", "--io=x:u8,nhwc")
    fused = text(model, "fuse", *minmax, "--mean=0", "--std=255")
    for operation in ("transpose", "lookup", "cast", "sub", "div", "quantize"):
        check(f'"qcc.{operation}"' not in fused, f"qcc.{operation} is left:\n{fused}")
    fused = text(model, "fuse", *minmax, *IMAGE_OPTIONS)
    check('"qcc.transpose"' not in fused and fused.count('"qcc.lookup"') == 1, f"more than one table:\n{fused}")


@case
def without_normalisation_inputs_and_outputs_carry_quantised_values():
    model, calibration = model_and_data()
    floats = normalised(pixels())
    expected = outputs(qcc(model, "--emit=shared", calibration, output="floats.so"), "x", floats)
    for word, dtype in (("u8", np.uint8), ("i8", np.int8)):
        options = (calibration, f"--io=x:{word}", f"--io=y:{word}")
        scale, zero = quantisation(model, *options)
        limits = np.iinfo(dtype)
        stored = np.clip(np.rint(floats / scale) + zero, limits.min, limits.max).astype(dtype)
        given = qcc(model, "--emit=shared", calibration, f"--io=x:{word}", output="in.so")
        check_equal(outputs(given, "x", stored), expected)
        both = qcc(model, "--emit=shared", *options, output="both.so")
        got = outputs(both, "x", stored)
        check(got.dtype == dtype, f"the output is {got.dtype}")
        scale, zero = quantisation(model, *options, macro="MODEL_Y")
        check_close((got.astype(np.float32) - zero) * scale, expected, rtol=0, atol=0.51 * scale)


@case
def a_models_own_quantisation_stands_in_the_header():
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("Relu", ["d"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", "t", "u"], ["p"]),
        helper.make_node("DequantizeLinear", ["p", "t", "u"], ["y"]),
    ]
    constants = {"s": np.float32(0.5), "z": np.uint8(100), "t": np.float32(0.25), "u": np.int8(-128)}
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2, 3, 3]) for name in "xy"]
    initializers = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "own", ends[:1], ends[1:], initializers)
    model = scratch() / "own.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)
    options = ("--io=x:i8", "--io=y:u8,nhwc")
    check(quantisation(model, *options) == (0.5, -28), "x should have scale 0.5 and zero point 100 - 128")
    check(quantisation(model, *options, macro="MODEL_Y") == (0.25, 0), "y should have scale 0.25 and zero point 0")
    x = np.random.default_rng(1).integers(-128, 128, (1, 2, 3, 3), np.int8)
    got = run_model(qcc(model, "--emit=shared", *options, output="own.so"), {"x": x})["y"]
    real = np.maximum((x.astype(np.float32) + 28) * np.float32(0.5), 0)
    check_equal(got, np.clip(np.rint(real / np.float32(0.25)), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1))


@case
def wrong_requests_are_refused():
    model, calibration = model_and_data()
    refusals = [
        (2, ["--io=z:u8"], ["no input or output 'z'", "'x'", "'y'"]),
        (2, ["--io=x"], ["expected NAME:u8"]),
        (2, ["--io=x:u16"], ["expected NAME:u8"]),
        (2, ["--io=y:u8,nhwc"], ["'y' has 2 dimensions"]),
        (2, ["--io=x:u8", "--io=x:i8"], ["'x' is named twice"]),
        (2, ["--io=x:u8", "--mean=1,2"], ["--mean has 2 numbers", "1x3x16x16"]),
        (2, ["--io=x:u8", "--std=0"], ["--std must hold positive numbers"]),
        (1, ["--io=x:u8"], ["input 'x' has no quantisation", "--calib", "--mean"]),
        (1, ["--io=y:u8", "--mean=1"], ["output 'y' has no quantisation"]),
    ]
    for status, options, says in refusals:
        check_refused(model, "--quantize=none", *options, says=says, status=status)


main()

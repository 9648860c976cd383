"""Calibration data that is wrong is refused in one line; strange data serves."""

from PIL import Image
from support import *

_cache = {}


def network():
    if "x" not in _cache:
        _cache["x"] = small_network(scratch().parent / "m.onnx")
    return scratch().parent / "m.onnx", _cache["x"]


def refuse(path, *says, options=()):
    model, _ = network()
    said = check_refused(model, "-q", f"--calib={path}", *options, says=says)
    check(said.count("\n") == 1, f"more than one line:\n{said}")


def array(name, value, **more):
    np.save(scratch() / name, value, **more)
    return scratch() / name


SAMPLES = np.random.default_rng(1).standard_normal((4, 3, 16, 16)).astype(np.float32)


@case
def none_at_all():
    (scratch() / "empty").mkdir()
    refuse(scratch() / "empty", "empty", "holds no .npy")
    refuse(scratch() / "no.npz", "no.npz", "No such file")
    refuse(array("none.npy", SAMPLES[:0]), "none.npy", "holds no samples")
    np.savez(scratch() / "other.npz", z=SAMPLES)
    refuse(scratch() / "other.npz", "holds no array 'x'", "'z'")
    refuse(Path("/dev/null"), "/dev/null", "not a regular file")


@case
def arrays_that_do_not_fit():
    refuse(array("shape.npy", SAMPLES[:, :, :8]), "shape.npy", "(4, 3, 8, 16)", "(1, 3, 16, 16)")
    refuse(array("ints.npy", SAMPLES.astype(np.int64)), "ints.npy", "int64")
    refuse(array("pickled.npy", np.array([{}, 1], dtype=object), allow_pickle=True), "pickled.npy")
    for bad, word in ((np.nan, "NaN"), (np.inf, "infinity")):
        samples = SAMPLES.copy()
        samples[2, 1, 3, 5] = bad
        refuse(array("bad.npy", samples), "bad.npy", "sample 2", word, "1, 3, 5")
    path = array("cut.npy", SAMPLES)
    path.write_bytes(path.read_bytes()[:-4])
    refuse(path, "cut.npy", "truncated")


@case
def lengths_that_do_not_fit():
    import onnx
    from onnx import TensorProto, helper

    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    node = helper.make_node("Add", ["a", "b"], ["y"])
    graph = helper.make_graph([node], "sum", [info("a", [1, "L"]), info("b", [1, "L"])], [info("y", [1, "L"])])
    model = scratch() / "sum.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)

    def refuse(arrays, *says):
        np.savez(scratch() / "calib.npz", **{name: np.zeros(shape, np.float32) for name, shape in arrays.items()})
        options = ("-q", "--shape=a:1x2..9", f"--calib={scratch() / 'calib.npz'}")
        said = check_refused(model, *options, says=("calib.npz", *says))
        check(said.count("\n") == 1, f"more than one line:\n{said}")

    refuse({"a.0": (1, 3), "b.0": (1, 3), "a.1": (1, 10), "b.1": (1, 10)}, "array 'a.1' for input 'a' has shape (1, 10)", "(1, 2..9)", "--shape must allow")
    refuse({"a.0": (1, 3), "b.0": (1, 3), "a.1": (2, 5), "b.1": (2, 4)},
           "sample 1 (arrays of number 1): input 'b' has shape (1, 4), but beside input 'a' of shape (1, 5) axis 1 has 5 positions")  # fmt: skip
    refuse({"a.0": (1, 3), "b.0": (1, 3), "a.1": (1, 5)}, "holds no array 'b.1'")
    refuse({"a": (4, 3), "b": (4, 2)}, "sample 0: input 'b' has shape (1, 2)")
    refuse({"a.0": (1, 3), "b": (1, 3)}, "with a number behind their name and without")


@case
def pictures_that_are_none():
    pixels = np.zeros((16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(scratch() / "whole.png")
    whole = (scratch() / "whole.png").read_bytes()
    (scratch() / "whole.png").unlink()
    pictures = {
        "deep.png": Image.fromarray(np.zeros((16, 16), np.uint16)),
        "cmyk.jpg": Image.fromarray(pixels).convert("CMYK"),
        "cut.png": whole[: len(whole) // 2],
        "text.png": b"hello",
        "empty.jpg": b"",
    }
    says = {"deep.png": "16 bits", "cmyk.jpg": "CMYK", "cut.png": "damaged", "text.png": "neither", "empty.jpg": "empty"}
    for name, picture in pictures.items():
        folder = scratch() / name.replace(".", "_")
        folder.mkdir()
        picture.save(folder / name) if isinstance(picture, Image.Image) else (folder / name).write_bytes(picture)
        refuse(folder, name, says[name])


def serves(path, samples, least=20):
    """That calibration with this gives a model close to the float one, on `samples`."""
    model, _ = network()
    outputs = []
    for name, mode in (("float", "--quantize=none"), ("int8", f"--calib={path}")):
        library = qcc(model, "--emit=shared", "--march=x86-64,avx2", "--calib-method=minmax", mode, output=f"{name}.so")
        outputs.append(run_model(library, {"x": samples[:, None]}, "--samples")["y"])
    check(np.isfinite(outputs[1]).all(), "outputs are finite")
    check(sqnr(outputs[1], outputs[0]) > least, f"signal to noise {sqnr(outputs[1], outputs[0]):.1f} dB")


@case
def other_orders_of_bytes():
    serves(array("fortran.npy", np.asfortranarray(SAMPLES.astype(">f8"))), SAMPLES)


@case
def one_sample():
    serves(array("one.npy", SAMPLES[:1]), SAMPLES[:1])


@case
def samples_that_are_constant():
    zeros = np.zeros((2, 3, 16, 16), np.float32)
    serves(array("zeros.npy", zeros), zeros)
    serves(array("ones.npy", zeros + 1), zeros + 1)


@case
def huge_and_tiny_samples():
    for scale in (1e-30, 1e30):
        model, _ = network()
        path = array(f"scaled{scale}.npy", (SAMPLES * scale).astype(np.float32))
        done = run([BUILD / "bin/qcc", "-q", "--calib-method=minmax", f"--calib={path}", model, "-o", scratch() / "m.o"], status=None)
        check(done.returncode in (0, 1), done.stderr)
        check(done.returncode == 0 or done.stderr.count("error: ") == 1, done.stderr)


main()

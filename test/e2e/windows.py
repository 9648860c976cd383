"""Convolutions and pools in steps along an axis of bounded length: sound, and lines of text."""

from Inputs.signals import sound, text
from support import *

features.load_sanitizers(BUILD)
FLOAT = "--quantize=none"


def numbers(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


SOUND = sound, "x:1x100..400", lambda length: {"x": numbers(1, length)}, (100, 119, 120, 233, 399, 400)
TEXT = text, "x:1x3x16x8..64", lambda width: {"x": numbers(1, 3, 16, width)}, (8, 9, 10, 11, 37, 63, 64)


def runner(library):
    sys.path.insert(0, str(ROOT / "docs/examples"))
    from run_so import Model

    model = Model(library, threads=2)

    def run(inputs):
        model._work[:] = 255
        return model.run(inputs)

    return run


@case
def every_length_is_as_onnxruntime_says():
    for make, shape, inputs_of, lengths in (SOUND, TEXT):
        model = make(scratch() / "m.onnx")
        run = runner(qcc(model, "--emit=shared", "--march=native", FLOAT, f"--shape={shape}", output=f"{make.__name__}.so"))
        for length in lengths:
            got, wanted = run(inputs_of(length)), run_onnxruntime(model, inputs_of(length))
            for name, value in wanted.items():
                check(got[name].shape == value.shape, f"{length}: {name} is {got[name].shape}, not {value.shape}")
                check_close(got[name], value, 1e-3, 1e-5)


@case
def int8_is_as_accurate_as_compiled_for_the_length():
    for make, shape, inputs_of, lengths in (SOUND, TEXT):
        model, most = make(scratch() / "m.onnx"), lengths[-1]
        np.savez(scratch() / "calib.npz", x=np.concatenate([inputs_of(most)["x"] + 0.1 * i for i in range(4)]))
        for mode in ("--quantize=dynamic", f"--calib={scratch() / 'calib.npz'}"):
            run = runner(qcc(model, "--emit=shared", "--march=native", mode, f"--shape={shape}", output=f"{make.__name__}.so"))
            for length in lengths[::2]:
                got, wanted = run(inputs_of(length)), run_onnxruntime(model, inputs_of(length))
                for name, value in wanted.items():
                    check(sqnr(got[name], value) > 20, f"{make.__name__} {mode} {length}: {sqnr(got[name], value):.1f} dB")


main()

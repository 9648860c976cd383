"""What mobile networks are made of (squeeze-excite, SiLU, HardSwish, filters of 5x5, residuals), in small:
the compiled integers are the reference's, in every variant and with threads."""

from support import *

sys.path.insert(0, str(ROOT / "tools/bench"))
import builder
import networks
import onnx
import prepare

# kernel, expanded, channels, squeeze-excite, activation, stride
BLOCKS = [
    (3, 24, 16, (8, "SiLU", "Sigmoid"), "SiLU", 1),
    (5, 72, 24, (24, "Relu", "HardSigmoid"), "HardSwish", 2),
    (5, 80, 24, (24, "Relu", "HardSigmoid"), "Relu", 1),
    (3, 96, 24, None, "Relu6", 1),
    (5, 72, 40, (16, "SiLU", "Sigmoid"), "SiLU", 2),
]


def small_mobile_network(path):
    b = builder.Builder("mobile", shape=(3, 48, 48))
    x, inputs = b.block(b.input, "stem", 3, 24, 3, 2, act="SiLU"), 24
    for index, (kernel, expanded, outputs, excite, act, stride) in enumerate(BLOCKS):
        x = networks.inverted_residual(b, x, f"block{index}", inputs, expanded, outputs, kernel, stride, act, excite)
        inputs = outputs
    b.head(b.block(x, "last", inputs, 72, act="HardSwish"), 72, hidden=40)
    onnx.save(b.model(prepare.run_once), path)


@case
def compiled_integers_are_the_references():
    folder = scratch()
    small_mobile_network(folder / "m.onnx")
    np.savez(folder / "calib.npz", input=builder.images(8, (3, 48, 48), seed=3))
    image = builder.images(1, (3, 48, 48), seed=5)
    np.save(folder / "x.npy", image)
    options = [f"--calib={folder / 'calib.npz'}", "--calib-method=minmax"]
    text = qcc(folder / "m.onnx", *options, "--until=fuse", output="m.mlir")
    run([BUILD / "test/bin/qcc-eval", text, folder / "want", folder / "x.npy"])
    library = qcc(folder / "m.onnx", *options, "--emit=shared", output="m.so")
    for isa in ("x86-64", "avx2", "avxvnni", "avx512vnni"):
        for threads in ("--threads=1", "--threads=2"):
            if isa == "x86-64" or isa in FEATURES:
                got = run_model(library, {"input": image}, threads, env={"QCC_ISA": isa})["output"]
                check_close(got, np.load(folder / "want0.npy"), rtol=1e-6, atol=0)


main()

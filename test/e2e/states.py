"""A state stays in one place: an output may be the memory of an input of its type and shape."""

from support import *

SPEECH = ["--set=sr=16000", "--shape=input:1x576", "--shape=state:2x1x128"]


@case
def speech_with_its_state_in_place():
    require("shared-models")
    for mode in ("--quantize=none", "--quantize=dynamic"):
        compiled = qcc(MODELS / "silero_vad/silero_vad.onnx", mode, *SPEECH, output="m.o")
        program = link([ROOT / "test/e2e/Inputs/state.c"], [compiled])
        run([program, scratch() / "out"])
        apart, *others = np.fromfile(scratch() / "out", np.float32).reshape(4, -1)
        check(len(np.unique(apart[:20])) > 5, "the probabilities do not differ")
        for other in others:
            check_equal(other[:20], apart[:20])
    header = (scratch() / "m.h").read_text()
    check("may be the memory of state" in header, header)


# Outputs y and z of inputs a and b, all of 3 x 5.
NETWORKS = {
    "read again by the next step": [("Add", "a b", "y"), ("Mul", "a b", "z")],
    "exchanged": [("Identity", "b", "y"), ("Identity", "a", "z")],
    "element by element": [("Neg", "a", "y"), ("Sigmoid", "b", "z")],
    "read in another order than written": [
        ("Transpose", "a", "at"), ("MatMul", "a at", "p"), ("MatMul", "p b", "y"), ("Sub", "y a", "z"),
    ],
    "an output as it came": [("Identity", "a", "y"), ("Add", "a b", "z")],
    "written in parts": [("Slice", "a 0 2 0", "top"), ("Slice", "b 2 3 0", "end"), ("Concat", "end top", "y"), ("Max", "a b", "z")],
}  # fmt: skip


def network(rows):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def node(op, inputs, output):
        axis = {"axis": 0} if op == "Concat" else {}
        return helper.make_node(op, [f"n{w}" if w.isdigit() else w for w in inputs.split()], [output], **axis)

    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [3, 5]) for name in names] for names in ("ab", "yz")]
    numbers = [numpy_helper.from_array(np.array([i]), f"n{i}") for i in range(4)]
    graph = helper.make_graph([node(*row) for row in rows], "state", *ends, numbers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), scratch() / "m.onnx")
    return scratch() / "m.onnx"


@case
def every_output_in_every_input():
    for name, rows in NETWORKS.items():
        compiled = qcc(network(rows), "--quantize=none", "--march=avx2", output="m.o")
        done = run([link([ROOT / "test/e2e/Inputs/in_place.c"], [compiled])], status=None)
        check(done.returncode == 0, f"{name}: {done.stdout}")


main()

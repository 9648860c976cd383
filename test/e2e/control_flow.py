"""Loops, scans and branches against ONNX Runtime."""

from support import *

RNG = np.random.default_rng(9)


def save(nodes, inputs, outputs, initializers=(), opset=17):
    import onnx
    from onnx import helper, numpy_helper

    kind = lambda v: helper.np_dtype_to_tensor_dtype(np.asarray(v).dtype)
    ends = [helper.make_tensor_value_info(n, kind(v), np.shape(v)) for n, v in inputs.items()]
    results = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in outputs]
    constants = [numpy_helper.from_array(np.asarray(v), n) for n, v in dict(initializers).items()]
    graph = helper.make_graph(nodes, "control", ends, results, constants)
    path = scratch() / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


def compare(model, inputs):
    wanted = run_onnxruntime(model, inputs)
    library = qcc(model, "--emit=shared", "--quantize=none", "--march=avx2", output="m.so")
    got = run_model(library, inputs)
    for name, value in wanted.items():
        check_close(got[name], value, atol=1e-5)
    return library


def value(name, shape, kind=1):
    from onnx import helper

    return helper.make_tensor_value_info(name, kind, shape)


def loop_body(nodes, carried, scans=(), result="go_out"):
    from onnx import helper

    inputs = [value("i", [], 7), value("go", [], 9), *(value(f"{c}_in", None) for c in carried)]
    outputs = [value(result, [], 9), *(value(f"{c}_out", None) for c in carried), *(value(s, None) for s in scans)]
    return helper.make_graph(nodes, "body", inputs, outputs)


@case
def a_loop_that_carries_gathers_and_captures():
    from onnx import helper

    nodes = [
        helper.make_node("Identity", ["go"], ["go_out"]),
        helper.make_node("MatMul", ["h_in", "w"], ["m"]),  # w and x from outside
        helper.make_node("Gather", ["x", "i"], ["row"], axis=0),
        helper.make_node("Add", ["m", "row"], ["s"]),
        helper.make_node("Tanh", ["s"], ["h_out"]),
        helper.make_node("ReduceSum", ["h_out"], ["total"], keepdims=0),
    ]
    loop = helper.make_node("Loop", ["trips", "", "h"], ["last", "totals"], name="loop", body=loop_body(nodes, ["h"], ["total"]))
    inputs = {"x": RNG.standard_normal((6, 4)).astype(np.float32), "h": np.zeros((1, 4), np.float32)}
    weights = {"w": (0.3 * RNG.standard_normal((4, 4))).astype(np.float32), "trips": np.int64(6)}
    compare(save([loop], inputs, ["last", "totals"], weights), inputs)


@case
def a_loop_that_ends_by_its_condition():
    from onnx import helper

    nodes = [helper.make_node("Add", ["h_in", "h_in"], ["h_out"]), helper.make_node("Less", ["i", "three"], ["go_out"])]
    loop = helper.make_node("Loop", ["", "go0", "x"], ["y"], name="loop", body=loop_body(nodes, ["h"]))
    inputs = {"x": RNG.standard_normal((2, 3)).astype(np.float32)}
    compare(save([loop], inputs, ["y"], {"three": np.int64(3), "go0": np.array(True)}), inputs)


@case
def a_loop_in_a_loop():
    from onnx import helper

    inner_nodes = [helper.make_node("Identity", ["jgo"], ["jgo_out"]), helper.make_node("Add", ["k_in", "x"], ["k_out"])]
    inner = helper.make_graph(inner_nodes, "inner", [value("j", [], 7), value("jgo", [], 9), value("k_in", None)],
                              [value("jgo_out", [], 9), value("k_out", None)])  # fmt: skip
    nodes = [helper.make_node("Identity", ["go"], ["go_out"]), helper.make_node("Loop", ["two", "", "h_in"], ["h_out"], body=inner)]
    loop = helper.make_node("Loop", ["three", "", "x"], ["y"], name="loop", body=loop_body(nodes, ["h"]))
    inputs = {"x": RNG.standard_normal((2, 3)).astype(np.float32)}
    compare(save([loop], inputs, ["y"], {"two": np.int64(2), "three": np.int64(3)}), inputs)


@case
def scans_along_any_axis():
    from onnx import helper

    body = helper.make_graph(
        [helper.make_node("Mul", ["s_in", "a"], ["m"]), helper.make_node("Add", ["m", "b"], ["s_out"]), helper.make_node("Relu", ["s_out"], ["o"])],
        "body", [value("s_in", [3]), value("a", [3]), value("b", [3])], [value("s_out", [3]), value("o", [3])],
    )  # fmt: skip
    inputs = {"s": RNG.standard_normal(3).astype(np.float32), "x": RNG.standard_normal((5, 3)).astype(np.float32),
              "z": RNG.standard_normal((3, 5)).astype(np.float32)}  # fmt: skip
    scan = helper.make_node("Scan", ["s", "x", "z"], ["last", "all"], name="scan", body=body, num_scan_inputs=2,
                            scan_input_axes=[0, 1], scan_input_directions=[0, 1], scan_output_axes=[1], scan_output_directions=[1])  # fmt: skip
    compare(save([scan], inputs, ["last", "all"]), inputs)


@case
def branches_on_what_is_known_at_run_time():
    from onnx import helper

    then = helper.make_graph([helper.make_node("Div", ["x", "d"], ["t"])], "then", [], [value("t", None)])
    other = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["e"])], "else", [], [value("e", None)])
    nodes = [helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0), helper.make_node("Greater", ["sum", "zero"], ["c"]),
             helper.make_node("If", ["c"], ["y"], name="choice", then_branch=then, else_branch=other)]  # fmt: skip
    x = np.abs(RNG.standard_normal((2, 3))).astype(np.float32)
    weights = {"w": RNG.standard_normal((3, 3)).astype(np.float32), "d": np.float32(0), "zero": np.float32(0)}
    model = save(nodes, {"x": x}, ["y"], weights)
    compare(model, {"x": x})  # x / 0
    compare(model, {"x": -x})  # the quotient that is not taken does no harm
    steps = run([BUILD / "bin/qcc", "--until=lower", "--quantize=none", model]).stdout
    check("taken = array<i1: true>" in steps and "taken = array<i1: false>" in steps, f"each branch has a condition: {steps}")


@case
def branches_in_branches():
    from onnx import helper

    def branch(name, nodes, result):
        return helper.make_graph(nodes, name, [], [value(result, None)])

    inner = helper.make_node("If", ["d"], ["i"], name="inner",
                             then_branch=branch("a", [helper.make_node("MatMul", ["m", "w"], ["p"])], "p"),
                             else_branch=branch("b", [helper.make_node("Relu", ["m"], ["q"])], "q"))  # fmt: skip
    # What the inner condition is made of is computed in the outer branch alone, and so is a tensor that both inner ones read.
    then = [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("ReduceMax", ["m"], ["top"], keepdims=0),
            helper.make_node("Greater", ["top", "one"], ["d"]), inner]  # fmt: skip
    other = [helper.make_node("Tanh", ["x"], ["t"]), helper.make_node("MatMul", ["t", "w"], ["e"])]
    nodes = [helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0), helper.make_node("Greater", ["sum", "zero"], ["c"]),
             helper.make_node("If", ["c"], ["chosen"], name="outer", then_branch=branch("then", then, "i"), else_branch=branch("else", other, "e")),
             helper.make_node("Add", ["chosen", "x"], ["y"])]  # fmt: skip
    x = np.abs(RNG.standard_normal((4, 8))).astype(np.float32)
    weights = {"w": RNG.standard_normal((8, 8)).astype(np.float32), "zero": np.float32(0), "one": np.float32(1)}
    model = save(nodes, {"x": x}, ["y"], weights)
    library = qcc(model, "--emit=shared", "--quantize=none", "--march=avx2", output="m.so")
    for factor in (1, 0.01, -1):
        inputs = {"x": np.float32(factor) * x}
        for threads in (1, 3):
            check_close(run_model(library, inputs, f"--threads={threads}")["y"], run_onnxruntime(model, inputs)["y"], atol=1e-5)


@case
def a_loop_that_may_end_early():
    from onnx import helper

    nodes = [helper.make_node("Add", ["h_in", "x"], ["s"]), helper.make_node("Mul", ["s", "half"], ["h_out"]),
             helper.make_node("ReduceMax", ["h_out"], ["top"], keepdims=0), helper.make_node("Less", ["top", "limit"], ["go_out"])]  # fmt: skip
    loop = helper.make_node("Loop", ["ten", "start", "x"], ["y"], name="loop", body=loop_body(nodes, ["h"]))
    first = helper.make_node("Less", ["limit", "hundred"], ["start"])
    x = np.abs(RNG.standard_normal((3, 5))).astype(np.float32) + 1
    weights = {"ten": np.int64(10), "half": np.float32(1.2), "hundred": np.float32(100)}
    model = save([first, loop], {"x": x, "limit": np.array(1, np.float32)}, ["y"], weights)
    library = qcc(model, "--emit=shared", "--quantize=none", "--march=avx2", output="m.so")
    for limit in (0, 10, 30, 60, 99, 200):  # from one iteration to ten; none at all
        inputs = {"x": x, "limit": np.array(limit, np.float32)}
        check_close(run_model(library, inputs)["y"], run_onnxruntime(model, inputs)["y"], atol=1e-5)


main()

"""Loops that never end, nest, grow or lie about their bodies; branches that do not agree."""

from models import *

BOOL, I64 = T.BOOL, T.INT64


def body(nodes, carried=("c",), scans=(), initializers=(), result="go"):
    """A Loop's body: (i, go, carried...) -> (result, carried' ..., scans...)."""
    inputs = [value("i", [], I64), value("go", [], BOOL), *(value(f"{c}_in", None) for c in carried)]
    outputs = [value(result, [], BOOL), *(value(f"{c}_out", None) for c in carried), *(value(s, None) for s in scans)]
    return h.make_graph(nodes, "body", inputs, outputs, list(initializers))


def loop(graph, trips=None, condition=None, name="loop", outputs=("y",), carried=("x",)):
    """The node and its constants."""
    constants = [tensor(f"{name}_trips", np.int64(trips))] if trips is not None else []
    constants += [tensor(f"{name}_go", np.array(condition))] if condition is not None else []
    first = [f"{name}_trips" if trips is not None else "", f"{name}_go" if condition is not None else ""]
    return h.make_node("Loop", [*first, *carried], list(outputs), name=name, body=graph), constants


DOUBLE = [h.make_node("Add", ["c_in", "c_in"], ["c_out"], name="double")]


def refuse_loop(node, constants, *says, inputs=None, outputs=None):
    return refuse(model([node], constants, inputs=inputs, outputs=outputs or [value("y", None)]), *says)


@case
def endless_loops():
    for trips, condition in [(None, None), (None, True), (2**62, None), (2**62, True)]:
        refuse_loop(*loop(body(DOUBLE), trips, condition), "node 'loop' (Loop): error:", "more than 20000 nodes")
    nothing = body([], carried=("c",), initializers=[tensor("c_out", np.zeros((1, 4), np.float32))])
    refuse_loop(*loop(nothing, 2**62), "more than 20000 nodes")


@case
def loops_in_loops():
    inner, constants = loop(body(DOUBLE), 200, name="inner", outputs=["c_out"], carried=["c_in"])
    for level in range(4):
        graph = body([inner], initializers=constants)
        inner, constants = loop(graph, 200, name=f"outer{level}", outputs=["c_out"], carried=["c_in"])
    graph = body([inner], initializers=constants)
    refuse_loop(*loop(graph, 200), "more than 20000 nodes")


@case
def large_constants_in_a_body():
    add = h.make_node("Add", ["c_in", "big"], ["c_out"])
    big = tensor("big", np.zeros((1 << 20, 4), np.float32))
    refuse_loop(*loop(body([add], initializers=[big]), 2**40), "more than 20000 nodes")


@case
def a_conditions_size_is_counted():
    """The nodes of a branch count, even of one that is not taken."""
    then = h.make_graph([relu("c_in" if i == 0 else f"t{i}", f"t{i + 1}", f"r{i}") for i in range(500)], "then", [], [value("t500", None)])
    other = h.make_graph([relu("c_in", "e", "e")], "else", [], [value("e", None)])
    choice = h.make_node("If", ["go"], ["c_out"], then_branch=then, else_branch=other)
    refuse_loop(*loop(body([choice]), 2**40), "more than 20000 nodes", "has 502")


@case
def doubling_in_a_loop():
    grow = h.make_node("Concat", ["c_in", "c_in"], ["c_out"], axis=0, name="grow")
    refuse_loop(*loop(body([grow]), 100), "node 'grow' (Concat): error:")
    refuse(model([loop(body([grow]), 100, carried=["k"])[0]], [tensor("k", np.ones((1, 4), np.float32)), *loop(body([grow]), 100)[1]], inputs=[],
                 outputs=[value("y", None)]), "node 'grow' (Concat): error:")  # fmt: skip


@case
def unknown_numbers_of_iterations():
    node, _ = loop(body(DOUBLE), 3)
    refuse_loop(node, [], "trip count 'loop_trips' must be a constant", inputs=[value("x"), value("loop_trips", [], I64)])
    node, _ = loop(body(DOUBLE), None, True)
    refuse_loop(node, [], "condition 'loop_go' must be a constant", inputs=[value("x"), value("loop_go", [], BOOL)])
    less = [h.make_node("ReduceMax", ["c_in"], ["m"], keepdims=0), h.make_node("Less", ["m", "limit"], ["goes_on"])]
    graph = body([*DOUBLE, *less], result="goes_on", initializers=[tensor("limit", np.float32(9))])
    refuse_loop(*loop(graph, None, True), "whether iteration 1 happens depends on the model's inputs")
    graph = body([*DOUBLE, *less], result="goes_on", initializers=[tensor("limit", np.float32(9))], scans=["m"])
    refuse_loop(*loop(graph, 10, outputs=("y", "all")), "whether iteration 1 happens depends on the model's inputs")


@case
def bodies_that_do_not_fit():
    refuse_loop(*loop(body(DOUBLE), 2, carried=["x", "x"]), "body has 3 inputs; 4 are expected")
    refuse_loop(*loop(body(DOUBLE), 2, outputs=["y", "z", "w"]), "body has 2 outputs; 4 are expected")
    refuse(model([h.make_node("Loop", ["", "", "x"], ["y"], name="l")]), "node 'l' (Loop): error:")
    node, constants = loop(body(DOUBLE, result="c_in"), 3)
    refuse_loop(node, constants, "(Loop): error:")
    scans = body([relu("c_in", "c_out"), h.make_node("Concat", ["c_in", "c_in"], ["s"], axis=0)], scans=["s"])
    refuse_loop(*loop(scans, 0, outputs=["y", "z"]), "output 1 ('z') is used", outputs=[value("y", None), value("z", None)])


@case
def scans_that_do_not_fit():
    def scan(nodes, outputs, **attributes):
        graph = h.make_graph(nodes, "body", [value("s_in", None), value("e", None)], outputs)
        return model([h.make_node("Scan", ["x", "x"], ["y", "z"], name="scan", body=graph, **attributes)], outputs=[value("y", None), value("z", None)])

    add = [h.make_node("Add", ["s_in", "e"], ["s_out"]), h.make_node("Identity", ["s_out"], ["o"])]
    outputs = [value("s_out", None), value("o", None)]
    refuse(scan(add, outputs, num_scan_inputs=0), "node 'scan' (Scan): error: attribute 'num_scan_inputs'")
    refuse(scan(add, outputs, num_scan_inputs=1, scan_input_axes=[7]), "node 'scan' (Scan): error: input 1 has 2 dimensions")
    refuse(scan(add, outputs, num_scan_inputs=1, scan_input_axes=[0, 0]), "'scan_input_axes' has 2 entries; 1 are expected")
    refuse(scan(add, outputs[:1], num_scan_inputs=1), "body has 1 outputs; 2 are expected")


@case
def branches_that_do_not_agree():
    then = h.make_graph([relu("x", "t")], "then", [], [value("t", None)])
    other = h.make_graph([h.make_node("Concat", ["x", "x"], ["e"], axis=0)], "else", [], [value("e", None)])
    node = h.make_node("If", ["c"], ["y"], name="choice", then_branch=then, else_branch=other)
    path = save(model([node], inputs=[value("x"), value("c", [], BOOL)], outputs=[value("y", None)]))
    check_refused(path, "--until=import", says=["node 'choice' (If): error: output 'y' is", "1x4", "2x4", "--set"])


main()

"""Graphs that are wrong, or legal but strange."""

from models import *

x, y = value("x"), value("y")


@case
def a_cycle():
    a = h.make_node("Add", ["x", "b"], ["a"], name="first")
    b = h.make_node("Relu", ["a"], ["b"], name="second")
    said = refuse(model([a, b, relu("b")]), "cycle")
    check("node 'first' (Add)" in said or "node 'second' (Relu)" in said, said)


@case
def a_node_that_reads_itself():
    refuse(model([h.make_node("Add", ["x", "y"], ["y"], name="self")]), "node 'self' (Add): error:", "cycle")


@case
def two_producers_of_a_name():
    refuse(model([relu(), h.make_node("Abs", ["x"], ["y"], name="again")]), "node 'again' (Abs)", "'y' is defined twice")


@case
def an_input_that_is_nowhere():
    add = h.make_node("Add", ["x", "w"], ["y"], name="a")
    refuse(model([add]), "node 'a' (Add): error: input 'w' is defined nowhere")


@case
def unsorted_nodes_are_legal():
    accept(model([relu("b", "y"), relu("a", "b"), relu("x", "a")]))


@case
def an_unnamed_node_is_named_by_its_index():
    nodes = [relu("x", "a"), h.make_node("Nonsense", ["a"], ["y"])]
    refuse(model(nodes), "node '#1' (Nonsense): error: unknown operator 'Nonsense'")


@case
def no_outputs():
    refuse(model([relu()], outputs=[]), "has no outputs")


@case
def an_output_that_nobody_computes():
    refuse(model([relu()], outputs=[y, value("z")]), "output 'z'")


@case
def an_input_as_output_is_legal():
    text = accept(model([], outputs=[x]))
    check("return %arg0" in text, text)


@case
def a_constant_as_output_is_legal():
    accept(model([], [tensor("y", np.ones((1, 4), np.float32))]))


@case
def a_convolution_without_inputs():
    refuse(model([h.make_node("Conv", [], ["y"], name="c")]), "node 'c' (Conv): error:")


@case
def twenty_thousand_nodes_on_a_small_stack():
    nodes = [relu("x" if i == 0 else f"t{i}", f"t{i + 1}", f"n{i}") for i in range(20000)]
    for order in (nodes, nodes[::-1]):
        path = save(model(order, outputs=[value("t20000")], opset=28))
        done = measure(["sh", "-c", f"ulimit -s 512 && exec {BUILD}/bin/qcc --until=import -o /dev/null {path}"])
        check(done[0] == 0, done[2])
        check(SANITIZE or done[3] < 2, f"took {done[3]:.1f} s")


@case
def twenty_thousand_nodes_of_an_old_opset():
    nodes = [relu("x" if i == 0 else f"t{i}", f"t{i + 1}", f"n{i}") for i in range(20000)]
    accept(model(nodes, outputs=[value("t20000")], opset=12))


def nested_if(depth, condition):
    """If in the then branch of If ...: the innermost is a Relu."""
    node = relu("x", "o0", "r")
    for level in range(1, depth + 1):
        then = h.make_graph([node], "then", [], [value(node.output[0])])
        other = h.make_graph([relu("x", f"e{level}", f"re{level}")], "else", [], [value(f"e{level}")])
        node = h.make_node("If", [condition], [f"o{level}"], name=f"if{level}", then_branch=then, else_branch=other)
    return node


@case
def nested_conditions_fold():
    for depth in (18, 24):
        node = nested_if(depth, "c")
        for opset in (13, 28):
            proto = model([node], [tensor("c", np.array(True))], outputs=[value(f"o{depth}")], opset=opset)
            check(accept(proto).count("qcc.relu") == 1, "one Relu is left")


@case
def nested_conditions_of_an_input():
    node = nested_if(24, "c")
    proto = model([node], inputs=[x, value("c", [], T.BOOL)], outputs=[value("o24")])
    check(accept(proto, "--set=c=true").count("qcc.relu") == 1, "the branch is there")
    text = accept(proto)
    check((text.count("qcc.relu"), text.count("qcc.where")) == (25, 24), "all branches are there, and what chooses")


@case
def doubling_forty_times():
    nodes = [h.make_node("Concat", [f"t{i}"] * 2, [f"t{i + 1}"], axis=0, name=f"c{i}") for i in range(40)]
    proto = model(nodes, inputs=[value("t0")], outputs=[h.make_tensor_value_info("t40", F32, None)])
    refuse(proto, "(Concat): error:")


@case
def doubling_a_constant_forty_times():
    nodes = [h.make_node("Concat", [f"t{i}"] * 2, [f"t{i + 1}"], axis=0, name=f"c{i}") for i in range(40)]
    last = h.make_node("Gather", ["t40", "x"], ["y"], name="last")
    start = tensor("t0", np.ones((1, 4), np.float32))
    refuse(model([*nodes, last], [start], inputs=[value("x", [1], T.INT64)]), "(Concat): error:")


@case
def all_unknown_operators_at_once():
    nodes = [
        h.make_node("Frob", ["x"], ["a"], name="one"),
        h.make_node("Det", ["a"], ["b"], name="two"),
        h.make_node("Thing", ["b"], ["y"], name="three", domain="my.domain"),
    ]
    imports = [h.make_opsetid("", 17), h.make_opsetid("my.domain", 1)]
    refuse(
        model(nodes, opset_imports=imports),
        "node 'one' (Frob): error: unknown operator 'Frob'",
        "node 'two' (Det): error: operator 'Det' is not supported",
        "node 'three' (Thing): error: unknown operator 'Thing' of domain 'my.domain'",
        errors=3,
    )


def function(name, calls):
    nodes = [h.make_node(c, ["p"] if i == 0 else [f"q{i}"], [f"q{i + 1}"], domain="f") for i, c in enumerate(calls)]
    nodes.append(h.make_node("Identity", [f"q{len(calls)}"], ["r"]))
    return h.make_function("f", name, ["p"], ["r"], nodes, [h.make_opsetid("", 17), h.make_opsetid("f", 1)])


def calling(name, functions):
    imports = [h.make_opsetid("", 17), h.make_opsetid("f", 1)]
    node = h.make_node(name, ["x"], ["y"], name="call", domain="f")
    return model([node], opset_imports=imports, functions=functions)


@case
def a_recursive_function():
    refuse(calling("A", [function("A", ["B"]), function("B", ["A"])]), "calls itself")


@case
def functions_that_multiply():
    functions = [function(f"F{i}", [f"F{i + 1}", f"F{i + 1}"]) for i in range(40)]
    leaf = h.make_function("f", "F40", ["p"], ["r"], [h.make_node("Relu", ["p"], ["r"])], [h.make_opsetid("", 17)])
    refuse(calling("F0", [*functions, leaf]), "more than 100000 nodes")


@case
def a_function_of_the_model_is_inlined():
    leaf = h.make_function("f", "G", ["p"], ["r"], [h.make_node("Relu", ["p"], ["r"])], [h.make_opsetid("", 17)])
    check("qcc.relu" in accept(calling("G", [leaf])), "the body is there")


@case
def strange_names():
    long = "n" * 10240
    names = ["main", "int", "a.b/c:0", "a/b", "a_b", long]
    nodes = [relu("x" if i == 0 else names[i - 1], name, name) for i, name in enumerate(names)]
    text = accept(model(nodes, outputs=[value(n) for n in names]))
    check(text.count("qcc.relu") == 6, text[:2000])


@case
def names_that_are_not_utf8():
    raw = model([relu("x", "AAAA", "BBBB")], outputs=[value("AAAA")]).SerializeToString()
    accept(raw.replace(b"AAAA", b"\xff\xfe\x80A").replace(b"BBBB", b"\xc3\x28\x00B"))


@case
def an_initializer_that_is_an_input_is_a_constant():
    add = h.make_node("Add", ["x", "w"], ["y"])
    text = accept(model([add], [tensor("w", np.ones((1, 4), np.float32))], inputs=[x, value("w")]))
    check('qcc.input_names = ["x"]' in text, text)


@case
def an_initializer_twice():
    w = tensor("w", np.ones(4, np.float32))
    refuse(model([h.make_node("Add", ["x", "w"], ["y"])], [w, w]), "initializer 'w' is defined twice")


@case
def an_input_twice():
    refuse(model([relu()], inputs=[x, x]), "input 'x' is declared twice")


@case
def dead_nodes_do_not_matter():
    text = accept(model([relu(), h.make_node("NonZero", ["x"], ["dead"])]))
    check("qcc.relu" in text, text)


@case
def an_extra_output_that_is_used():
    pool = h.make_node("MaxPool", ["x"], ["p", "i"], name="pool", kernel_shape=[1, 1])
    proto = model([pool], inputs=[value("x", (1, 1, 4, 4))], outputs=[value("i", (1, 1, 4, 4), T.INT64)])
    refuse(proto, "node 'pool' (MaxPool): error: output 1 ('i')")


main()

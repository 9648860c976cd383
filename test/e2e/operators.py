"""Operators beyond ONNX's node tests: forms of Einsum, between convolutions, wrong indices, what is refused."""

from support import *


def write(nodes, inputs, outputs, constants=None, opset=20):
    """Writes m.onnx. `inputs`: {name: example}; `outputs`: names, or the same where ONNX does not infer types;
    `nodes`: (operator, inputs, outputs, attributes)."""
    import onnx
    from onnx import helper, numpy_helper

    made = [helper.make_node(op, i.split(",") if i else [], o.split(","), f"{op}_{n}", **a) for n, (op, i, o, a) in enumerate(nodes)]
    info = lambda k, v: helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
    ends = [info(*item) for item in inputs.items()]
    known = isinstance(outputs, dict)
    results = [info(k, outputs[k]) if known else helper.make_empty_tensor_value_info(k) for k in outputs]
    initializers = [numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()]
    graph = helper.make_graph(made, "operators", ends, results, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    path = scratch() / "m.onnx"
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def floats(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def compiled(model, inputs, *options):
    return run_model(qcc(model, "--emit=shared", *options, output="m.so"), inputs)


def check_like_onnxruntime(nodes, inputs, outputs=("y",), constants=None, opset=20):
    model = write(nodes, inputs, outputs, constants, opset)
    expected = run_onnxruntime(model, inputs)
    actual = compiled(model, inputs, "--quantize=none")
    for name in outputs:
        check_close(actual[name], expected[name], rtol=1e-4, atol=1e-5)
    return model


def convolutions(middle, constants, channels=8, out=4, added=0):
    """conv -> middle: "a" to "b", which has `added` channels more -> conv, x: [1, 3, 16, 16] -> y."""
    weights = {"w": 0.4 * floats(channels, 3, 3, 3), "v": 0.3 * floats(out, channels + added, 3, 3, seed=2)}
    pad = {"pads": [1, 1, 1, 1]}
    nodes = [("Conv", "x,w", "a", pad), *middle, ("Conv", "b,v", "y", pad)]
    return nodes, {**weights, **constants}


def check_between_convolutions(middle, constants, least, added=0):
    """In float against ONNX Runtime, in int8 with at least so many dB."""
    x = floats(16, 3, 16, 16, seed=3)
    nodes, constants = convolutions(middle, constants, added=added)
    model = check_like_onnxruntime(nodes, {"x": x[:1]}, constants=constants)
    np.savez(scratch() / "x.npz", x=x)
    int8 = compiled(model, {"x": x[:1]}, f"--calib={scratch() / 'x.npz'}")["y"]
    noise = sqnr(int8, run_onnxruntime(model, {"x": x[:1]})["y"])
    check(noise > least, f"{noise:.1f} dB")


@case
def instance_normalization_between_convolutions():
    constants = {"scale": 1 + 0.1 * floats(8), "bias": 0.1 * floats(8, seed=5)}
    middle = [("InstanceNormalization", "a,scale,bias", "n", {}), ("Relu", "n", "b", {})]
    check_between_convolutions(middle, constants, 28)


@case
def group_normalization_between_convolutions():
    constants = {
        "ones": np.ones(2, np.float32), "zeros": np.zeros(2, np.float32), "scale": 1 + 0.1 * floats(8, 1, 1),
        "bias": 0.1 * floats(8, 1, 1, seed=5), "groups": np.array([1, 2, -1]), "image": np.array([1, 8, 16, 16]),
    }  # fmt: skip
    middle = [
        ("Reshape", "a,groups", "g", {}), ("InstanceNormalization", "g,ones,zeros", "n", {}), ("Reshape", "n,image", "i", {}),
        ("Mul", "i,scale", "m", {}), ("Add", "m,bias", "s", {}), ("Sigmoid", "s", "t", {}), ("Mul", "s,t", "b", {}),
    ]  # fmt: skip
    check_between_convolutions(middle, constants, 28)


@case
def local_response_normalization_between_convolutions():
    check_between_convolutions([("LRN", "a", "b", {"size": 5, "alpha": 0.3, "beta": 0.6, "bias": 1.5})], {}, 25)


@case
def grid_sample_between_convolutions():
    grid = np.clip(0.5 * floats(1, 16, 16, 2, seed=7), -1.2, 1.2)
    check_between_convolutions([("GridSample", "a,grid", "b", {"mode": "linear"})], {"grid": grid}, 28)


@case
def padded_channels_between_convolutions():
    constants = {"pads": np.array([0, 1, 0, 0, 0, 2, 0, 0])}
    check_between_convolutions([("Sub", "a,two", "s", {}), ("Pad", "s,pads", "b", {})], constants | {"two": np.float32(2)}, 28, added=3)


@case
def gathered_numbers_between_convolutions():
    rows = np.random.default_rng(3).integers(0, 16, (1, 8, 16, 16))
    check_between_convolutions([("GatherElements", "a,rows", "b", {"axis": 2})], {"rows": rows}, 28)


@case
def classes_of_a_segmentation_in_int8():
    x = floats(16, 3, 16, 16, seed=3)
    nodes, constants = convolutions([("Relu", "a", "b", {})], {}, channels=16, out=7)
    for keep in (0, 1):
        outputs = [*nodes, ("ArgMax", "y", "class", {"axis": 1, "keepdims": keep})]
        model = check_like_onnxruntime(outputs, {"x": x[:1]}, ["class"], constants)
        np.savez(scratch() / "x.npz", x=x)
        got = compiled(model, {"x": x[:1]}, f"--calib={scratch() / 'x.npz'}")["class"]
        want = run_onnxruntime(model, {"x": x[:1]})["class"]
        check(got.shape == want.shape and got.dtype == np.int64, f"{got.dtype} {got.shape}")
        check(np.mean(got == want) > 0.95, f"{np.mean(got == want):.1%} of the classes agree")


@case
def equations_of_einsum():
    equations = {
        "ij,jk->ik": [(3, 4), (4, 5)], "ij,jk": [(3, 4), (4, 5)], "bij, bjk -> bik": [(2, 3, 4), (2, 4, 5)],
        "bhqd,bhkd->bhqk": [(2, 3, 4, 8), (2, 3, 5, 8)], "bqhd,bkhd->bhqk": [(2, 4, 3, 8), (2, 5, 3, 8)],
        "bhwc,hkc->bhwk": [(2, 4, 5, 6), (4, 3, 6)], "i,j->ij": [(3,), (4,)], "i,i->": [(5,), (5,)],
        "ij->ji": [(3, 4)], "ij->": [(3, 4)], "ijk->kj": [(3, 4, 5)], "...ij,...jk->...ik": [(2, 3, 4), (2, 4, 5)],
        "...ij,jk->...ik": [(2, 3, 4), (4, 5)], "...i,...i->...": [(2, 3, 4), (1, 4)], "i...->...": [(3, 4, 5)],
        "abc,cd,de->abe": [(2, 3, 4), (4, 5), (5, 6)], "ab,ab->ab": [(3, 4), (3, 4)], "ab,cb->ca": [(3, 4), (5, 4)],
        "ijk,ilj->kl": [(2, 3, 4), (2, 5, 3)], "abcd,cdef->abef": [(2, 3, 4, 5), (4, 5, 2, 3)], "ab,b->a": [(3, 4), (4,)],
        "aB,Bc": [(3, 4), (4, 2)], "ijkl,kl->ij": [(2, 3, 4, 5), (4, 5)], "ij,kj,lj->ikl": [(2, 3), (4, 3), (5, 3)],
    }  # fmt: skip
    nodes, inputs, wanted = [], {}, {}
    for n, (equation, shapes) in enumerate(equations.items()):
        names = [f"x{n}_{i}" for i in range(len(shapes))]
        inputs |= {name: floats(*shape, seed=i + 1) for i, (name, shape) in enumerate(zip(names, shapes))}
        nodes.append(("Einsum", ",".join(names), f"y{n}", {"equation": equation}))
        wanted[f"y{n}"] = equation, np.asarray(np.einsum(equation, *[inputs[name] for name in names]))
    results = {name: want for name, (_, want) in wanted.items()}
    actual = compiled(write(nodes, inputs, results), inputs, "--quantize=none")
    for name, (equation, want) in wanted.items():
        check(np.allclose(actual[name], want, rtol=1e-4, atol=1e-5), f"{equation}: {actual[name].shape}, {want.shape}")


@case
def weights_of_an_einsum_are_int8():
    x = floats(16, 12, 32)
    constants = {"w": 0.2 * floats(4, 8, 32), "v": 0.2 * floats(4, 8, 32, seed=4)}
    nodes = [("Einsum", "x,w", "a", {"equation": "bsm,hdm->bshd"}), ("Relu", "a", "b", {}),
             ("Einsum", "b,v", "y", {"equation": "bshd,hdm->bsm"})]  # fmt: skip
    model = check_like_onnxruntime(nodes, {"x": x[:1]}, constants=constants)
    np.savez(scratch() / "x.npz", x=x)
    text = qcc(model, f"--calib={scratch() / 'x.npz'}", "--until=fuse", output="m.mlir").read_text()
    check(text.count('"qcc.quantized_matmul"') + text.count("qcc.quantized_matmul ") + text.count('"qcc.matmul"') >= 2, text)
    noise = sqnr(compiled(model, {"x": x[:1]}, f"--calib={scratch() / 'x.npz'}")["y"], run_onnxruntime(model, {"x": x[:1]})["y"])
    check(noise > 30, f"{noise:.1f} dB")


@case
def weights_with_a_matrix_for_each_row_stay_in_float():
    x = floats(1, 16, 16, 24)
    nodes = [("Einsum", "x,w", "a", {"equation": "bhwc,hkc->bhwk"}), ("Softmax", "a", "y", {"axis": -1})]
    model = check_like_onnxruntime(nodes, {"x": x}, constants={"w": 0.1 * floats(16, 16, 24)})
    np.savez(scratch() / "x.npz", x=x)
    command = [BUILD / "bin/qcc", model, "--emit=shared", f"--calib={scratch() / 'x.npz'}", "-o", scratch() / "m.so"]
    said = run(command).stderr
    check("a matrix for each index" in said, said)
    check(sqnr(run_model(scratch() / "m.so", {"x": x})["y"], run_onnxruntime(model, {"x": x})["y"]) > 80, said)


@case
def causal_attention_is_fused():
    x = floats(1, 12, 48)
    constants = {"heads": np.array([1, 12, 3, 16]), "back": np.array([1, 12, 48]), "ones": np.full((12, 12), -np.inf, np.float32),
                 "scale": np.float32(0.25), "k": np.array(1)}  # fmt: skip
    constants |= {f"w{n}": 0.2 * floats(48, 48, seed=i) for i, n in enumerate("qkv")}
    nodes = []
    for n, perm in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        nodes += [("MatMul", f"x,w{n}", n + "0", {}), ("Reshape", f"{n}0,heads", n + "1", {}), ("Transpose", n + "1", n + "2", {"perm": perm})]
    nodes += [
        ("Trilu", "ones,k", "mask", {"upper": 1}), ("MatMul", "q2,k2", "s0", {}), ("Mul", "s0,scale", "s1", {}), ("Add", "s1,mask", "s2", {}),
        ("Softmax", "s2", "s3", {}), ("MatMul", "s3,v2", "o0", {}), ("Transpose", "o0", "o1", {"perm": [0, 2, 1, 3]}), ("Reshape", "o1,back", "y", {}),
    ]  # fmt: skip
    model = check_like_onnxruntime(nodes, {"x": x}, constants=constants)
    text = qcc(model, "--quantize=none", "--until=fuse", output="m.mlir").read_text()
    check("qcc.attention" in text and "qcc.softmax" not in text, text)


@case
def triangles_of_what_is_computed():
    x = floats(2, 5, 7)
    nodes = [("Mul", "x,x", "s", {})]
    for i, (k, upper) in enumerate([(0, 1), (0, 0), (2, 1), (-3, 0), (100, 1), (-(2**62), 0)]):
        nodes += [("Constant", "", f"k{i}", {"value_int": k}), ("Trilu", f"s,k{i}", f"y{i}", {"upper": upper})]
    model = write(nodes, {"x": x}, [f"y{i}" for i in range(6)])
    actual = compiled(model, {"x": x})
    for i, (k, cut) in enumerate([(0, np.triu), (0, np.tril), (2, np.triu), (-3, np.tril), (100, np.triu), (-100, np.tril)]):
        check_equal(actual[f"y{i}"], cut(x * x, k))


@case
def functions_of_angles_of_any_size():
    special = np.array([0, -0.0, 1e-40, np.inf, -np.inf, np.nan, 3.4e38, -1e4, 16367173.0, 1048576.0], np.float32)
    x = np.concatenate([special, floats(500) * 10, floats(500, seed=2) * 1e4, floats(500, seed=3) * 1e30])
    names = {"Sin": np.sin, "Cos": np.cos, "Tan": np.tan, "Atan": np.arctan, "Sinh": np.sinh, "Asinh": np.arcsinh}
    model = write([(op, "x", op, {}) for op in names], {"x": x}, list(names), opset=22)
    library = qcc(model, "--emit=shared", "--quantize=none", output="m.so")
    for isa in ("x86-64", "avx2", "avx512vnni"):
        if isa != "x86-64" and isa not in FEATURES:
            continue
        actual = run_model(library, {"x": x}, env={"QCC_ISA": isa})
        for op, function in names.items():
            with np.errstate(all="ignore"):
                want = function(x.astype(np.float64)).astype(np.float32)
            check_close(actual[op], want, rtol=5e-7, atol=0)
            check(np.signbit(actual[op][1]) == np.signbit(want[1]), f"{op} of -0 is {actual[op][1]}")


@case
def wrong_indices_stay_inside():
    x, wrong = floats(4, 5), np.array([[3, -7, 10**12, -(2**63), 2]])
    inside = np.array([[3, 0, 3, 0, 2]])
    constants = {"u": floats(1, 5, seed=2)}
    nodes = [("GatherElements", "x,i", "a", {"axis": 0}), ("ScatterElements", "x,i,u", "b", {"axis": 0}),
             ("ScatterElements", "x,i,u", "c", {"axis": 0, "reduction": "add"}), ("Unsqueeze", "i,last", "j0", {}),
             ("Concat", "j0,j0", "j", {"axis": 2}), ("ScatterND", "x,j,u", "d", {})]  # fmt: skip
    model = write(nodes, {"x": x, "i": inside}, "abcd", {**constants, "last": np.array([2])})
    library = qcc(model, "--emit=shared", "--quantize=none", output="m.so")
    columns = np.arange(5)
    got = run_model(library, {"x": x, "i": wrong})
    check_equal(got["a"][0], x[inside[0], columns])
    want = x.copy()
    want[inside[0], columns] = constants["u"][0]
    check_equal(got["b"], want)
    want = x.copy()
    want[inside[0], columns] += constants["u"][0]
    check_equal(got["c"], want)
    want = x.copy()
    for place, value in zip([(3, 3), (0, 0), (3, 4), (0, 0), (2, 2)], constants["u"][0]):
        want[place] = value
    check_equal(got["d"], want)


@case
def ties_and_nans_in_order():
    x = np.array([[1, 3, np.nan, 3, 0, np.nan, 3, -1]], np.float32)
    constants = {"k": np.array([5])}
    nodes = [("TopK", "x,k", "v,i", {}), ("TopK", "x,k", "w,j", {"largest": 0}), ("ArgMax", "x", "m", {"axis": 1}),
             ("ArgMax", "x", "n", {"axis": 1, "select_last_index": 1})]  # fmt: skip
    got = compiled(write(nodes, {"x": x}, list("viwjmn"), constants), {"x": x})
    check_equal(got["i"], np.array([[2, 5, 1, 3, 6]]))
    check_equal(got["v"], x[:, got["i"][0]])
    check_equal(got["j"], np.array([[7, 4, 0, 1, 3]]))
    check(got["m"][0, 0] == 2 and got["n"][0, 0] == 5, f"{got['m']} {got['n']}")


@case
def sequences_reversed_by_lengths_of_the_run():
    lengths = np.array([1, 4, 0, 3])
    for time, x in ((0, floats(4, 4, 3)), (1, floats(4, 4, 3))):
        nodes = [("ReverseSequence", "x,n", "y", {"time_axis": time, "batch_axis": 1 - time})]
        got = compiled(write(nodes, {"x": x, "n": lengths}, ["y"]), {"x": x, "n": lengths})["y"]
        want = x.copy()
        for b, n in enumerate(lengths):
            if time == 0:
                want[:n, b] = x[:n, b][::-1]
            else:
                want[b, :n] = x[b, :n][::-1]
        check_equal(got, want)


@case
def swish_and_its_gate_by_their_bodies():
    x = floats(3, 8)
    model = write([("Swish", "x", "y", {"alpha": 1.5})], {"x": x}, ["y"], opset=24)
    check_close(compiled(model, {"x": x})["y"], x / (1 + np.exp(-1.5 * x)), rtol=1e-5, atol=1e-6)


@case
def sizes_that_depend_on_data_are_refused():
    x = floats(3, 4)
    says = ["'NonZero_1'", "how large 'y' is depends on the model's inputs", "whose input is 'a'"]
    result = {"y": np.zeros((2, 12), np.int64)}
    check_refused(write([("Abs", "x", "a", {}), ("NonZero", "a", "y", {})], {"x": x}, result), says=says)
    check_refused(write([("Unique", "x", "y", {})], {"x": x}, {"y": x.ravel()}), says=["cut the model before this node"])
    nodes = [("NonZero", "c", "p", {}), ("Add", "p,n", "y", {})]
    places = write(nodes, {"n": np.array(0)}, {"y": np.zeros((2, 3), np.int64)}, {"c": np.array([[0, 2], [3, 4]])})
    check_equal(compiled(places, {"n": np.array(0)})["y"], np.array([[0, 1, 1], [1, 0, 1]]))


@case
def what_makes_no_sense_is_refused():
    x, i, k, u = floats(3, 4), np.array([[1, 2]]), np.array([5]), floats(1, 2)

    def refuse(node, inputs, constants, *says):
        check_refused(write([(*node[:2], "y", node[2])], inputs, {"y": x}, constants), says=[f"'{node[0]}_0'", *says])

    top = write([("TopK", "x,k", "v,y", {})], {"x": x}, {"y": np.zeros((3, 5), np.int64)}, {"k": k})
    check_refused(top, says=["'TopK_0'", "k is 5 but axis 1 has 4 elements"])
    refuse(("Einsum", "x", {"equation": "ii->i"}), {"x": floats(3, 3)}, {}, "takes a diagonal")
    refuse(("Einsum", "x,x", {"equation": "ij,jk->ik"}), {"x": x}, {}, "gives one axis the sizes")
    refuse(("Trilu", "x,k", {}), {"x": x, "k": np.array(1)}, {}, "'k' must be a constant")
    refuse(("ScatterElements", "x,i,u", {"axis": 7}), {"x": x, "i": i, "u": u}, {}, "axis is 7")
    refuse(("ScatterND", "x,i,u", {}), {"x": x, "i": i, "u": u}, {}, "has updates of shape 1x2")
    refuse(("OneHot", "i,d,v", {}), {"i": i, "d": np.array(3)}, {"v": floats(2)}, "'depth' must be a constant")


main()

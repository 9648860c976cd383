"""Operators of com.microsoft, which ONNX Runtime's optimiser writes, against ONNX Runtime, and attention among them as one kernel."""

from support import *

ISAS = ("x86-64", "avx2", "avx512vnni")
RNG = np.random.default_rng(5)


def array(*shape, scale=1.0):
    return (scale * RNG.standard_normal(shape)).astype(np.float32)


def build(path, op, inputs, outputs, constants=(), **attributes):
    """A model of one node. `inputs` maps names to arrays, "" skips a place; those of `constants` become initialisers."""
    import onnx
    from onnx import helper, numpy_helper

    node = helper.make_node(op, list(inputs), outputs, name="n", domain="com.microsoft", **attributes)
    given = {name: value for name, value in inputs.items() if name.strip("-")}
    node.input[:] = [name if name.strip("-") else "" for name in inputs]
    kind = lambda v: onnx.helper.np_dtype_to_tensor_dtype(v.dtype)
    ends = [helper.make_tensor_value_info(n, kind(v), v.shape) for n, v in given.items() if n not in constants]
    initializers = [numpy_helper.from_array(given[name], name) for name in constants]
    type_of = lambda name: onnx.TensorProto.INT32 if name == "lengths" else onnx.TensorProto.FLOAT
    results = [helper.make_tensor_value_info(name, type_of(name), None) for name in outputs if name]
    graph = helper.make_graph([node], "contrib", ends, results, initializers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return {name: value for name, value in given.items() if name not in constants}


def compare(op, inputs, outputs=("y",), fused=0, isas=("avx2",), **more):
    model = scratch() / "m.onnx"
    given = build(model, op, inputs, list(outputs), **more)
    wanted = run_onnxruntime(model, given)
    run([BUILD / "bin/qcc", "--until=fuse", "--quantize=none", model, "-o", scratch() / "m.mlir"])
    text = (scratch() / "m.mlir").read_text()
    check(text.count('"qcc.attention"') == fused, f"{op}: not fused:\n{text}")
    library = qcc(model, "--emit=shared", "--quantize=none", output="m.so")
    for isa in isas:
        if isa == "x86-64" or isa in FEATURES:
            got = run_model(library, given, env={"QCC_ISA": isa})
            for name in filter(None, outputs):
                check_close(got[name], wanted[name], rtol=1e-3, atol=2e-5)
    return text


@case
def functions():
    x, bias = array(3, 40), array(40)
    for op in ("Gelu", "QuickGelu"):
        compare(op, {"x": x})
    for op in ("BiasGelu", "FastGelu"):
        compare(op, {"x": x, "b": bias}, constants=["b"])
    compare("FastGelu", {"x": x})


@case
def products():
    a, b = array(2, 5, 7), array(2, 7, 3)
    compare("FusedMatMul", {"a": a, "b": b}, alpha=0.25)
    compare("FusedMatMul", {"a": a.swapaxes(1, 2).copy(), "b": b.swapaxes(1, 2).copy()}, transA=1, transB=1)
    compare("FusedMatMul", {"a": a, "w": array(3, 7)}, constants=["w"], transB=1, alpha=2.0)


@case
def normalisations():
    x, skip, gamma, beta, bias = array(2, 5, 16), array(2, 5, 16), array(16), array(16), array(16)
    parts = {"x": x, "skip": skip, "gamma": gamma, "beta": beta, "bias": bias}
    compare("SkipLayerNormalization", parts, ["y", "", "", "sum"], constants=["gamma", "beta", "bias"], epsilon=1e-5)
    compare("SkipLayerNormalization", {"x": x, "skip": skip, "gamma": gamma}, constants=["gamma"])
    ids, types = RNG.integers(0, 20, (2, 6)).astype(np.int32), RNG.integers(0, 2, (2, 6)).astype(np.int32)
    tables = {"words": array(20, 16), "places": array(9, 16), "kinds": array(2, 16), "gamma": gamma, "beta": beta}
    compare("EmbedLayerNormalization", {"ids": ids, "types": types, **tables}, ["y", "lengths"], constants=list(tables))
    mask = np.array([[1, 1, 1, 1, 0, 0], [1] * 6], np.int32)
    more = {"mask": mask, "positions": RNG.integers(0, 9, (2, 6)).astype(np.int32)}
    compare("EmbedLayerNormalization", {"ids": ids, "types": types, **tables, **more}, ["y", "lengths", "sum"], constants=list(tables))


def multi_head(batch=2, queries=5, keys=7, heads=4, depth=8, width=8, more=None, **attributes):
    inputs = {"q": array(batch, queries, heads * depth), "k": array(batch, keys, heads * depth), "v": array(batch, keys, heads * width)}
    return compare("MultiHeadAttention", {**inputs, **(more or {})}, num_heads=heads, fused=1, **attributes)


@case
def heads_of_all_kinds():
    multi_head(isas=ISAS)
    multi_head(batch=1, queries=13, keys=13, heads=3, depth=20, width=12, scale=0.1, isas=ISAS)
    multi_head(queries=6, keys=6, unidirectional=1)
    multi_head(more={"b": array(3 * 32)}, constants=["b"])


@case
def masks_of_heads():
    mask = (RNG.random((2, 7)) > 0.3).astype(np.int32)
    mask[:, 0] = 1
    multi_head(more={"-": None, "mask": mask}, isas=ISAS)
    multi_head(more={"-": None, "lengths": np.array([3, 7], np.int32)})
    multi_head(more={"-": None, "--": None, "added": array(2, 4, 5, 7)})
    multi_head(more={"-": None, "mask": mask, "added": array(1, 1, 5, 7)})


@case
def past_keys_and_values():
    past = {"-": None, "--": None, "---": None, "pk": array(2, 4, 3, 8), "pv": array(2, 4, 3, 8)}
    multi_head(queries=2, keys=2, more=past, outputs=["y", "present_k", "present_v"], isas=ISAS)


@case
def attention_with_its_projection():
    x, weights, bias = array(2, 6, 24), array(24, 3 * 32, scale=0.3), array(3 * 32)
    mask = np.array([[1, 1, 1, 1, 0, 0], [1] * 6], np.int32)
    parts = {"x": x, "w": weights, "b": bias}
    text = compare("Attention", parts, num_heads=4, fused=1, constants=["w", "b"], isas=ISAS)
    check(text.count('"qcc.matmul"') == 1, "the product is one")
    compare("Attention", {**parts, "mask": mask}, num_heads=4, fused=1, constants=["w", "b"])
    compare("Attention", parts, num_heads=4, fused=1, constants=["w", "b"], unidirectional=1)
    past = {"-": None, "past": array(2, 2, 4, 3, 8)}
    compare("Attention", {**parts, **past}, ["y", "present"], num_heads=4, fused=1, constants=["w", "b"])


@case
def what_is_not_supported_is_named():
    x = array(2, 5, 32)
    for attributes, says in [
        ({"do_rotary": 1}, "attribute 'do_rotary' is not supported"),
        ({"num_heads": 5}, "attribute 'num_heads' is 5, which does not divide the hidden size 32"),
    ]:
        build(scratch() / "m.onnx", "Attention", {"x": x, "w": array(32, 96)}, ["y"], constants=["w"], **{"num_heads": 4, **attributes})
        check_refused(scratch() / "m.onnx", says=["node 'n' (Attention): error:", says])
    build(scratch() / "m.onnx", "MultiHeadAttention", {"q": array(2, 5, 4, 3, 8)}, ["y"], num_heads=4)
    check_refused(scratch() / "m.onnx", says=["input 'query' has 5 dimensions; 3 are supported"])
    mean = {"x": x, "skip": x.copy(), "gamma": array(32)}
    build(scratch() / "m.onnx", "SkipLayerNormalization", mean, ["y", "mean"], constants=["gamma"])
    check_refused(scratch() / "m.onnx", says=["output 1 ('mean')"])


main()

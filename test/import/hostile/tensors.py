"""Tensors and types that lie, and attributes that ask for the impossible."""

from models import *


def with_weight(weight, x=(1, 4)):
    return model([h.make_node("Add", ["x", "w"], ["y"], name="a")], [weight], inputs=[value("x", x)])


def raw(dims, data, kind=F32):
    return T(name="w", data_type=kind, dims=dims, raw_data=data)


@case
def too_few_bytes():
    refuse(with_weight(raw([4], b"12345678")), "tensor 'w': has 8 bytes of FLOAT data", "16")


@case
def too_many_bytes():
    refuse(with_weight(raw([4], bytes(20))), "tensor 'w': has 20 bytes", "16")


@case
def dimensions_that_overflow():
    refuse(with_weight(raw([2**32, 2**32], bytes(16))), "tensor 'w'")
    refuse(with_weight(raw([2**31, 2**31, 4], bytes(16))), "tensor 'w'")
    refuse(with_weight(raw([2**62], bytes(16))), "tensor 'w'")


@case
def a_negative_dimension():
    refuse(with_weight(raw([-4], bytes(16))), "tensor 'w': has dimension -4")


@case
def an_unknown_element_type():
    for kind in (0, 77, T.STRING, T.COMPLEX64, T.INT2):
        refuse(with_weight(raw([4], bytes(16), kind)), "tensor 'w': element type", "not supported")


@case
def an_empty_tensor_is_legal():
    concat = h.make_node("Concat", ["x", "w"], ["y"], axis=1)
    accept(model([concat], [tensor("w", np.zeros((1, 0), np.float32))]))


@case
def typed_fields_and_raw_bytes_are_the_same():
    for kind, array in [
        (T.FLOAT, [1.5, -2, 3, 4]),
        (T.INT64, [1, -2, 3, 4]),
        (T.UINT8, [1, 200, 3, 4]),
        (T.FLOAT16, [1.5, -2, 3, 4]),
        (T.INT4, [-8, 7, -1, 0]),
        (T.BOOL, [True, False, True, True]),
    ]:
        texts = []
        for packed in (False, True):
            t = h.make_tensor("w", kind, [4], np.array(array, h.tensor_dtype_to_np_dtype(kind)))
            if packed:
                t = numpy_helper.from_array(numpy_helper.to_array(t), "w")
            texts.append(accept(model([], [t], inputs=[], outputs=[value("w", [4], kind)])))
        check(texts[0] == texts[1], f"{kind}:\n{texts[0]}\n{texts[1]}")


@case
def integers_where_floats_are_asked():
    conv = h.make_node("Conv", ["x", "w"], ["y"], name="c")
    proto = model([conv], [tensor("w", np.ones((1, 1, 1, 1), np.int8))], inputs=[value("x", (1, 1, 4, 4))])
    refuse(proto, "node 'c' (Conv): error:")


@case
def inputs_that_are_no_tensors():
    sequence = h.make_tensor_sequence_value_info("x", F32, [4])
    refuse(model([relu()], inputs=[sequence]), "input 'x' is a sequence")
    sparse = h.make_sparse_tensor_value_info("x", F32, [4])
    refuse(model([relu()], inputs=[sparse]), "input 'x' is a sparse tensor")
    optional = h.make_value_info("x", h.make_optional_type_proto(h.make_tensor_type_proto(F32, [4])))
    refuse(model([relu()], inputs=[optional]), "input 'x' is an optional")
    refuse(model([relu()], inputs=[value("x", [4], T.STRING)]), "input 'x' has element type STRING")


@case
def sparse_initializers():
    broken = model([h.make_node("Add", ["x", "w"], ["y"])])
    values = tensor("w", np.ones(1, np.float32))
    broken.graph.sparse_initializer.append(h.make_sparse_tensor(values, tensor("i", np.zeros(1, np.int64)), [4]))
    refuse(broken, "'w'", "sparse")


@case
def a_declared_output_type_that_is_wrong():
    refuse(model([relu()], outputs=[value("y", kind=T.INT64)]), "output 'y' is declared with element type INT64")


@case
def results_too_large_for_any_machine():
    shape = tensor("s", np.array([2**20, 2**20], np.int64))
    fill = h.make_node("ConstantOfShape", ["s"], ["f"], name="fill")
    refuse(model([fill, h.make_node("Add", ["x", "f"], ["y"])], [shape]), "node 'fill' (ConstantOfShape): error:")
    pads = tensor("p", np.array([0, 2**40, 0, 2**40], np.int64))
    refuse(model([h.make_node("Pad", ["x", "p"], ["y"], name="pad")], [pads]), "node 'pad' (Pad): error:")
    scales = tensor("s", np.array([1, 2.0**40], np.float32))
    refuse(model([h.make_node("Resize", ["x", "", "s"], ["y"], name="up")], [scales]), "node 'up' (Resize): error:")


def one(op, inputs, says, x=(1, 2, 4, 4), initializers=(), **attributes):
    node = h.make_node(op, inputs, ["y"], name="n", **attributes)
    refuse(model([node], initializers, inputs=[value("x", x)]), f"node 'n' ({op}): error:", *says)


WEIGHT = tensor("w", np.ones((2, 2, 3, 3), np.float32))


@case
def convolutions():
    for attributes, says in [
        ({"strides": [0, 1]}, "strides"),
        ({"dilations": [2**40, 1]}, "dilations"),
        ({"group": 0}, "group"),
        ({"group": 3}, "group"),
        ({"kernel_shape": [5, 5]}, "kernel_shape"),
        ({"pads": [1, 1]}, "pads"),
        ({"auto_pad": "SOMEHOW"}, "auto_pad"),
    ]:
        one("Conv", ["x", "w"], [says], initializers=[WEIGHT], **attributes)
    one("Conv", ["x", "w"], ["reaches over 3", "has 2"], x=(1, 2, 2, 2), initializers=[WEIGHT])


@case
def an_attribute_of_the_wrong_type():
    one("Softmax", ["x"], ["axis"], axis="one")
    one("Softmax", ["x"], ["axis"], axis=1.0)


@case
def an_unknown_attribute():
    one("Relu", ["x"], ["frobnicate"], frobnicate=1)


@case
def flags_that_are_neither_0_nor_1():
    for op, attribute in [("ReduceSum", "keepdims"), ("ReduceL1", "keepdims"), ("ArgMax", "select_last_index"), ("AveragePool", "ceil_mode")]:
        more = {"kernel_shape": [1, 1]} if op == "AveragePool" else {}
        one(op, ["x"], [f"{attribute} is 2 but must be 0 or 1"], **{attribute: 2}, **more)


@case
def rows_of_a_cache_that_begin_nowhere():
    for start in (-1, 2**63 - 1):
        given = [tensor("c", np.ones((1, 4, 3), np.float32)), tensor("u", np.ones((1, 2, 3), np.float32)), tensor("i", np.array([start]))]
        node = h.make_node("TensorScatter", ["c", "u", "i"], ["y"], name="n")
        refuse(model([node], given, opset=24), "node 'n' (TensorScatter): error:", f"from position {start} on")


@case
def axes_out_of_range():
    one("Softmax", ["x"], ["axis", "7"], axis=7)
    one("Concat", ["x", "x"], ["axis", "-9"], axis=-9)
    one("Transpose", ["x"], ["perm"], perm=[0, 0, 1, 2])


@case
def reshapes():
    for shape in ([-1, -1], [5, 5], [-7, 2], [0, 0, 0, 0, 0]):
        one("Reshape", ["x", "s"], [], initializers=[tensor("s", np.array(shape, np.int64))])


@case
def a_shape_that_is_no_constant():
    node = h.make_node("Reshape", ["x", "s"], ["y"], name="n")
    proto = model([node], inputs=[value("x"), value("s", [2], T.INT64)])
    refuse(proto, "input 'shape' must be a constant", "--set")
    check("1x2x2" in accept(proto, "--set=s=2,2").replace("2x2", "1x2x2"), "reshaped")


@case
def slices():
    ends = [tensor(n, np.array([v], np.int64)) for n, v in [("b", 0), ("e", 2), ("a", 1), ("s", 0)]]
    one("Slice", ["x", "b", "e", "a", "s"], ["step"], initializers=ends)


@case
def depth_to_space():
    one("DepthToSpace", ["x"], ["blocksize", "0"], blocksize=0)
    one("DepthToSpace", ["x"], ["blocksize"], blocksize=2**40)


@case
def a_gather_beyond_the_end():
    one("Gather", ["x", "i"], ["9"], initializers=[tensor("i", np.array([9], np.int64))], axis=2)


@case
def a_gemm_of_scalars():
    one("Gemm", ["x", "x"], [], x=())


@case
def quantisation():
    zero, minus = np.float32(0), np.float32(-1)
    for scale in (zero, minus, np.float32("nan"), np.float32("inf")):
        for op in ("QuantizeLinear", "DequantizeLinear"):
            kind = F32 if op == "QuantizeLinear" else T.UINT8
            node = h.make_node(op, ["x", "s"], ["y"], name="q")
            proto = model([node], [tensor("s", scale)], inputs=[value("x", kind=kind)], outputs=[value("y", kind=0)])
            refuse(proto, f"node 'q' ({op}): error: scale 0 is")


@case
def zero_points_of_the_wrong_type():
    node = h.make_node("DequantizeLinear", ["x", "s", "z"], ["y"], name="q")
    given = [tensor("s", np.float32(1)), tensor("z", np.int8(0))]
    refuse(model([node], given, inputs=[value("x", kind=T.UINT8)]), "zero point has element type INT8", "UINT8")


@case
def scales_unlike_the_channels():
    node = h.make_node("QuantizeLinear", ["x", "s"], ["y"], name="q", axis=1)
    scale = tensor("s", np.ones(3, np.float32))
    refuse(model([node], [scale], outputs=[value("y", kind=T.UINT8)]), "has 3 scales, but axis 1 of the input has size 4")


main()

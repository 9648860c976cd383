"""MobileNetV2 with its own QuantizeLinears: each region by itself, and the whole, against ONNX Runtime."""

import onnx
from onnx import TensorProto, helper, numpy_helper

from support import *

FOLDER = MODELS / "mobilenetv2"
MODEL = FOLDER / "mobilenetv2_10_224_ptq_qdq.onnx"
ISAS = ["x86-64", "avx2", "avxvnni", "avx512vnni"]


def photographs(count):
    pixels = np.load(MODELS / "images_cc/images36_u8_nhwc.npy")[:count]
    scaled = pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def with_batch_of_one(model):
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    return model


def constants(model):
    return {value.name: numpy_helper.to_array(value) for value in model.graph.initializer}


def show_bytes(model):
    """The model with the result of every QuantizeLinear as an output besides; gives its (name, type, shape)s."""
    del model.graph.value_info[:]
    typed = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    written = {node.output[0] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    cuts = [value for value in typed.graph.value_info if value.name in written]
    model.graph.output.extend(cuts)
    return [(v.name, v.type.tensor_type.elem_type, [d.dim_value for d in v.type.tensor_type.shape.dim]) for v in cuts]


def cut(model, cuts):
    """All regions in one model: what reads a QuantizeLinear's result reads a new input instead."""
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            if name in {c[0] for c in cuts}:
                node.input[i] = f"{name}_in"
    model.graph.input.extend(helper.make_tensor_value_info(f"{n}_in", kind, shape) for n, kind, shape in cuts)


@case
def every_region_fed_the_same_bytes_is_within_one_step_of_onnx_runtime():
    require("shared-models")
    model = with_batch_of_one(onnx.load(MODEL))
    cuts = show_bytes(model)
    check(len(cuts) == 66, f"{len(cuts)} regions")
    onnx.save(model, scratch() / "shown.onnx")
    cut(model, cuts)
    onnx.save(model, scratch() / "regions.onnx")
    march = "avx2" if "avx2" in FEATURES else "x86-64"  # all give the same bytes
    library = qcc(scratch() / "regions.onnx", "--emit=shared", f"--march={march}", output="regions.so")
    least = 1
    for image in photographs(1):
        theirs = run_onnxruntime(scratch() / "shown.onnx", {"input": image[None]}, optimise=False)
        given = {f"{name}_in": theirs[name] for name, _, _ in cuts}
        ours = run_model(library, {"input": image[None], **given})
        for name, _, _ in cuts:
            check(ours[name].dtype == theirs[name].dtype, f"{name}: {ours[name].dtype}")
            check_close(ours[name].astype(int), theirs[name].astype(int), rtol=0, atol=1)
            equal = np.mean(ours[name] == theirs[name])
            least = min(least, equal)
            check(equal >= 0.999, f"{name}: only {100 * equal:.3f} % of the values are equal")
    print(f"at least {100 * least:.3f} % of each region's values are equal")


def logits(library, images, isa=None, *options):
    env = {"QCC_ISA": isa} if isa else None
    return run_model(library, {"input": images[:, None]}, "--samples", *options, env=env)["output"].reshape(len(images), -1)


@case
def all_photographs_get_the_same_class_and_logits_within_eight_steps():
    require("shared-models")
    step = constants(onnx.load(MODEL))["s_854"].item()
    images = photographs(36)
    theirs = run_onnxruntime(MODEL, {"input": images}, optimise=False)["output"]
    ours = logits(qcc(MODEL, "--emit=shared", output="m.so"), images)
    agree = int(np.sum(ours.argmax(1) == theirs.argmax(1)))
    print(f"top-1 agrees on {agree} of 36, logits at most {np.abs(ours - theirs).max() / step:.1f} steps apart")
    check(agree == 36, f"top-1 agrees on {agree} of 36")
    check_close(ours, theirs, rtol=0, atol=8.01 * step)


@case
def variants_threads_and_optimisation_do_not_change_a_byte():
    require("shared-models")
    images = photographs(2)
    built = qcc(MODEL, "--emit=shared", output="m.so")
    first = logits(built, images, "x86-64")
    for isa in ISAS:
        if isa == "x86-64" or isa in FEATURES:
            for threads in (1, 2):
                check_equal(logits(built, images, isa, f"--threads={threads}"), first)
    plain = qcc(MODEL, "--emit=shared", "-O0", "--march=x86-64", output="plain.so")
    check_equal(logits(plain, images), first)


def weight_bytes(model):
    """Unpadded: a byte for each weight, four for each bias and for each channel's scale."""
    values, bytes_of_all = constants(model), 0
    made_by = {node.output[0]: node for node in model.graph.node}
    for node in model.graph.node:
        if node.op_type == "Conv":
            weight, bias = (values[made_by[name].input[0]] for name in node.input[1:3])
            bytes_of_all += weight.size + 4 * bias.size + 4 * len(weight)
    return bytes_of_all


@case
def the_object_is_weights_and_little_more():
    require("shared-models")
    built = qcc(MODEL, output="m.o")
    most = weight_bytes(onnx.load(MODEL)) + 600 * 1024
    size = built.stat().st_size
    check(size < most, f"the object has {size / 1024:.0f} KiB, not less than {most / 1024:.0f}")
    print(f"object {size / 1024:.0f} KiB, weights {(most - 600 * 1024) / 1024:.0f} KiB")
    runtime = (BUILD / "lib/libqcc_rt.a").stat().st_size
    check(SANITIZE or runtime < 64 * 1024, f"the runtime has {runtime / 1024:.0f} KiB")


main()

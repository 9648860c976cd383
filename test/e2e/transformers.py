"""The shared transformers in float against their stored reference outputs."""

from support import *

FASHION = MODELS / "fashion-mnist/models"
ISAS = ("x86-64", "avx2", "avx512vnni")


def check_fashion(name, isas=ISAS):
    require("shared-models")
    images, wanted = np.load(FASHION / "input_0.npy"), np.load(FASHION / f"expected_{name.removesuffix('_b1')}.npy")
    library = qcc(FASHION / f"{name}.onnx", "--emit=shared", "--quantize=none", output="m.so")
    for isa in isas:
        if isa == "x86-64" or isa in FEATURES:
            outputs = run_model(library, {"input": images[:, None]}, "--samples", env={"QCC_ISA": isa})
            check_close(outputs["output"].reshape(wanted.shape), wanted)


@case
def vision_transformer_matches():
    check_fashion("fm_vit_ts_b1")


@case
def vision_transformer_of_the_other_exporter_matches():
    check_fashion("fm_vit_dynamo", ("avx2",))


@case
def sentence_embeddings_match():
    require("shared-models")
    model = scratch() / "minilm_l6_v2.onnx"
    run([sys.executable, MODELS / "minilm/make.py", model])
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {name: np.load(MODELS / f"minilm/input_{name}.npy") for name in names}
    wanted = np.load(MODELS / "minilm/expected_sentence_embedding.npy")
    shapes = [f"--shape={name}:1x32" for name in names]
    library = qcc(model, "--emit=shared", "--quantize=none", *shapes, output="m.so")
    samples = {name: value[:24, None] for name, value in inputs.items()}
    got = run_model(library, samples, "--samples")["sentence_embedding"]
    check_close(got.reshape(24, -1), wanted[:24])
    model.unlink()


main()

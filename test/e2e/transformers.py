"""Transformers and recurrent networks that were trained: float against stored outputs, dynamic and static int8 by
what they lose."""

import gzip

from support import *

sys.path.insert(0, str(ROOT / "docs/examples"))
from run_so import Model

features.load_sanitizers(BUILD)
FASHION = MODELS / "fashion-mnist"
SILERO = MODELS / "silero_vad"
ISAS = ("x86-64", "avx2", "avx512vnni")
INT8 = "--quantize=dynamic"
FLOAT = "--quantize=none"


def check_fashion(name, isas=ISAS):
    require("shared-models")
    stem = name.removesuffix("_b1")
    images, wanted = np.load(FASHION / "models/input_0.npy"), np.load(FASHION / f"models/expected_{stem}.npy")
    library = qcc(FASHION / f"models/{name}.onnx", "--emit=shared", FLOAT, output="m.so")
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
def lstm_matches():
    check_fashion("fm_lstm_ts_b1")


@case
def lstm_of_the_other_exporter_matches():
    check_fashion("fm_lstm_dynamo", ("avx2",))


def fashion(part, count):
    """Images, normalised as in training, with their labels."""
    read = lambda name, skip: np.frombuffer(gzip.decompress((FASHION / f"data/{part}-{name}-ubyte.gz").read_bytes())[skip:], np.uint8)
    images = read("images-idx3", 16).reshape(-1, 1, 1, 28, 28)[:count]
    return ((images / np.float32(255) - np.float32(0.2860)) / np.float32(0.3530)).astype(np.float32), read("labels-idx1", 8)[:count]


def check_accuracy(model):
    """Dynamic and static int8 lose at most 0.15 points of the 10,000 images."""
    require("shared-models")
    images, labels = fashion("t10k", 10000)
    np.savez(scratch() / "calib.npz", input=fashion("train", 128)[0][:, 0])
    right = {}
    for name, mode in (("float", FLOAT), ("dynamic", INT8), ("static", f"--calib={scratch() / 'calib.npz'}")):
        library = qcc(model, "--emit=shared", "--march=native", mode, output="m.so")
        logits = run_model(library, {"input": images}, "--samples")["output"]
        right[name] = 100 * np.mean(logits.reshape(len(images), -1).argmax(-1) == labels)
    print(right)
    check(min(right.values()) >= right["float"] - 0.15, f"{right}")
    return right["float"]


@case
def vision_transformer_in_int8_is_as_accurate():
    check_accuracy(FASHION / "models/fm_vit_ts_b1.onnx")


@case
def lstm_in_int8_is_as_accurate():
    check_accuracy(FASHION / "models/fm_lstm_ts_b1.onnx")


@case
def gru_in_int8_is_as_accurate():
    right = check_accuracy(ROOT / "test/e2e/Inputs/fashion_gru.onnx")  # train_gru.py beside it has made it
    check(right >= 88.5, f"float is right on {right} %")


# MiniLM: 64 pairs of sentences, 32 tokens each.


def minilm():
    require("shared-models")
    model = BUILD / "test/e2e/minilm_l6_v2.onnx"
    if not model.exists():
        run([sys.executable, MODELS / "minilm/make.py", model.with_suffix(".part")])
        model.with_suffix(".part").rename(model)
    inputs = {n: np.load(MODELS / f"minilm/input_{n}.npy") for n in ("input_ids", "attention_mask", "token_type_ids")}
    return model, inputs, np.load(MODELS / "minilm/expected_sentence_embedding.npy")


def embed(model, inputs, mode, count, *options):
    library = qcc(model, "--emit=shared", mode, *options, *(f"--shape={n}:1x32" for n in inputs), output="m.so")
    samples = {name: value[:count, None] for name, value in inputs.items()}
    got = run_model(library, samples, "--samples")["sentence_embedding"]
    return got.reshape(count, -1), library


@case
def sentence_embeddings_match():
    model, inputs, wanted = minilm()
    got, library = embed(model, inputs, FLOAT, 32)
    check_close(got, wanted[:32])
    got = run_model(library, {n: v[5:6] for n, v in inputs.items()}, env={"QCC_ISA": "x86-64"})
    check_close(got["sentence_embedding"], wanted[5:6])


@case
def sentence_embeddings_in_int8_are_close():
    model, inputs, wanted = minilm()
    got, library = embed(model, inputs, INT8, 128)
    check(library.stat().st_size < 26 * 2**20, f"{library.stat().st_size} bytes")
    unit = lambda rows: rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    cosine = np.sum(unit(got) * unit(wanted), -1)
    check(cosine.mean() >= 0.998, f"mean cosine {cosine.mean():.5f}, least {cosine.min():.5f}")
    pairs = [np.sum(unit(e[:64]) * unit(e[64:]), -1) for e in (got, wanted)]
    worst = np.abs(pairs[0] - pairs[1]).max()
    check(worst <= 0.03, f"the similarity of a pair moves by {worst:.4f}")
    check(np.array_equal(embed_first(library, inputs, "x86-64"), embed_first(library, inputs, "x86-64")), "not the same twice")


@case
def sentence_embeddings_in_static_int8_are_close():
    # One scale for a tensor costs this network 10 dB: what is worst off is measured by row.
    model, inputs, wanted = minilm()
    data = scratch() / "calib.npz"
    np.savez(data, **{name: value[:64:2] for name, value in inputs.items()})
    got, library = embed(model, inputs, f"--calib={data}", 128, "--calib-method=l3", "--march=native")
    check(library.stat().st_size < 26 * 2**20, f"{library.stat().st_size} bytes")
    noise = sqnr(got[64:], wanted[64:])
    check(noise >= 23, f"{noise:.1f} dB on other sentences than those of the calibration")


@case
def sentence_embeddings_with_weights_of_int4_are_near():
    model, inputs, wanted = minilm()
    got, library = embed(model, inputs, INT8, 128, "--weights=int4")
    check(library.stat().st_size < 16 * 2**20, f"{library.stat().st_size} bytes")
    unit = lambda rows: rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    cosine = np.sum(unit(got) * unit(wanted), -1)
    check(cosine.mean() >= 0.98, f"mean cosine {cosine.mean():.5f}, least {cosine.min():.5f}")


def embed_first(library, inputs, isa):
    return run_model(library, {n: v[:1] for n, v in inputs.items()}, env={"QCC_ISA": isa})["sentence_embedding"]


# Silero's detector of speech: 937 chunks, the state carried from one to the next.


def check_speech(probabilities, atol):
    wanted = np.load(SILERO / "expected_probs_silero_vad.npy").ravel()
    check_close(probabilities.ravel(), wanted, rtol=0, atol=atol)


def speak(name, mode, *options, **constant_inputs):
    require("shared-models")
    library = qcc(SILERO / f"{name}.onnx", "--emit=shared", mode, *options, output="m.so")
    model, state, probabilities = Model(library), np.zeros((2, 1, 128), np.float32), []
    for chunk in np.load(SILERO / "input_chunks.npy"):
        outputs = model.run({"input": chunk[None], "state": state, **constant_inputs})
        state = outputs["stateN"].reshape(state.shape)
        probabilities.append(outputs["output"].item())
    return np.array(probabilities, np.float32)


SPEECH = ["--set=sr=16000", "--shape=input:1x576", "--shape=state:2x1x128"]


@case
def speech_is_found():
    check_speech(speak("silero_vad", FLOAT, *SPEECH), 1e-4)


@case
def speech_is_found_by_the_other_export():
    check_speech(speak("silero_vad_openvino_16k", FLOAT), 1e-4)


@case
def speech_is_found_in_int8():
    check_speech(speak("silero_vad", INT8, *SPEECH), 0.03)


@case
def speech_is_found_in_one_sequence():
    require("shared-models")
    library = qcc(SILERO / "silero_vad_16k_sequence.onnx", "--emit=shared", FLOAT, "--shape=input:937x576",
                  "--shape=h:1x1x128", "--shape=c:1x1x128", output="m.so")  # fmt: skip
    zero = np.zeros((1, 1, 128), np.float32)
    outputs = run_model(library, {"input": np.load(SILERO / "input_chunks.npy"), "h": zero, "c": zero})
    check_speech(outputs["speech_probs"], 1e-4)


main()

"""The Fashion-MNIST networks: float ones, and quantised ones whose own Q/DQ are adopted."""

import gzip

from support import *

FOLDER = MODELS / "fashion-mnist"
FLOAT = ["fm_cnn_bn", "fm_cnn_dynamo", "fm_cnn_ts"]
ADOPTED = ["fm_cnn_qat_ort", "fm_cnn_qat_trt"]
ISAS = ["x86-64", "avx2", "avxvnni", "avx512vnni"]


def test_images(count):
    with gzip.open(FOLDER / "data/t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)[:count]
    return ((pixels / np.float32(255) - np.float32(0.2860)) / np.float32(0.3530)).astype(np.float32)


def library(name, *options):
    return qcc(FOLDER / f"models/{name}_b1.onnx", "--emit=shared", *options, output=f"{name}.so")


def logits(built, images, isa=None, *options):
    samples = images[:, None]  # the model's own batch is 1
    outputs = run_model(built, {"input": samples}, "--samples", *options, env={"QCC_ISA": isa} if isa else None)
    return outputs["output"].reshape(len(images), 10)


@case
def float_models_match_their_references():
    require("shared-models")
    images = np.load(FOLDER / "models/input_0.npy")
    for name in FLOAT:
        expected = np.load(FOLDER / f"models/expected_{name}.npy")
        check_close(logits(library(name, "--quantize=none"), images), expected)


@case
def adopted_models_agree_with_onnx_runtime_on_the_images():
    require("shared-models")
    images = test_images(10000)
    for name in ADOPTED:
        ours = logits(library(name), images)
        model = FOLDER / f"models/{name}.onnx"
        theirs = run_onnxruntime(model, {"input": images}, optimise=False)["output"]
        agree = np.mean(ours.argmax(1) == theirs.argmax(1))
        print(f"{name}: agrees on {100 * agree:.2f} %")
        check(agree >= 0.995, f"{name}: agrees on {100 * agree:.2f} % of the images, not 99.5 %")


@case
def adopted_models_give_the_same_bytes_in_every_variant_and_thread_count():
    require("shared-models")
    images = test_images(100)
    for name in ADOPTED:
        built = library(name)
        first = logits(built, images, "x86-64")
        for isa in ISAS:
            if isa != "x86-64" and isa not in FEATURES:
                continue
            for threads in (1, 2):
                check_equal(logits(built, images, isa, f"--threads={threads}"), first)


@case
def an_object_and_its_header_make_a_c_program():
    require("shared-models")
    built = qcc(FOLDER / "models/fm_cnn_qat_ort_b1.onnx", output="fm.o")
    source = scratch() / "main.c"
    source.write_text(
        r"""
#include "fm.h"
#include <stdio.h>

static unsigned char work[FM_WORKSPACE_BYTES];

int main(void) {
  float image[FM_INPUT_ELEMENTS], logits[FM_OUTPUT_ELEMENTS];
  fm_inputs in = {image};
  fm_outputs out = {logits};
  if (fread(image, sizeof image, 1, stdin) != 1)
    return 2;
  if (fm_run(&in, &out, work, NULL) != QCC_OK)
    return 3;
  for (int i = 0; i < FM_OUTPUT_ELEMENTS; ++i)
    printf("%.9g\n", (double)logits[i]);
  return 0;
}
"""
    )
    program = link([source], [built])
    image = np.load(FOLDER / "models/input_0.npy")[0]
    done = run([program], input=image.tobytes(), text=False)
    ours = np.array(done.stdout.split(), np.float32)
    check_close(ours, np.load(FOLDER / "models/expected_fm_cnn_qat_ort.npy")[0], rtol=0, atol=0.5)


@case
def two_objects_link_into_one_cpp_program():
    require("shared-models")
    objects = [qcc(FOLDER / f"models/{name}_b1.onnx", output=f"{name}.o") for name in ADOPTED]
    body = """
  {
    NAME_inputs in = {image};
    NAME_outputs out = {logits};
    std::vector<unsigned char> work(UPPER_WORKSPACE_BYTES);
    if (NAME_run(&in, &out, work.data(), nullptr) != QCC_OK)
      return 3;
    for (float logit : logits)
      std::printf("%.9g\\n", double(logit));
  }"""
    uses = "".join(body.replace("NAME", name).replace("UPPER", name.upper()) for name in ADOPTED)
    includes = "".join(f'#include "{name}.h"\n' for name in ADOPTED)
    source = scratch() / "main.cpp"
    source.write_text(
        f"""{includes}#include <cstdio>
#include <vector>
int main() {{
  float image[28 * 28], logits[10];
  if (std::fread(image, sizeof image, 1, stdin) != 1)
    return 2;{uses}
}}
"""
    )
    image = np.load(FOLDER / "models/input_0.npy")[0]
    done = run([link([source], objects)], input=image.tobytes(), text=False)
    ours = np.array(done.stdout.split(), np.float32).reshape(2, 10)
    theirs = [np.load(FOLDER / f"models/expected_{name}.npy")[0] for name in ADOPTED]
    check_close(ours, np.stack(theirs), rtol=0, atol=0.5)


main()

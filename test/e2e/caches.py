"""Keys and values that grow by one token a run: --shape=past_key_values.0.key:1x4x0..63x8."""


from Inputs.decoders import DEPTH, WORDS, gpt, llama
from support import *

features.load_sanitizers(BUILD)
FLOAT, INT8 = "--quantize=none", "--quantize=dynamic"
sys.path.insert(0, str(ROOT / "docs/examples"))


def states(groups, layers=2):
    """Before the first token."""
    return {f"past_key_values.{i}.{n}": np.zeros((1, groups, 0, DEPTH), np.float32) for i in range(layers) for n in ("key", "value")}


def inputs_of(kind, token, position):
    more = {"attention_mask": np.ones((1, position + 1), np.int64), "position_ids": np.array([[position]])} if kind == "llama" else {}
    return {"input_ids": np.array([[token]])} | more


def generate(run, kind, tokens, groups):
    """The logits behind each token."""
    state, logits = states(groups), []
    for position, token in enumerate(tokens):
        results = run(inputs_of(kind, token, position) | state)
        logits.append(results.pop("logits")[0, -1])
        state = {name.replace("present", "past_key_values"): value for name, value in results.items()}
        check(all(value.shape == (1, groups, position + 1, DEPTH) for value in state.values()), "a state has another shape")
    return np.stack(logits)


def onnxruntime(model):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs)))


def compile(model, kind, groups, *options, most=63):
    shapes = ["--shape=input_ids:1x1", f"--shape=past_key_values.0.key:1x{groups}x0..{most}x{DEPTH}"]
    return qcc(model, "--emit=shared", "--march=native", *shapes, *options, output=f"{kind}{''.join(options)}.so")


KINDS = {"gpt": (gpt, 4), "llama": (llama, 2)}
TOKENS = np.random.default_rng(5).integers(0, WORDS, 20)


@case
def twenty_tokens_are_those_of_onnxruntime():
    from run_so import Model

    for kind, (make, groups) in KINDS.items():
        model = make(scratch() / f"{kind}.onnx")
        wanted = generate(onnxruntime(model), kind, TOKENS, groups)
        for mode in (FLOAT, INT8):
            compiled = Model(compile(model, kind, groups, mode), threads=2)

            def run(inputs):
                compiled._work[:] = 255  # nothing of the run before
                return compiled.run(inputs)

            got = generate(run, kind, TOKENS, groups)
            if mode == FLOAT:
                check_close(got, wanted, 1e-4, 1e-5)
            else:
                check(sqnr(got, wanted) > 25, f"{kind}: {sqnr(got, wanted):.1f} dB")


@case
def attention_over_a_cache_is_fused():
    for kind, (make, groups) in KINDS.items():
        model = make(scratch() / f"{kind}.onnx")
        run([BUILD / "bin/qcc", "--until=fuse", FLOAT, "--shape=input_ids:1x1", f"--shape=past_key_values.0.key:1x{groups}x0..63x{DEPTH}", model, "-o", scratch() / "m.mlir"])
        fused = (scratch() / "m.mlir").read_text().count('"qcc.attention"')
        check(fused == 2, f"{kind}: {fused} of 2 fused")


PROGRAM = r"""
#include "m.h"
#include <string.h>
#define ROOM M_PRESENT_0_KEY_ELEMENTS
static unsigned char work[M_WORKSPACE_BYTES];
static float key[2][ROOM], value[2][ROOM];
/* Twenty tokens; `buffers` 1: each state stays where it is. */
static qcc_status generate(float *logits, int buffers) {
  m_outputs out = {0};
  for (int64_t position = 0; position < 20; ++position) {
    const int64_t token = position * 7 % 40;
    m_inputs in = {.input_ids = &token, .past_key_values_0_key = key[0], .past_key_values_0_value = value[0]};
    const int64_t shape[4] = {1, 4, position, 8};
    if (position > 0 && memcmp(out.present_0_key_shape, shape, sizeof shape))
      return QCC_ERR_SHAPE;
    memcpy(in.past_key_values_0_key_shape, shape, sizeof shape);
    memcpy(in.past_key_values_0_value_shape, shape, sizeof shape);
    out.logits = logits + 40 * position;
    out.present_0_key = key[buffers - 1];
    out.present_0_value = value[buffers - 1];
    memset(work, 255, sizeof work);
    qcc_status status = m_run(&in, &out, work, NULL);
    if (status != QCC_OK)
      return status;
    memcpy(key[0], key[buffers - 1], sizeof key[0]);
    memcpy(value[0], value[buffers - 1], sizeof value[0]);
  }
  return QCC_OK;
}
int main(void) {
  static float apart[20 * 40], in_place[20 * 40];
  const int64_t most[] = M_PAST_KEY_VALUES_0_KEY_SHAPE, least[] = M_PAST_KEY_VALUES_0_KEY_MIN_SHAPE;
  if (most[2] != 30 || least[2] != 0 || ROOM != 4 * 31 * 8)
    return 1;
  if (generate(apart, 2) != QCC_OK || generate(in_place, 1) != QCC_OK)
    return 2;
  if (memcmp(apart, in_place, sizeof apart) || apart[0] == apart[40])
    return 3;
  m_inputs in = {.past_key_values_0_key = key[0], .past_key_values_0_value = value[0]};
  m_outputs out = {.logits = apart, .present_0_key = key[0] + 1, .present_0_value = value[1]};
  const int64_t token = 1, shape[4] = {1, 4, 3, 8}, other[4] = {1, 4, 2, 8}, many[4] = {1, 4, 31, 8};
  in.input_ids = &token;
  memcpy(in.past_key_values_0_key_shape, shape, sizeof shape);
  memcpy(in.past_key_values_0_value_shape, shape, sizeof shape);
  if (m_run(&in, &out, work, NULL) != QCC_ERR_ARGUMENT) /* not where the input begins */
    return 4;
  out.present_0_key = key[1];
  memcpy(in.past_key_values_0_value_shape, other, sizeof other);
  if (m_run(&in, &out, work, NULL) != QCC_ERR_SHAPE)
    return 5;
  memcpy(in.past_key_values_0_key_shape, many, sizeof many);
  memcpy(in.past_key_values_0_value_shape, many, sizeof many);
  return m_run(&in, &out, work, NULL) == QCC_ERR_SHAPE ? 0 : 6;
}
"""


@case
def states_stay_in_one_place():
    model = gpt(scratch() / "gpt.onnx", layers=1)
    shapes = ["--shape=input_ids:1x1", f"--shape=past_key_values.0.key:1x4x0..30x{DEPTH}"]
    compiled = qcc(model, FLOAT, *shapes, output="m.o")
    (scratch() / "main.c").write_text(PROGRAM)
    run([link([scratch() / "main.c"], [compiled])])
    header = (scratch() / "m.h").read_text()
    check("may be the memory of past_key_values_0_key or past_key_values_0_value" in header, header)


@case
def lengths_are_sums_of_others():
    """The mask's is past + sequence by its name, or by the command line."""
    from run_so import Model

    groups = 2
    for total, more in (("past + sequence", []), ("total", ["--shape=attention_mask:1xpast+1"])):
        model = llama(scratch() / "m.onnx", layers=1, total=total)
        compiled = Model(compile(model, "llama", groups, FLOAT, *more))
        inputs = inputs_of("llama", 3, 2) | {n: v.repeat(2, axis=2) for n, v in states(groups, 1).items()}
        inputs |= {name: np.ones((1, groups, 2, DEPTH), np.float32) for name in states(groups, 1)}
        check_close(compiled.run(inputs)["logits"], onnxruntime(model)(inputs)["logits"], 1e-4, 1e-5)
        try:
            compiled.run(inputs | {"attention_mask": np.ones((1, 2), np.int64)})
        except RuntimeError as error:
            check("shape" in str(error), str(error))
        else:
            check(False, "a mask of another length is taken")


@case
def a_prompt_and_what_was_before_have_two_lengths():
    from run_so import Model

    for kind, (make, groups) in KINDS.items():
        model = make(scratch() / f"{kind}.onnx", layers=1)
        library = qcc(model, "--emit=shared", "--march=native", FLOAT, "--shape=input_ids:1x1..6",
                      f"--shape=past_key_values.0.key:1x{groups}x0..11x{DEPTH}", output=f"{kind}.so")  # fmt: skip
        compiled, wanted = Model(library), onnxruntime(model)
        for past, tokens in ((0, 6), (11, 1), (4, 3), (0, 1), (11, 6), (5, 5)):
            inputs = {"input_ids": TOKENS[None, :tokens]} | {
                name: np.random.default_rng(i).standard_normal((1, groups, past, DEPTH)).astype(np.float32) for i, name in enumerate(states(groups, 1))
            }
            if kind == "llama":
                inputs |= {"attention_mask": np.ones((1, past + tokens), np.int64), "position_ids": np.arange(past, past + tokens)[None]}
            compiled._work[:] = 255
            got = compiled.run(inputs)
            for name, value in wanted(inputs).items():
                check(got[name].shape == value.shape, f"{name}: {got[name].shape} for {value.shape}")
                check_close(got[name], value, 1e-4, 1e-5)


main()

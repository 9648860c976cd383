//===- FakeModel.h - a model written by hand --------------------*- C++ -*-===//
//
// Steps that shuffle an array between two buffers: element i of step k depends
// on an element that another thread wrote in step k-1, so that a missing or
// leaking barrier changes the result.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TEST_RUNTIME_FAKEMODEL_H
#define QCC_TEST_RUNTIME_FAKEMODEL_H

#include "qcc/runtime.h"
#include <cstdlib>
#include <cstring>
#include <vector>

namespace fake {

constexpr uint32_t count = 97; // prime: the shuffle is a permutation
constexpr uint32_t steps = 12;
constexpr uint64_t bufferBytes = count * sizeof(uint32_t);
constexpr uint64_t workBytes = 2 * bufferBytes + 63;

inline uint32_t step(uint32_t source, uint32_t number) { return source * 2654435761u + number; }

template <uint32_t Number> void shuffle(const qcc_frame *frame, uint32_t thread, uint32_t threads) {
  auto *buffers = reinterpret_cast<uint32_t *>(frame->work);
  const void *from = Number == 0 ? frame->in[0] : buffers + (Number % 2) * count;
  void *to = Number == steps - 1 ? frame->out[0] : buffers + ((Number + 1) % 2) * count;
  for (uint32_t i = count * thread / threads; i < count * (thread + 1) / threads; ++i) {
    uint32_t value; // the caller's buffers may be misaligned
    memcpy(&value, static_cast<const char *>(from) + 4 * (i * 31 % count), 4);
    value = step(value, Number);
    memcpy(static_cast<char *>(to) + 4 * i, &value, 4);
  }
}

inline std::vector<uint32_t> input() {
  std::vector<uint32_t> values(count);
  for (uint32_t i = 0; i < count; ++i)
    values[i] = i * i + 5;
  return values;
}

inline std::vector<uint32_t> expected() {
  std::vector<uint32_t> values = input(), next(count);
  for (uint32_t number = 0; number < steps; ++number, values = next)
    for (uint32_t i = 0; i < count; ++i)
      next[i] = step(values[i * 31 % count], number);
  return values;
}

const int64_t shape[] = {count};
const qcc_tensor_info inputs[] = {{"in:0", "in_0", QCC_TYPE_U32, 1, shape, nullptr, bufferBytes, 0, 0}};
const qcc_tensor_info outputs[] = {{"out/x", "out_x", QCC_TYPE_U32, 1, shape, nullptr, bufferBytes, 0, 0}};
const qcc_step_fn shuffles[] = {shuffle<0>, shuffle<1>, shuffle<2>, shuffle<3>, shuffle<4>,  shuffle<5>,
                                shuffle<6>, shuffle<7>, shuffle<8>, shuffle<9>, shuffle<10>, shuffle<11>};
const qcc_step_info infos[steps] = {};
const qcc_variant everywhere[] = {{"x86-64", 0, shuffles}};

inline qcc_model model() {
  qcc_model made = {};
  made.abi_version = QCC_ABI_VERSION;
  made.struct_bytes = sizeof(qcc_model);
  made.name = "fake";
  made.manifest = "{}";
  made.n_inputs = made.n_outputs = 1;
  made.inputs = inputs;
  made.outputs = outputs;
  made.workspace_bytes = workBytes;
  made.n_steps = steps;
  made.n_variants = 1;
  made.steps = infos;
  made.variants = everywhere;
  return made;
}

/// A model of other steps with no tensors and no workspace.
inline qcc_model bare(const qcc_variant *variant, const qcc_step_info *stepInfos, uint32_t stepCount) {
  qcc_model made = model();
  made.n_inputs = made.n_outputs = 0;
  made.workspace_bytes = 0;
  made.variants = variant;
  made.steps = stepInfos;
  made.n_steps = stepCount;
  return made;
}

/// The buffers of one run, each with exactly the bytes it needs.
struct Run {
  std::vector<uint32_t> in = input(), out = std::vector<uint32_t>(count);
  std::vector<unsigned char> work = std::vector<unsigned char>(workBytes);

  qcc_status operator()(const qcc_model &model, qcc_pool *pool = nullptr) {
    const void *ins[] = {in.data()};
    void *outs[] = {out.data()};
    return qcc_run(&model, ins, outs, work.data(), work.size(), pool);
  }
};

} // namespace fake

#endif // QCC_TEST_RUNTIME_FAKEMODEL_H

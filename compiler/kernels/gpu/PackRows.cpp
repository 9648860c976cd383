//===- PackRows.cpp - Weights as GPUs read them -----------------------------===//
#include "compiler/kernels/gpu/Gpu.h"
#include "llvm/Support/MathExtras.h"

namespace qcc::kernels::gpu {

Bytes packRows(const GemmSpec &spec, llvm::ArrayRef<int8_t> weights) {
  constexpr int64_t chunk = 16, tileBytes = panelColumns * lineDepth;
  Segments segments = segmentsOf(spec);
  int64_t panelBytes = segments.packedSteps() * chunk * panelColumns;
  Bytes bytes(packedWeightBytes(spec));
  const int8_t *source = weights.data();
  for (int64_t group = 0; group < spec.groups; ++group)
    for (int64_t column = 0; column < spec.n; ++column) {
      int64_t panel = group * panelsOf(spec) + column / panelColumns;
      uint8_t *line = &bytes[panel * panelBytes + lineOf(column % panelColumns) * lineDepth];
      for (int64_t segment = 0; segment < segments.outer * segments.inner; ++segment)
        for (int64_t depth = 0; depth < segments.depth; ++depth) {
          int64_t at = segment * segments.steps * chunk + depth;
          line[at / lineDepth * tileBytes + at % lineDepth] = static_cast<uint8_t>(*source++);
        }
    }
  return bytes;
}

} // namespace qcc::kernels::gpu

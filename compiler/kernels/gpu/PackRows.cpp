//===- PackRows.cpp - Weights as GPUs read them -----------------------------===//
#include "compiler/kernels/gpu/Gpu.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

namespace qcc::kernels::gpu {

bool hasLines(const GemmSpec &spec) { return !spec.nibbles && (!spec.isFloat || fitsBlocks(spec)); }

template <typename T> Bytes packRows(const GemmSpec &spec, llvm::ArrayRef<T> weights) {
  bool isF32 = spec.isFloat && !spec.isBf16;
  int64_t lineElements = lineDepth / spec.inBytes(), tileElements = panelColumns * lineElements;
  Segments segments = segmentsOf(spec);
  int64_t stepDepth = lineElements / segments.multiple;
  Bytes bytes(packedWeightBytes(spec));
  const T *source = weights.data();
  for (int64_t group = 0; group < spec.groups; ++group)
    for (int64_t column = 0; column < spec.n; ++column) {
      int64_t panel = group * panelsOf(spec) + column / panelColumns;
      uint8_t *line = &bytes[panel * panelBytes(spec)];
      int64_t first = lineOf(column % panelColumns) * lineElements;
      for (int64_t segment = 0; segment < segments.outer * segments.inner; ++segment)
        for (int64_t depth = 0; depth < segments.depth; ++depth) {
          int64_t at = segment * segments.steps * stepDepth + depth;
          int64_t place =
              first + at / lineElements * tileElements + placeInLine(at % lineElements, sizeof(T), isF32);
          std::memcpy(line + place * sizeof(T), source++, sizeof(T));
        }
    }
  return bytes;
}

template Bytes packRows(const GemmSpec &, llvm::ArrayRef<int8_t>);
template Bytes packRows(const GemmSpec &, llvm::ArrayRef<uint16_t>);
template Bytes packRows(const GemmSpec &, llvm::ArrayRef<float>);

} // namespace qcc::kernels::gpu

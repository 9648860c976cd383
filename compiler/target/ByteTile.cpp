//===- ByteTile.cpp - The targets that have tiles of their own ------------===//
#include "compiler/target/ByteTile.h"

using namespace mlir;
using namespace qcc::target;

namespace qcc::target {
std::unique_ptr<ByteTile> createX86ByteTile(VectorOps &ops, int64_t rows, int64_t vectors, bool wideWeights);
std::unique_ptr<ByteTile> createAArch64ByteTile(VectorOps &ops, const Variant &variant, bool isBf16,
                                                int64_t rows, int64_t vectors);
} // namespace qcc::target

ByteTile::~ByteTile() = default;

std::unique_ptr<ByteTile> ByteTile::create(VectorOps &ops, const Variant &variant, bool isBf16, int64_t rows,
                                           int64_t vectors, bool wideWeights) {
  if (variant.packing == Packing::Pairs)
    return createAArch64ByteTile(ops, variant, isBf16, rows, vectors);
  // SSE's instructions overwrite an operand: what they copy for that takes the registers that this would
  // need.
  bool isAvx2 = llvm::StringRef(variant.triple).starts_with("x86_64") && variant.vectorBytes == 32;
  if (isAvx2 && !variant.isGpu && !variant.hasVnni && !isBf16)
    return createX86ByteTile(ops, rows, vectors, wideWeights);
  return nullptr;
}

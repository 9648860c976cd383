//===- ByteTile.cpp - The targets that have tiles of their own ------------===//
#include "compiler/target/ByteTile.h"

using namespace mlir;
using namespace qcc::target;

namespace qcc::target {
std::unique_ptr<ByteTile> createX86ByteTile(VectorOps &ops, bool isBf16, int64_t rows, int64_t vectors,
                                            bool wideWeights);
std::unique_ptr<ByteTile> createAArch64ByteTile(VectorOps &ops, const Variant &variant, bool isBf16,
                                                int64_t rows, int64_t vectors);
} // namespace qcc::target

ByteTile::~ByteTile() = default;

std::unique_ptr<ByteTile> ByteTile::create(VectorOps &ops, const Variant &variant, bool isBf16, int64_t rows,
                                           int64_t vectors, bool wideWeights) {
  if (variant.packing == Packing::Pairs)
    return createAArch64ByteTile(ops, variant, isBf16, rows, vectors);
  constexpr int64_t fewestRows = 4; // to prepare activations for
  bool isX86 = llvm::StringRef(variant.triple).starts_with("x86_64") && !variant.isGpu;
  // SSE's instructions overwrite an operand: what they copy for that takes the registers that this would
  // need.
  bool takesBytes = isX86 && variant.vectorBytes == 32 && !variant.hasVnni && !isBf16;
  bool takesPairs = isX86 && variant.vectorBytes > 16 && !variant.hasBf16 && isBf16 && rows >= fewestRows;
  if (takesBytes || takesPairs)
    return createX86ByteTile(ops, isBf16, rows, vectors, wideWeights);
  return nullptr;
}

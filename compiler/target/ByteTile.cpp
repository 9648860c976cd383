//===- ByteTile.cpp - The targets that have tiles of their own ------------===//
#include "compiler/target/ByteTile.h"

using namespace mlir;
using namespace qcc::target;

namespace qcc::target {
std::unique_ptr<ByteTile> createAArch64ByteTile(VectorOps &ops, const Variant &variant, bool isBf16,
                                                int64_t rows, int64_t vectors);
}

ByteTile::~ByteTile() = default;

std::unique_ptr<ByteTile> ByteTile::create(VectorOps &ops, const Variant &variant, bool isBf16, int64_t rows,
                                           int64_t vectors) {
  if (variant.packing == Packing::Pairs)
    return createAArch64ByteTile(ops, variant, isBf16, rows, vectors);
  return nullptr;
}

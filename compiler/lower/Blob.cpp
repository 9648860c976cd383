//===- Blob.cpp - The constants of a program as bytes ---------------------===//

#include "compiler/lower/Blob.h"

#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

using namespace qcc::lower;

int64_t Blob::add(llvm::ArrayRef<uint8_t> entry) {
  int64_t offset = llvm::alignTo(bytes.size(), alignment);
  auto [known, isNew] = offsets.try_emplace({llvm::xxh3_64bits(entry), entry.size()}, offset);
  if (!isNew && entry == llvm::ArrayRef(bytes).slice(known->second, entry.size()))
    return known->second;
  bytes.resize(offset);
  bytes.insert(bytes.end(), entry.begin(), entry.end());
  return offset;
}

std::vector<uint8_t> Blob::take() {
  if (!bytes.empty())
    bytes.resize(llvm::alignTo(bytes.size(), alignment) + slack);
  return std::move(bytes);
}

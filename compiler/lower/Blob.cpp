//===- Blob.cpp - The constants of a program as bytes ---------------------===//

#include "compiler/lower/Blob.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/SHA256.h"

using namespace qcc::lower;

int64_t Blob::add(llvm::ArrayRef<uint8_t> entry) {
  std::array<uint8_t, 32> hash = llvm::SHA256::hash(entry);
  std::string key(reinterpret_cast<const char *>(hash.data()), hash.size());
  auto [it, isNew] = offsets.try_emplace(key, int64_t(llvm::alignTo(bytes.size(), alignment)));
  if (isNew) {
    bytes.resize(it->second);
    bytes.insert(bytes.end(), entry.begin(), entry.end());
  }
  return it->second;
}

std::vector<uint8_t> Blob::take() {
  if (!bytes.empty())
    bytes.resize(llvm::alignTo(bytes.size(), alignment) + slack);
  return std::move(bytes);
}

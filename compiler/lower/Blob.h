//===- Blob.h - The constants of a program as bytes -------------*- C++ -*-===//
#ifndef QCC_COMPILER_LOWER_BLOB_H
#define QCC_COMPILER_LOWER_BLOB_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include <cstdint>
#include <vector>

namespace qcc::lower {

/// Collects packed weights, parameters and tables. Equal content is stored once.
class Blob {
public:
  /// Every entry is followed by this many readable bytes: kernels load whole
  /// vectors past the end of a row.
  static constexpr int64_t slack = 64;
  static constexpr int64_t alignment = 64;

  /// Adds bytes and returns their offset.
  int64_t add(llvm::ArrayRef<uint8_t> bytes);
  template <typename T> int64_t addValues(llvm::ArrayRef<T> values) {
    return add(
        llvm::ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(values.data()), values.size() * sizeof(T)));
  }

  /// All bytes, the last entry's slack included.
  std::vector<uint8_t> take();
  bool empty() const { return bytes.empty(); }

private:
  std::vector<uint8_t> bytes;
  llvm::DenseMap<std::pair<uint64_t, uint64_t>, int64_t> offsets; ///< hash and size of an entry -> its offset
};

} // namespace qcc::lower

#endif // QCC_COMPILER_LOWER_BLOB_H

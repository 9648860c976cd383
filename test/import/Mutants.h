//===- Mutants.h - Damaged copies of a small model --------------*- C++ -*-===//
#ifndef QCC_TEST_IMPORT_MUTANTS_H
#define QCC_TEST_IMPORT_MUTANTS_H

#include <cstdint>
#include <string>

namespace qcc::test {

/// The bytes of a small ONNX model: a convolution, a pool, a product, with
/// quantisation of its own where `quantised`.
std::string smallModel(bool quantised);

/// A copy with a few bytes changed, moved or missing: what a disk or a network does.
std::string withDamagedBytes(std::string bytes, uint32_t seed);

/// A copy that is still a message, with a few fields changed: names, dimensions,
/// attributes, operators. What a faulty or a hostile writer does.
std::string withDamagedFields(const std::string &bytes, uint32_t seed);

} // namespace qcc::test

#endif // QCC_TEST_IMPORT_MUTANTS_H

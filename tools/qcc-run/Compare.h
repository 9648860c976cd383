//===- Compare.h - an output against what it should be ----------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_RUN_COMPARE_H
#define QCC_TOOLS_QCC_RUN_COMPARE_H

#include "compiler/support/Npy.h"
#include "tools/qcc-run/Options.h"

namespace qcc::run {

struct Comparison {
  size_t elements = 0, wrong = 0;
  /// Where the error is largest; a NaN on one side only counts as infinite.
  size_t worst = 0;
  double maxError = 0, sqnr = 0, rtol = 0, atol = 0;
};

/// Both arrays have the same type and shape; `type` is the output's qcc_type.
Comparison compare(const support::NpyArray &got, const support::NpyArray &expected, uint32_t type,
                   const Options &options);

/// One line, and where elements are wrong the neighbourhood of the worst.
std::string comparisonText(const Comparison &comparison, const std::string &name, uint32_t type,
                           const support::NpyArray &got, const support::NpyArray &expected);

} // namespace qcc::run

#endif // QCC_TOOLS_QCC_RUN_COMPARE_H

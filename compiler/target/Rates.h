//===- Rates.h - What number formats gain on a processor --------*- C++ -*-===//
#ifndef QCC_COMPILER_TARGET_RATES_H
#define QCC_COMPILER_TARGET_RATES_H

#include "compiler/target/Target.h"

namespace qcc::target {

/// Multiply-adds of bf16 in the time of one of f32, by this variant's own kernels; where processors with the
/// variant differ, on the worst of them. Of memory's time it says nothing.
double bf16Rate(const Variant &variant);

} // namespace qcc::target

#endif // QCC_COMPILER_TARGET_RATES_H

//===- Profile.h - How long the steps of an object take here ----*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_PROFILE_H
#define QCC_TOOLS_QCC_PROFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace qcc::driver {

struct StepTimes {
  std::string isa;                  ///< the variant that ran
  std::vector<double> microseconds; ///< minimum of each step, in the program's order
};

/// Runs `object`, whose symbols start with `prefix`, for a fraction of a second
/// on this machine, one thread. False, and why, where that is not possible.
bool timeSteps(llvm::ArrayRef<char> object, llvm::StringRef prefix, StepTimes &times, std::string &error);

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_PROFILE_H

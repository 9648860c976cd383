//===- Jit.h - A compiled model in this process -----------------*- C++ -*-===//
#ifndef QCC_COMPILER_EMIT_JIT_H
#define QCC_COMPILER_EMIT_JIT_H

#include "qcc/runtime.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace qcc::emit {

/// A model's object, loaded to run here: for calibration and for tests.
class LoadedModel {
public:
  /// `object` as compileModule writes it; `prefix` is its symbols' prefix.
  static llvm::Expected<std::unique_ptr<LoadedModel>> load(llvm::ArrayRef<char> object,
                                                           llvm::StringRef prefix);
  ~LoadedModel();

  const qcc_model &model() const { return *descriptor; }

private:
  LoadedModel();
  struct State;
  std::unique_ptr<State> state;
  const qcc_model *descriptor = nullptr;
};

} // namespace qcc::emit

#endif // QCC_COMPILER_EMIT_JIT_H

//===- Qcc.cpp - Registration of the qcc dialect --------------------------===//

#include "dialects/Qcc.h"
#include "dialects/ops/Families.h"

using namespace mlir;

#include "dialects/QccDialect.cpp.inc"
#include "dialects/QccInterfaces.cpp.inc"

namespace qcc {
/// In the generated files, QccOps.*.cpp.
void registerQccDialectOperations(QccDialect *dialect);
} // namespace qcc

void qcc::QccDialect::initialize() { registerQccDialectOperations(this); }

LogicalResult qcc::detail::verifyInferredTypes(Operation *op) {
  SmallVector<Type> inferred;
  if (failed(cast<QccOpInterface>(op).inferTypes(inferred)))
    return failure();
  if (inferred.size() != op->getNumResults())
    return op->emitOpError("has ") << op->getNumResults() << " results but should have " << inferred.size();
  for (auto [actual, expected] : llvm::zip(op->getResultTypes(), inferred))
    if (actual != expected)
      return op->emitOpError("has result type ") << actual << " but its operands give " << expected;
  return success();
}

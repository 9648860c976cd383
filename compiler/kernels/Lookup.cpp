//===- Lookup.cpp - Tables of 256 bytes -------------------------------------===//
#include "compiler/kernels/Lookup.h"
#include "compiler/target/VectorOps.h"

using namespace mlir;

namespace qcc::kernels {

LookupTable::LookupTable(const Code &code, Value pointer) : pointer(pointer) {
  if (code.variant.isGpu)
    return;
  target::CodeBuilder builder(code.builder, code.loc);
  auto ops = target::VectorOps::create(builder, code.variant, code.variant.vectorBytes);
  if (ops->hasTables())
    table = ops->loadTable(pointer);
}

/// The same bytes at the front of a vector of another length.
static Value resizeVector(target::CodeBuilder &builder, Value bytes, int64_t from, int64_t to) {
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < to; ++i)
    order.push_back(i < from ? i : 0);
  return from == to ? bytes : builder.shuffle(bytes, bytes, order);
}

Expr LookupTable::apply(Expr bytes) const {
  const Code &code = *bytes.code;
  if (code.lanes == 1) {
    Value index = resizeInteger(bytes, code.builder.getI64Type(), /*isUnsigned=*/true).value;
    return load(code, code.offset(pointer, index), code.builder.getI8Type());
  }
  target::CodeBuilder builder(code.builder, code.loc);
  int64_t width = std::max<int64_t>(code.lanes, 16); // the shortest vector
  auto ops = target::VectorOps::create(builder, code.variant, static_cast<unsigned>(width));
  Value found = ops->lookUp(table, resizeVector(builder, bytes.value, code.lanes, width));
  return code.wrap(resizeVector(builder, found, width, code.lanes));
}

} // namespace qcc::kernels

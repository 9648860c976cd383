//===- ProductTile.cpp - Rows times a matrix, in registers ------------------===//
#include "compiler/kernels/matmul/ProductTile.h"
#include "compiler/target/Target.h"

using namespace mlir;

namespace qcc::kernels {

void ProductTile::emit(const Code &code, bool sideBySide, Finish finish) const {
  int64_t lanes = 1, done = 0;
  if (sideBySide && rightColumn == storageBytes(rightElement))
    lanes = 2 * code.variant.vectorBytes / std::max<int64_t>(storageBytes(type), 4);
  for (int64_t width = lanes; width >= 1; width = width > 4 ? width / 2 : width / 4) {
    int64_t end = done + (columns - done) / width * width;
    Code inner = code.withLanes(width);
    Value last = columnCount ? code.minIndex(code.index(end), columnCount) : code.index(end);
    if (end > done)
      code.loop(code.index(done), last, width, [&](Value column) { emitColumns(inner, column, finish); });
    done = end;
  }
}

void ProductTile::emitColumns(const Code &code, Value column, Finish finish) const {
  SmallVector<Value> sums(height, code.constant(type, int64_t(0)).value);
  Value first = code.offset(right, code.mulIndex(column, rightColumn));
  Value end = depthCount ? depthCount : code.index(depth);
  sums = code.loop(code.index(0), end, 1, sums, [&](Value k, ValueRange carried) {
    Expr vector = load(code, code.offset(first, code.mulIndex(k, rightDepth)), rightElement);
    Value row = code.offset(left, code.mulIndex(k, leftDepth));
    SmallVector<Value> next;
    for (int64_t i = 0; i < height; ++i) {
      Expr number = load(code, code.offset(row, i * leftRow), leftElement, /*broadcast=*/true);
      next.push_back(mulAdd(number, vector, code.wrap(carried[i])).value);
    }
    return next;
  });
  for (int64_t i = 0; i < height; ++i)
    finish(code, code.wrap(sums[i]), i, column);
}

} // namespace qcc::kernels

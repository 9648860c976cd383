//===- ProductTile.cpp - Rows times a matrix, in registers ------------------===//
#include "compiler/kernels/matmul/ProductTile.h"
#include "compiler/target/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace qcc::kernels {

/// Of fewer columns the last ones may take half a block.
void forColumns(const Code &code, int64_t columns, int64_t widest, Value count,
                llvm::function_ref<void(int64_t width, Value first)> write) {
  int64_t done = 0;
  auto cover = [&](Value from, Value to, int64_t width) {
    code.loop(from, to, width, [&](Value first) { write(width, first); });
  };
  for (int64_t width = widest; width >= 1; width = width > 4 ? width / 2 : width / 4) {
    int64_t end = done + (columns - done) / width * width;
    Value stop = count ? code.minIndex(code.index(end), count) : code.index(end);
    if (count && end > done && width == widest && width > 4) {
      Value blocks = arith::DivUIOp::create(
          code.builder, code.loc, code.addIndex(stop, code.index(width / 2 - 1)), code.index(width));
      Value whole = code.mulIndex(blocks, width);
      cover(code.index(done), whole, width);
      cover(whole, stop, width / 2);
    } else if (end > done) {
      cover(code.index(done), stop, width);
    }
    done = end;
  }
}

void ProductTile::emit(const Code &code, bool sideBySide, Finish finish) const {
  bool inVectors = sideBySide && rightColumn == storageBytes(rightElement);
  int64_t widest = inVectors ? 2 * code.variant.vectorBytes / std::max<int64_t>(storageBytes(type), 4) : 1;
  forColumns(code, columns, widest, columnCount, [&](int64_t width, Value first) {
    Code inner = code.withLanes(width);
    emitColumns(inner, first, finish);
  });
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

//===- NibbleColumn.cpp - A column of weights of 4 bits, in a thread --------===//
#include "compiler/kernels/gpu/NibbleColumn.h"
#include "compiler/target/nvptx/BlockOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qcc::kernels;
using namespace qcc::kernels::gpu;
using qcc::target::Values;

Expr NibbleColumn::overGroups(Value block, int64_t depth, llvm::function_ref<Expr(Value, Value)> ofGroup) {
  Values none = {scalar.f32(0).value};
  int64_t groups = llvm::divideCeil(depth, groupDepth);
  return scalar.wrap(code.forLoop(code.i64(0), code.i64(groups), 1, none, [&](Value i, ValueRange sums) {
    Value group = code.at(block, code.mul(i, form.groupBytes()));
    return Values{(scalar.wrap(sums[0]) + ofGroup(i, group)).value};
  })[0]);
}

Expr NibbleColumn::scaleOf(Value group, Value column) {
  Value at = code.at(code.at(group, 4 * form.stepBytes()), code.mul(column, form.scaleBytes()));
  return load(scalar, at, form.wideScales ? Type(code.f32()) : code.b.getBF16Type());
}

Expr NibbleColumn::zeroOf(Value group, Value column) {
  Value zeros = code.at(group, 4 * form.stepBytes() + form.panels * 32 * form.scaleBytes());
  Expr zero = load(scalar, code.at(zeros, code.mul(column, 2)), code.i16());
  return resizeInteger(zero, code.i32(), /*isUnsigned=*/false);
}

/// A half at the upper end of a byte is 16 times a weight; the scale has a sixteenth.
Expr NibbleColumn::groupOfBytes(Value row, Load wordAt, Value group, Value column) {
  constexpr int32_t upperHalves = int32_t(0xf0f0f0f0), ones = 0x01010101;
  Value sum = scalar.i32(0).value, ofRow = sum;
  for (int64_t step = 0; step < 4; ++step) {
    Value place = code.at(code.at(group, step * form.stepBytes()), code.mul(column, 4));
    Expr both = scalar.wrap(code.load(code.i32(), place, 0, 4));
    Expr halves[] = {(both << 4) & scalar.i32(upperHalves), both & scalar.i32(upperHalves)};
    for (int64_t half = 0; half < 2; ++half) {
      Value x = wordAt(code.at(row, 8 * step + 4 * half));
      sum = target::dotBytes(code, variant, sum, x, halves[half].value);
      if (form.zeros)
        ofRow = target::dotBytes(code, variant, ofRow, x, scalar.i32(ones).value);
    }
  }
  Expr exact = scalar.wrap(sum);
  if (form.zeros)
    exact = exact - (zeroOf(group, column) << 4) * scalar.wrap(ofRow);
  return toFloat(exact) * scaleOf(group, column);
}

Expr NibbleColumn::sumOfBytes(Value row, Load wordAt, Value block, Value column, int64_t depth) {
  return overGroups(block, depth, [&](Value i, Value group) {
    return groupOfBytes(code.at(row, code.mul(i, groupDepth)), wordAt, group, column);
  });
}

Expr NibbleColumn::groupOfFloats(Value row, Value group, Value column, Value count) {
  Expr zero = form.zeros ? zeroOf(group, column) : scalar.i32(0);
  Value first = code.at(group, code.mul(column, 4));
  Values none = {scalar.f32(0).value};
  Value sum = code.forLoop(code.i64(0), count, 1, none, [&](Value k, ValueRange sums) {
    Value place = code.at(code.at(first, code.mul(code.div(k, 8), form.stepBytes())), code.rem(k, 4));
    Expr both = resizeInteger(load(scalar, place, code.i8()), code.i32(), /*isUnsigned=*/true);
    Value isUpper = code.rem(code.div(k, 4), 2);
    Expr shift = resizeInteger(scalar.wrap(code.sub(code.i64(1), isUpper)), code.i32(), true) << 2;
    // To the upper end of a byte, and with its sign to the lower one of the word.
    Expr weight = shiftRightArithmetic(shiftLeft(both, shift) << 24, 28);
    Expr x = load(scalar, code.at(row, code.mul(k, 4)), code.f32());
    return Values{mulAdd(x, toFloat(weight - zero), scalar.wrap(sums[0])).value};
  })[0];
  return scalar.wrap(sum) * scaleOf(group, column);
}

Expr NibbleColumn::sumOfFloats(Value row, Value block, Value column, int64_t depth) {
  return overGroups(block, depth, [&](Value i, Value group) {
    Value done = code.mul(i, groupDepth);
    Value count = code.min(code.sub(code.i64(depth), done), code.i64(groupDepth));
    return groupOfFloats(code.at(row, code.mul(done, 4)), group, column, count);
  });
}

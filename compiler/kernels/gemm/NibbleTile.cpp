//===- NibbleTile.cpp - Sums of products with weights of 4 bits -------------===//
#include "compiler/kernels/gemm/NibbleTile.h"

using namespace mlir;
using namespace qcc::kernels;
using qcc::target::Values;
using qcc::target::VectorOps;

constexpr int64_t stepDepth = 8;

Values NibbleTile::sums(const Source &source) {
  Value column = source.column, block = source.block;
  int64_t scalesAt = groupDepth / stepDepth * form.stepBytes(),
          zerosAt = scalesAt + form.panels * 32 * form.scaleBytes();
  auto groupAt = [&](Value at, Value depth) {
    Group group{code.at(at, code.mul(column, 4)),
                code.at(code.at(at, scalesAt), code.mul(column, form.scaleBytes())),
                form.zeros ? code.at(code.at(at, zerosAt), code.mul(column, 2)) : Value(),
                {}};
    for (Value row : source.rows)
      group.rows.push_back(code.at(row, code.mul(depth, form.isFloat ? 4 : 1)));
    return group;
  };
  size_t count = source.rows.size() * columnVectors();
  Values carried(count, code.splatFloat(ops.f32s(), 0));
  carried.push_back(block);
  if (source.prefetch)
    carried.push_back(source.prefetch);
  Value end = code.mul(source.groups, groupDepth);
  carried = code.forLoop(code.i64(0), end, groupDepth, carried, [&](Value depth, ValueRange values) {
    Group group = groupAt(values[count], depth);
    Value prefetch = source.prefetch ? values.back() : Value();
    Values ofGroup =
        form.isFloat ? floatSums(group, groupDepth) : byteSums(group, prefetch, source.prefetchStep);
    Values next = addGroup(Values(values.take_front(count)), ofGroup, group);
    next.push_back(code.at(values[count], form.groupBytes()));
    if (prefetch)
      next.push_back(prefetch);
    return next;
  });
  Value rest = carried[count];
  carried.truncate(count);
  if (source.rest == 0)
    return carried;
  Group group = groupAt(rest, end);
  return addGroup(carried, floatSums(group, source.rest), group);
}

//--- Bytes -------------------------------------------------------------------//

/// Exact sums of 16 * x * (q - z) for each row. A half at the upper end of a byte is 16 times the number.
Values NibbleTile::byteSums(const Group &group, Value &prefetch, Value prefetchStep) {
  // Where dot products take 128 off the activations, one more row of zeros shows what that does.
  bool shifts = ops.shiftsActivations();
  int64_t n = columnVectors(), rows = int64_t(group.rows.size()) + shifts;
  Values carried(rows * n + (form.zeros ? rows : 0), code.splatInt(ops.i32s(), 0));
  if (prefetch)
    carried.push_back(prefetch);
  VectorType words = ops.i16s();
  Value four = code.splatInt(words, 4), upper = code.splatInt(words, int16_t(0xf0f0));
  VectorOps::Operand ones = ops.weights(code.splatInt(ops.i8s(), 16));
  auto half = [&](Value bytes, bool high) {
    Value both = code.bitcast(words, bytes);
    if (!high)
      both = arith::ShLIOp::create(code.b, code.loc, both, four);
    return ops.weights(
        code.bitcast(ops.i8s(), arith::AndIOp::create(code.b, code.loc, both, upper).getResult()));
  };
  carried = code.forLoop(code.i64(0), code.i64(groupDepth), stepDepth, carried, [&](Value k, ValueRange v) {
    Values next(v), loaded;
    Value at = code.at(group.weights, code.mul(k, form.stepBytes() / stepDepth));
    for (int64_t i = 0; i < n; ++i)
      loaded.push_back(code.load(ops.i8s(), at, offset(i, 4), 16));
    for (bool high : {false, true}) {
      SmallVector<VectorOps::Operand> columns;
      for (Value bytes : loaded)
        columns.push_back(half(bytes, high));
      for (int64_t row = 0; row < rows; ++row) {
        bool isExtra = row == int64_t(group.rows.size());
        Value word = isExtra ? code.splatInt(ops.i32s(), 0)
                             : code.splat(ops.count(),
                                          code.load(code.i32(), code.at(group.rows[row], k), high ? 4 : 0));
        VectorOps::Operand x = ops.activations(word);
        for (int64_t i = 0; i < n; ++i)
          next[row * n + i] = ops.dot(next[row * n + i], x, columns[i]);
        if (form.zeros)
          next[rows * n + row] = ops.dot(next[rows * n + row], x, ones);
      }
    }
    if (prefetch) {
      code.prefetch(next.back());
      next.back() = code.at(next.back(), prefetchStep);
    }
    return next;
  });
  if (prefetch)
    prefetch = carried.back();
  if (form.zeros) {
    Values zeros = zeroPoints(group);
    for (int64_t i = 0; i < rows * n; ++i)
      carried[i] = code.sub(carried[i], code.mul(zeros[i % n], carried[rows * n + i / n]));
  }
  int64_t real = int64_t(group.rows.size()) * n;
  for (int64_t i = 0; shifts && i < real; ++i)
    carried[i] = code.sub(carried[i], carried[real + i % n]);
  carried.truncate(real);
  for (Value &sum : carried)
    sum = arith::SIToFPOp::create(code.b, code.loc, ops.f32s(), sum);
  return carried;
}

//--- Floats ------------------------------------------------------------------//

Values NibbleTile::floatSums(const Group &group, int64_t depth) {
  Values sums(group.rows.size() * columnVectors(), code.splatFloat(ops.f32s(), 0));
  int64_t whole = depth / stepDepth * stepDepth;
  if (whole > 0)
    sums = code.forLoop(code.i64(0), code.i64(whole), stepDepth, sums, [&](Value k, ValueRange values) {
      Values next(values);
      floatStep(next, group, k, stepDepth);
      return next;
    });
  if (whole < depth)
    floatStep(sums, group, code.i64(whole), depth - whole);
  return sums;
}

/// `depth` of a step's depths; what lies behind them may be no number.
void NibbleTile::floatStep(Values &sums, const Group &group, Value step, int64_t depth) {
  int64_t n = columnVectors();
  Value at = code.at(group.weights, code.mul(step, form.stepBytes() / stepDepth));
  Values loaded, zeros = zeroPoints(group);
  for (int64_t i = 0; i < n; ++i)
    loaded.push_back(code.load(ops.i32s(), at, offset(i, 4), 16));
  for (int64_t k = 0; k < depth; ++k) {
    Values columns;
    for (int64_t i = 0; i < n; ++i) {
      Value up = code.splatInt(ops.i32s(), 28 - (k % 4 * 8 + k / 4 * 4)),
            down = code.splatInt(ops.i32s(), 28);
      Value q = arith::ShLIOp::create(code.b, code.loc, loaded[i], up);
      q = arith::ShRSIOp::create(code.b, code.loc, q, down);
      if (form.zeros)
        q = code.sub(q, zeros[i]);
      columns.push_back(arith::SIToFPOp::create(code.b, code.loc, ops.f32s(), q));
    }
    for (size_t row = 0; row < group.rows.size(); ++row) {
      Value x = code.load(code.f32(), code.at(group.rows[row], code.mul(step, 4)), k * 4, 4);
      x = code.splat(ops.count(), x);
      for (int64_t i = 0; i < n; ++i)
        sums[row * n + i] = ops.multiplyAdd(x, columns[i], sums[row * n + i]);
    }
  }
}

//--- Both --------------------------------------------------------------------//

Values NibbleTile::scales(const Group &group) {
  Values scales;
  for (int64_t i = 0; i < columnVectors(); ++i)
    scales.push_back(form.wideScales ? code.load(ops.f32s(), group.scales, offset(i, 4), 16)
                                     : ops.fromBf16(code.load(code.vec(ops.count(), code.i16()), group.scales,
                                                              offset(i, 2), 2)));
  return scales;
}

Values NibbleTile::zeroPoints(const Group &group) {
  Values zeros;
  for (int64_t i = 0; form.zeros && i < columnVectors(); ++i) {
    Value words = code.load(code.vec(ops.count(), code.i16()), group.zeros, offset(i, 2), 2);
    zeros.push_back(arith::ExtSIOp::create(code.b, code.loc, ops.i32s(), words));
  }
  return zeros;
}

/// sum + ofGroup * scale, each rounded: equal in every variant (q13).
Values NibbleTile::addGroup(const Values &sums, const Values &ofGroup, const Group &group) {
  Values factors = scales(group), next;
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value term = arith::MulFOp::create(code.b, code.loc, ofGroup[i], factors[i % factors.size()]);
    next.push_back(arith::AddFOp::create(code.b, code.loc, sum, term));
  }
  return next;
}

//===- Tables.cpp - Tables that rows are gathered from --------------------===//

#include "compiler/quantize/Tables.h"
#include "compiler/quantize/Groups.h"
#include "compiler/quantize/Scales.h"
#include "compiler/support/Rewrite.h"
#include "dialects/Constants.h"
#include "dialects/reference/Groups.h"
#include <cmath>

using namespace mlir;
using namespace qcc;
using reference::DType;
using reference::groupDepth;
using reference::Tensor;

namespace {
/// Rows picked by a gather's indices, as f32.
Value pick(GatherOp op, const Tensor &from, OpBuilder &builder) {
  Location loc = op.getLoc();
  RankedTensorType stored = tensorTypeOf(builder.getContext(), from);
  SmallVector<int64_t> shape(tensorType(op.getResult()).getShape());
  shape.back() = stored.getShape().back();
  Value constant = createConstant(builder, loc, from, stored);
  Value rows = GatherOp::create(builder, loc, stored.clone(shape), constant, op.getIndices(), 0);
  if (stored.getElementType().isF32())
    return rows;
  constexpr int64_t toF32 = 1; // TensorProto.FLOAT
  return CastOp::create(builder, loc, RankedTensorType::get(shape, builder.getF32Type()), rows, toF32);
}

void replace(GatherOp op, Value result) {
  op.getResult().replaceAllUsesWith(result);
  op->erase();
}
} // namespace

void quantize::storeTable(GatherOp op, const Tensor &rows, OpBuilder &builder) {
  int64_t width = rows.shape[1];
  WeightScales choice;
  for (int64_t row = 0; row < rows.shape[0]; ++row) {
    float &maximum = choice.maxima.emplace_back(0.0f);
    for (int64_t i = row * width; i < (row + 1) * width; ++i)
      maximum = std::max(maximum, std::fabs(rows.data<float>()[i]));
  }
  std::vector<float> chosen = choice.choose();
  Tensor bytes(DType::I8, rows.shape), scales(DType::F32, {rows.shape[0], 1});
  for (int64_t i = 0; i < rows.size(); ++i)
    bytes.data<int8_t>()[i] = quantizeWeight(rows.data<float>()[i], chosen[i / width]);
  llvm::copy(chosen, scales.data<float>());
  Value numbers = pick(op, bytes, builder), factors = pick(op, scales, builder);
  replace(op, MulOp::create(builder, op.getLoc(), op.getResult().getType(), numbers, factors, ArrayAttr()));
}

void quantize::storeTableInGroups(GatherOp op, const Tensor &rows, OpBuilder &builder) {
  int64_t count = rows.shape[0], width = rows.shape[1], groups = width / groupDepth, half = width / 2;
  Tensor bytes(DType::I8, {count, half}), scales(DType::BF16, {count, groups});
  for (int64_t row = 0; row < count; ++row) {
    const float *values = rows.data<float>() + row * width;
    for (int64_t group = 0; group < groups; ++group)
      scales.setDouble(row * groups + group, chooseGroupScale(values + group * groupDepth, groupDepth));
    auto at = [&](int64_t i) {
      return quantizeToGroup(values[i], static_cast<float>(scales.getDouble(row * groups + i / groupDepth)));
    };
    for (int64_t i = 0; i < half; ++i)
      bytes.data<int8_t>()[row * half + i] = static_cast<int8_t>(16 * at(half + i) + at(i) + 8);
  }
  Location loc = op.getLoc();
  Value packed = pick(op, bytes, builder), factors = pick(op, scales, builder);
  RankedTensorType type = tensorType(packed), whole = tensorType(op.getResult());
  auto number = [&](double value) { return createScalar(builder, loc, value, packed); };
  auto times = [&](Value x, double factor) -> Value {
    return MulOp::create(builder, loc, x.getType(), x, number(factor), ArrayAttr());
  };
  Value upper = FloorOp::create(builder, loc, type, times(packed, 1.0 / 16));
  Value lower = SubOp::create(builder, loc, type, packed, times(upper, 16));
  lower = SubOp::create(builder, loc, type, lower, number(8));
  Value numbers = ConcatOp::create(builder, loc, whole, ValueRange{lower, upper}, whole.getRank() - 1);
  SmallVector<int64_t> apart(whole.getShape().drop_back()), one;
  apart.append({groups, groupDepth});
  one = apart;
  one.back() = 1;
  numbers = createReshape(builder, loc, numbers, apart);
  factors = createReshape(builder, loc, factors, one);
  Value scaled = MulOp::create(builder, loc, whole.clone(apart), numbers, factors, ArrayAttr());
  replace(op, createReshape(builder, loc, scaled, whole.getShape()));
}

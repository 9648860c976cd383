//===- LengthRules.cpp - How operations treat positions that do not count --===//
//
// Those that move positions about are in LengthMoves.cpp, those that order them in LengthOrder.cpp, windows
// and sequences in LengthWindows.cpp. The table at the end is the whole truth: an
// operation that is not in it is refused where a bounded axis meets it. A rule says which axes of the results
// are bounded and how; where positions are mixed, it fills those that do not count with numbers that change
// nothing, of which NaN times zero is not one.
//
//===----------------------------------------------------------------------===//

#include "compiler/simplify/LengthRules.h"

#include "dialects/Chain.h"
#include "dialects/Constants.h"

namespace qcc::simplify {

using namespace mlir;
using namespace lengthRules;

namespace {
//===----------------------------------------------------------------------===//
// Each position by itself
//===----------------------------------------------------------------------===//

/// Numpy's broadcasting: along each axis of the result the operands that have it agree.
LogicalResult alike(Masker &masker, Operation *op, Results &results) {
  int64_t rank = tensorType(op->getResult(0)).getRank();
  Extents all(rank);
  for (int64_t axis = 0; axis < rank; ++axis)
    for (Value operand : op->getOperands()) {
      int64_t own = axis - (rank - tensorType(operand).getRank());
      if (own < 0 || sizeOf(operand, own) == 1)
        continue;
      const Extent &extent = masker.extents(operand)[own];
      if (!all[axis].isFixed() && extent != all[axis])
        return masker.refuse(op, "joins two axes of different lengths");
      all[axis] = extent;
    }
  for (int64_t axis = 0; axis < rank; ++axis)
    for (Value operand : op->getOperands())
      if (int64_t own = axis - (rank - tensorType(operand).getRank());
          own >= 0 && sizeOf(operand, own) != 1 && masker.extents(operand)[own] != all[axis])
        return masker.refuse(op, "joins two axes of different lengths");
  for (unsigned i = 0; i < op->getNumResults(); ++i)
    results.push_back(all);
  return success();
}

/// Scales and zero points have no bounded axis; everything else goes by the first operand.
LogicalResult byFirstOperand(Masker &masker, Operation *op, Results &results) {
  for (Value operand : op->getOperands().drop_front())
    if (anyBounded(masker.extents(operand)))
      return masker.refuse(op, "has parameters of a bounded length");
  results.push_back(masker.extents(op->getOperand(0)));
  return success();
}

LogicalResult batchNormalization(Masker &masker, Operation *op, Results &results) {
  const Extents &extents = masker.extents(op->getOperand(0));
  if (extents.size() > 1 && !extents[1].isFixed())
    return masker.refuse(op, "has a bounded number of channels");
  return byFirstOperand(masker, op, results);
}

/// Over axes of bounded length, in pieces: as many are added up as there are, and divided by as many.
Value normalizeCounted(Masker &masker, LayerNormalizationOp op, ArrayRef<int64_t> axes,
                       ArrayRef<Extent> bounded, int64_t others) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  RankedTensorType type = tensorType(op.getInput());
  SmallVector<int64_t> kept(type.getShape());
  for (int64_t axis : axes)
    kept[axis] = 1;
  RankedTensorType reduced = type.clone(kept);
  Value count = createScalar(builder, loc, double(others), op.getInput());
  for (const Extent &extent : bounded) {
    Value more = masker.countAs(op, extent, type.getElementType());
    count = MulOp::create(builder, loc, more.getType(), count, more, ArrayAttr());
  }
  auto filled = [&](Value value) {
    masker.setExtents(value, masker.extents(op.getInput()));
    for (auto [axis, extent] : llvm::enumerate(masker.extents(op.getInput())))
      if (axis >= op.getAxis() && !extent.isFixed())
        value = masker.fillRest(op, value, axis, 0);
    return value;
  };
  auto mean = [&](Value value) {
    Value sum = ReduceSumOp::create(builder, loc, reduced, value, builder.getDenseI64ArrayAttr(axes),
                                    builder.getI64IntegerAttr(1), builder.getI64IntegerAttr(0));
    return DivOp::create(builder, loc, reduced, sum, count).getResult();
  };
  auto multiply = [&](Value a, Value b) {
    return MulOp::create(builder, loc, type, a, b, ArrayAttr()).getResult();
  };
  Value apart = SubOp::create(builder, loc, type, op.getInput(), mean(filled(op.getInput())));
  apart = filled(apart);
  Value variance = mean(multiply(apart, apart));
  Value epsilon = createScalar(builder, loc, op.getEpsilon().convertToDouble(), variance);
  Value deviation = SqrtOp::create(builder, loc, reduced,
                                   AddOp::create(builder, loc, reduced, variance, epsilon, ArrayAttr()));
  Value result = DivOp::create(builder, loc, type, apart, deviation);
  if (op.getScale())
    result = multiply(result, op.getScale());
  if (op.getBias())
    result = AddOp::create(builder, loc, type, result, op.getBias(), ArrayAttr());
  return result;
}

LogicalResult layerNormalization(Masker &masker, Operation *op, Results &results) {
  auto norm = cast<LayerNormalizationOp>(op);
  const Extents extents = masker.extents(norm.getInput());
  SmallVector<int64_t> axes;
  SmallVector<Extent> bounded;
  int64_t others = 1;
  for (auto axis = static_cast<int64_t>(norm.getAxis()); axis < int64_t(extents.size()); ++axis) {
    axes.push_back(axis);
    if (extents[axis].isFixed())
      others *= sizeOf(norm.getInput(), axis);
    else
      bounded.push_back(extents[axis]);
  }
  if (bounded.empty())
    return byFirstOperand(masker, op, results);
  if (op->getNumResults() != 1 || !tensorType(norm.getInput()).getElementType().isF32())
    return masker.refuse(op, "normalises over a bounded axis numbers that are no f32, or tells the mean");
  masker.replace(norm.getResult(), normalizeCounted(masker, norm, axes, bounded, others));
  results.push_back(extents);
  return success();
}

/// What the import has seen, of operations that make an axis: all of its positions have the same numbers.
LogicalResult expand(Masker &masker, Operation *op, Results &results) {
  Value input = op->getOperand(0);
  FailureOr<Extents> seen = masker.found(op);
  if (failed(seen))
    return failure();
  Extents extents = *seen;
  int64_t more = int64_t(extents.size()) - tensorType(input).getRank();
  for (auto [axis, extent] : llvm::enumerate(masker.extents(input)))
    if (sizeOf(input, axis) != 1 &&
        (extent != extents[axis + more] || sizeOf(input, axis) != sizeOf(op->getResult(0), axis + more)))
      return masker.refuse(op, "repeats axis " + Twine(axis));
  results.push_back(extents);
  return success();
}

/// The numbers of a constant that depend on a length are computed: those of the longest run less what is
/// missing.
LogicalResult constant(Masker &masker, Operation *op, Results &results) {
  FailureOr<Extents> extents = masker.found(op);
  if (failed(extents))
    return failure();
  results.push_back(*extents);
  auto growth = op->getAttrOfType<DenseI64ArrayAttr>(growthAttr);
  if (!growth)
    return success();
  op->removeAttr(growthAttr);
  RankedTensorType type = tensorType(op->getResult(0));
  Type element = type.getElementType();
  if (!element.isF32() && !element.isSignlessInteger(64) && !element.isSignlessInteger(32))
    return masker.refuse(op, "depends on a length as numbers that are neither f32, i32 nor i64");
  OpBuilder builder(op);
  builder.setInsertionPointAfter(op);
  reference::Tensor steps = zeros(type);
  for (int64_t i = 0; i < steps.size(); ++i)
    steps.setDouble(i, static_cast<double>(growth[i + 1]));
  // How much the length is below the most, as a number of 0 or less.
  Value value = masker.countAs(op, Extent(growth[0], 1, -masker.most(growth[0])), element);
  value = MulOp::create(builder, op->getLoc(), type, createConstant(builder, op->getLoc(), steps, type),
                        value, ArrayAttr());
  Value sum = AddOp::create(builder, op->getLoc(), type, op->getResult(0), value, ArrayAttr());
  masker.replace(op->getResult(0), sum);
  return success();
}

//===----------------------------------------------------------------------===//
// Sums and the like
//===----------------------------------------------------------------------===//

/// A product sums over an axis of both operands. Behind what counts, both get zeros: NaN times zero is NaN.
LogicalResult fillDepth(Masker &masker, Operation *op, OpOperand &a, int64_t axisA, OpOperand &b,
                        int64_t axisB) {
  Extent depth = masker.extents(a.get())[axisA];
  if (depth != masker.extents(b.get())[axisB])
    return masker.refuse(op, "multiplies axes of different lengths");
  for (auto [operand, axis] : {std::pair(&a, axisA), std::pair(&b, axisB)})
    if (!depth.isFixed() && !masker.endsInZeros(operand->get(), axis))
      operand->set(masker.fillRest(op, operand->get(), axis, 0));
  return success();
}

LogicalResult matMul(Masker &masker, Operation *op, Results &results) {
  OpOperand &a = op->getOpOperand(0), &b = op->getOpOperand(1);
  Extents left = masker.extents(a.get()), right = masker.extents(b.get());
  auto rankA = static_cast<int64_t>(left.size()), rankB = static_cast<int64_t>(right.size());
  if (rankA < 2 || rankB < 2 || op->getNumOperands() != 2)
    return masker.refuse(op, "multiplies vectors");
  if (failed(fillDepth(masker, op, a, rankA - 1, b, rankB - 2)))
    return failure();
  int64_t rank = tensorType(op->getResult(0)).getRank();
  Extents extents(rank);
  for (int64_t axis = 0; axis < rank - 2; ++axis)
    for (auto [value, own, side] : {std::tuple(a.get(), axis - (rank - rankA), &left),
                                    std::tuple(b.get(), axis - (rank - rankB), &right)})
      if (own >= 0 && sizeOf(value, own) != 1) {
        if (!extents[axis].isFixed() && extents[axis] != (*side)[own])
          return masker.refuse(op, "joins two axes of different lengths");
        extents[axis] = (*side)[own];
      }
  extents[rank - 2] = left[rankA - 2];
  extents[rank - 1] = right[rankB - 1];
  results.push_back(extents);
  return success();
}

/// Zero points would have to be filled where a sum of integers is cut.
LogicalResult matMulInteger(Masker &masker, Operation *op, Results &results) {
  Extents left = masker.extents(op->getOperand(0)), right = masker.extents(op->getOperand(1));
  if (left.size() < 2 || right.size() != 2 || anyBounded(right) || !left.back().isFixed())
    return masker.refuse(op, "adds up an axis of bounded length, or multiplies by something bounded");
  for (Value zero : op->getOperands().drop_front(2))
    if (tensorType(zero).getNumElements() != 1 && anyBounded(masker.extents(zero)))
      return masker.refuse(op, "has a zero point for each row");
  left.back() = right.back();
  results.push_back(left);
  return success();
}

LogicalResult gemm(Masker &masker, Operation *op, Results &results) {
  auto gemm = cast<GemmOp>(op);
  OpOperand &a = op->getOpOperand(0), &b = op->getOpOperand(1);
  int64_t rowA = gemm.getTransA() ? 1 : 0, columnB = gemm.getTransB() ? 0 : 1;
  if (failed(fillDepth(masker, op, a, 1 - rowA, b, 1 - columnB)))
    return failure();
  Extents extents{masker.extents(a.get())[rowA], masker.extents(b.get())[columnB]};
  if (gemm.getC())
    for (auto [i, extent] : llvm::enumerate(masker.extents(gemm.getC())))
      if (size_t axis = i + 2 - masker.extents(gemm.getC()).size();
          sizeOf(gemm.getC(), i) != 1 && extent != extents[axis])
        return masker.refuse(op, "joins two axes of different lengths");
  results.push_back(extents);
  return success();
}

LogicalResult softmax(Masker &masker, Operation *op, Results &results) {
  auto softmax = cast<SoftmaxOp>(op);
  auto axis = static_cast<int64_t>(softmax.getAxis());
  Extents extents = masker.extents(softmax.getInput());
  if (!extents[axis].isFixed()) {
    softmax.getInputMutable().assign(masker.fillRest(
        op, softmax.getInput(), axis, lowestOf(tensorType(op->getResult(0)).getElementType())));
    masker.setEndsInZeros(softmax.getResult(), axis);
  }
  results.push_back(extents);
  return success();
}

/// What no element beats: of an integer the extreme of its type.
double neutralOf(Operation *op) {
  Type element = tensorType(op->getOperand(0)).getElementType();
  if (isa<ReduceMaxOp>(op))
    return lowestOf(element);
  if (isa<ReduceMinOp>(op))
    return highestOf(element);
  return isa<ReduceProdOp>(op) ? 1 : 0;
}

/// A mean is the sum of what counts by how many that are.
void divideMean(Masker &masker, ReduceMeanOp op, ArrayRef<Extent> extents, int64_t others) {
  OpBuilder builder(op);
  builder.setInsertionPointAfter(op);
  RankedTensorType type = tensorType(op.getResult());
  auto sum = ReduceSumOp::create(builder, op.getLoc(), type, op.getInput(), op.getAxesAttr(),
                                 op.getKeepdimsAttr(), op.getNoopWithEmptyAxesAttr());
  Value count = others != 1 ? createScalar(builder, op.getLoc(), double(others), op.getInput()) : Value();
  for (const Extent &extent : extents) {
    Value more = masker.countAs(sum, extent, type.getElementType());
    count = count ? MulOp::create(builder, op.getLoc(), more.getType(), count, more, ArrayAttr()) : more;
  }
  Value mean = DivOp::create(builder, op.getLoc(), type, sum, count);
  masker.replace(op.getResult(), mean);
}

} // namespace

LogicalResult lengthRules::reduce(Masker &masker, Operation *op, Results &results) {
  auto axes = op->getAttrOfType<DenseI64ArrayAttr>("axes");
  bool keeps = op->getAttrOfType<IntegerAttr>("keepdims").getInt() != 0;
  Value input = op->getOperand(0);
  Extents from = masker.extents(input), extents, bounded;
  if (!axes)
    return masker.refuse(op, "does not say which axes it reduces");
  int64_t others = 1;
  for (int64_t axis = 0; axis < int64_t(from.size()); ++axis) {
    if (!llvm::is_contained(axes.asArrayRef(), axis)) {
      extents.push_back(from[axis]);
      continue;
    }
    if (keeps)
      extents.push_back({});
    if (from[axis].isFixed())
      others *= sizeOf(input, axis);
    else
      bounded.push_back(from[axis]);
    if (!from[axis].isFixed())
      op->setOperand(0, masker.fillRest(op, op->getOperand(0), axis, neutralOf(op)));
  }
  if (auto mean = dyn_cast<ReduceMeanOp>(op); mean && !bounded.empty()) {
    if (!isa<FloatType>(tensorType(input).getElementType()))
      return masker.refuse(op, "takes the mean of integers");
    divideMean(masker, mean, bounded, others);
  }
  results.push_back(extents);
  return success();
}

namespace {
/// The range includes zero, always.
LogicalResult dynamicQuantizeLinear(Masker &masker, Operation *op, Results &results) {
  Extents extents = masker.extents(op->getOperand(0));
  masker.fillOperand(op->getOpOperand(0), 0);
  results.append({extents, {}, {}});
  return success();
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

const llvm::StringMap<LengthRule> &table() {
  static const llvm::StringMap<LengthRule> rules = [] {
    llvm::StringMap<LengthRule> map;
    auto add = [&](LengthRule rule, std::initializer_list<StringRef> names) {
      for (StringRef name : names)
        map[("qcc." + name).str()] = rule;
    };
    add(alike, {"add",        "sub",           "mul",       "div",         "pow",
                "mod",        "prelu",         "equal",     "greater",     "greater_or_equal",
                "less",       "less_or_equal", "and",       "or",          "not",
                "min",        "max",           "where",     "cast",        "clip",
                "identity",   "scast",         "bit_shift", "bitwise_and", "bitwise_or",
                "bitwise_xor"});
    add(byFirstOperand, {"quantize", "dequantize", "quantize_linear", "dequantize_linear", "lookup"});
    add(samplesOnly, {"conv_integer"});
    add(resize, {"resize"});
    add(depthToSpace, {"depth_to_space"});
    add(gridSample, {"grid_sample"});
    add(globalPool, {"global_average_pool", "global_max_pool"});
    add(batchNormalization, {"batch_normalization"});
    add(layerNormalization, {"layer_normalization"});
    add(expand, {"expand", "tile"});
    add(constant, {"constant"});
    add(transpose, {"transpose"});
    add(reshape, {"reshape", "flatten", "squeeze", "unsqueeze"});
    add(concat, {"concat"});
    add(split, {"split"});
    add(slice, {"slice"});
    add(pad, {"pad"});
    add(gather, {"gather"});
    add(gatherND, {"gather_nd"});
    add(gatherElements, {"gather_elements"});
    add(tensorScatter, {"tensor_scatter"});
    add(scatterElements, {"scatter_elements"});
    add(scatterND, {"scatter_nd"});
    add(argReduce, {"arg_max", "arg_min"});
    add(topK, {"top_k"});
    add(cumSum, {"cum_sum"});
    add(matMul, {"matmul"});
    add(matMulInteger, {"matmul_integer"});
    add(gemm, {"gemm"});
    add(softmax, {"softmax"});
    add(reduce, {"reduce_mean", "reduce_sum", "reduce_max", "reduce_min", "reduce_l2", "reduce_prod"});
    add(dynamicQuantizeLinear, {"dynamic_quantize_linear"});
    add(conv, {"conv"});
    add(convTranspose, {"conv_transpose"});
    add(maxPool, {"max_pool"});
    add(averagePool, {"average_pool"});
    add(rnn, {"rnn"});
    add(gru, {"gru"});
    add(lstm, {"lstm"});
    return map;
  }();
  return rules;
}
} // namespace

LengthRule findLengthRule(Operation *op) {
  if (LengthRule rule = table().lookup(op->getName().getStringRef()))
    return rule;
  return succeeded(stepOf(op)) ? alike : nullptr; // a function of each element
}

} // namespace qcc::simplify

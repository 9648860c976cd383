//===- LengthRules.cpp - How operations treat positions that do not count --===//
//
// Those that move positions about are in LengthMoves.cpp. The table at the end is the whole truth: an
// operation that is not in it is refused where a bounded axis meets it. A rule says which axes of the results
// are bounded and how; where positions are mixed, it fills those that do not count with numbers that change
// nothing, of which NaN times zero is not one.
//
//===----------------------------------------------------------------------===//

#include "compiler/simplify/LengthRules.h"

#include "dialects/Chain.h"
#include "dialects/Constants.h"
#include <limits>

namespace qcc::simplify {

using namespace mlir;
using namespace lengthRules;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();

Extents fixed(Value value) { return Extents(tensorType(value).getRank()); }

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

/// Convolutions, pools and the like, whose samples have nothing to do with each other.
LogicalResult samplesOnly(Masker &masker, Operation *op, Results &results) {
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    for (auto [axis, extent] : llvm::enumerate(masker.extents(operand)))
      if (!extent.isFixed() && (i != 0 || axis != 0))
        return masker.refuse(op, "mixes the positions of axis " + Twine(axis) + " of operand " + Twine(i));
  Extents extents = fixed(op->getResult(0));
  extents[0] = masker.extents(op->getOperand(0))[0];
  results.push_back(extents);
  return success();
}

LogicalResult batchNormalization(Masker &masker, Operation *op, Results &results) {
  const Extents &extents = masker.extents(op->getOperand(0));
  if (extents.size() > 1 && !extents[1].isFixed())
    return masker.refuse(op, "has a bounded number of channels");
  return byFirstOperand(masker, op, results);
}

LogicalResult layerNormalization(Masker &masker, Operation *op, Results &results) {
  auto norm = cast<LayerNormalizationOp>(op);
  const Extents &extents = masker.extents(norm.getInput());
  for (size_t axis = norm.getAxis(); axis < extents.size(); ++axis)
    if (!extents[axis].isFixed())
      return masker.refuse(op, "normalises over axis " + Twine(axis));
  return byFirstOperand(masker, op, results);
}

/// What the import has seen, of operations that make an axis: all of its positions have the same numbers.
LogicalResult expand(Masker &masker, Operation *op, Results &results) {
  Value input = op->getOperand(0);
  Extents extents = masker.found(op);
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
  results.push_back(masker.found(op));
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
  Value value = masker.countAs(op, {growth[0], 1, -masker.most(growth[0])}, element);
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
    softmax.getInputMutable().assign(masker.fillRest(op, softmax.getInput(), axis, -infinity));
    masker.setEndsInZeros(softmax.getResult(), axis);
  }
  results.push_back(extents);
  return success();
}

/// What no element beats: of an integer the extreme of its type.
double neutralOf(Operation *op) {
  Type element = tensorType(op->getOperand(0)).getElementType();
  bool isFloat = isa<FloatType>(element);
  if (isa<ReduceMaxOp>(op))
    return isFloat ? -infinity : double(reference::rangeOf(dtypeOf(element)).low);
  if (isa<ReduceMinOp>(op))
    return isFloat ? infinity : double(reference::rangeOf(dtypeOf(element)).high);
  return 0;
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

LogicalResult reduce(Masker &masker, Operation *op, Results &results) {
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

/// Over all of an image, or a line: a reduction where that has no fixed size.
LogicalResult globalPool(Masker &masker, Operation *op, Results &results) {
  Extents from = masker.extents(op->getOperand(0));
  if (from.size() < 3 || !anyBounded(Extents(from.begin() + 2, from.end())))
    return samplesOnly(masker, op, results);
  OpBuilder builder(op);
  auto spatial = llvm::to_vector(llvm::seq<int64_t>(2, from.size()));
  auto axes = builder.getDenseI64ArrayAttr(spatial);
  Value input = op->getOperand(0);
  Type type = op->getResult(0).getType();
  Operation *reduction =
      isa<GlobalMaxPoolOp>(op)
          ? ReduceMaxOp::create(builder, op->getLoc(), type, input, axes, /*keepdims=*/1, 0).getOperation()
          : ReduceMeanOp::create(builder, op->getLoc(), type, input, axes, /*keepdims=*/1, 0).getOperation();
  masker.replace(op->getResult(0), reduction->getResult(0));
  return reduce(masker, reduction, results);
}

/// The range includes zero, always.
LogicalResult dynamicQuantizeLinear(Masker &masker, Operation *op, Results &results) {
  Extents extents = masker.extents(op->getOperand(0));
  masker.fillOperand(op->getOpOperand(0), 0);
  results.append({extents, {}, {}});
  return success();
}

//===----------------------------------------------------------------------===//
// Windows and sequences
//===----------------------------------------------------------------------===//

/// Behind what counts there are zeros, as in the padding; with a step of 1 each position of the result reads
/// what it would read in a shorter run.
LogicalResult conv(Masker &masker, Operation *op, Results &results) {
  auto conv = cast<ConvOp>(op);
  Extents from = masker.extents(conv.getInput()), extents = fixed(conv.getResult());
  if (!from[1].isFixed() || anyBounded(masker.extents(conv.getFilter())))
    return masker.refuse(op, "has a bounded number of channels");
  extents[0] = from[0];
  auto spatial = static_cast<int64_t>(from.size()) - 2;
  for (int64_t i = 0; i < spatial; ++i) {
    if (from[i + 2].isFixed())
      continue;
    if ((*conv.getStrides())[i] != 1)
      return masker.refuse(op, "moves in steps of " + Twine((*conv.getStrides())[i]) + " along axis " +
                                   Twine(i + 2));
    int64_t window = ((*conv.getKernelShape())[i] - 1) * (*conv.getDilations())[i],
            end = (*conv.getPads())[spatial + i];
    extents[i + 2] = from[i + 2].plus((*conv.getPads())[i] + end - window);
    if (window || end)
      conv.getInputMutable().assign(masker.fillRest(op, conv.getInput(), i + 2, 0));
  }
  results.push_back(extents);
  return success();
}

/// Steps that do not count are not taken: ONNX's sequence_lens says so for each sequence.
template <typename OpTy> LogicalResult recurrent(Masker &masker, Operation *op, Results &results) {
  auto layer = cast<OpTy>(op);
  bool batchFirst = layer.getLayout() == 1;
  Extents from = masker.extents(layer.getInput());
  Extent steps = from[batchFirst ? 1 : 0], batch = from[batchFirst ? 0 : 1];
  if (!from[2].isFixed())
    return masker.refuse(op, "has a bounded number of features");
  SmallVector<std::pair<Value, int64_t>> beside{{layer.getSequenceLens(), 0},
                                                {layer.getInitialH(), batchFirst ? 0 : 1}};
  if constexpr (std::is_same_v<OpTy, LstmOp>)
    beside.emplace_back(layer.getInitialC(), batchFirst ? 0 : 1);
  for (auto [value, axis] : beside)
    if (value && masker.extents(value)[axis] != batch)
      return masker.refuse(op, "joins batches of different lengths");
  if (!steps.isFixed()) {
    OpBuilder builder(op);
    Type i32 = builder.getI32Type();
    auto type = RankedTensorType::get({sizeOf(layer.getInput(), batchFirst ? 0 : 1)}, i32);
    Value count = masker.countAs(op, steps, i32);
    if (Value given = layer.getSequenceLens())
      count = MinOp::create(builder, op->getLoc(), type, ValueRange{given, count});
    else
      count = ExpandOp::create(builder, op->getLoc(), type, count, type.getShape());
    layer.getSequenceLensMutable().assign(count);
  }
  Extents all = fixed(layer.getAll()), state = fixed(layer.getLastH());
  all[batchFirst ? 1 : 0] = steps;
  all[batchFirst ? 0 : 2] = batch;
  state[batchFirst ? 0 : 1] = batch;
  results.push_back(all);
  results.append(op->getNumResults() - 1, state);
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
    add(alike, {"add",      "sub",           "mul",   "div",     "pow",
                "mod",      "prelu",         "equal", "greater", "greater_or_equal",
                "less",     "less_or_equal", "and",   "or",      "not",
                "min",      "max",           "where", "cast",    "clip",
                "identity", "scast"});
    add(byFirstOperand, {"quantize", "dequantize", "quantize_linear", "dequantize_linear", "lookup"});
    add(samplesOnly,
        {"conv_transpose", "conv_integer", "max_pool", "average_pool", "resize", "depth_to_space"});
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
    add(matMul, {"matmul"});
    add(gemm, {"gemm"});
    add(softmax, {"softmax"});
    add(reduce, {"reduce_mean", "reduce_sum", "reduce_max", "reduce_min", "reduce_l2"});
    add(dynamicQuantizeLinear, {"dynamic_quantize_linear"});
    add(conv, {"conv"});
    add(recurrent<RnnOp>, {"rnn"});
    add(recurrent<GruOp>, {"gru"});
    add(recurrent<LstmOp>, {"lstm"});
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

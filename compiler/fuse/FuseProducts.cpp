//===- FuseProducts.cpp - Convolutions and products on integers -----------===//
//
// For each product: its operands and bias as integers, or a reason against;
// then the steps that lead to a quantize. Without one the result is float.
//
//===----------------------------------------------------------------------===//

#include "compiler/fuse/Passes.h"
#include "compiler/fuse/Quantized.h"
#include "compiler/fuse/Steps.h"
#include "compiler/support/Weighted.h"
#include "dialects/Constants.h"
#include "dialects/QuantTypes.h"
#include <cmath>

namespace qcc::fuse {
#define GEN_PASS_DEF_FUSEPRODUCTS
#include "compiler/fuse/Passes.h.inc"

using namespace mlir;

namespace {
/// A model's own scale of a bias counts as sx * sw up to the rounding of the
/// exporter's float32 product.
constexpr double biasScaleTolerance = 1e-5;

/// The operands of an integer product but its bias.
struct Operands {
  Value input, weights;
  float inputScale = 1;
  std::vector<float> weightScales; ///< one, or one for each channel
};

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// Constant weights as i8 with zero point 0, whatever they were stored as.
FailureOr<Value> signedWeights(Operation *op, const Weighted &weighted, Value stored, OpBuilder &builder) {
  std::optional<reference::Tensor> tensor = constantOf(stored);
  RankedTensorType type = tensorType(stored);
  auto perTensor = dyn_cast<quant::UniformQuantizedType>(type.getElementType());
  auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(type.getElementType());
  if (!perTensor && !perAxis)
    return stayFloat(op, "weights have a scale for each block, which no integer kernel takes");
  if (perAxis && perAxis.getQuantizedDimension() != weighted.weightAxis)
    return stayFloat(op, "weights have scales along axis " + Twine(perAxis.getQuantizedDimension()) +
                             " but their output channels lie on axis " + Twine(weighted.weightAxis));
  if (perAxis && weighted.groups != 1)
    return stayFloat(op, "a grouped transposed convolution shares scales between its groups");
  auto zeroPoint = [&](int64_t i) -> int64_t {
    if (perTensor)
      return perTensor.getZeroPoint();
    int64_t inner = 1;
    for (int64_t axis = weighted.weightAxis + 1; axis < type.getRank(); ++axis)
      inner *= type.getDimSize(axis);
    return perAxis.getZeroPoints()[i / inner % type.getDimSize(weighted.weightAxis)];
  };
  reference::Tensor shifted(reference::DType::I8, tensor->shape);
  for (int64_t i = 0; i < tensor->size(); ++i) {
    int64_t value = tensor->getInt(i) - zeroPoint(i);
    if (value < -128 || value > 127)
      return stayFloat(op,
                       "weights less their zero point reach " + Twine(value) + ", which 8 bits do not hold");
    shifted.setInt(i, value);
  }
  Type i8 = builder.getI8Type(), f32 = builder.getF32Type();
  Type element;
  if (perTensor)
    element = quant::UniformQuantizedType::get(quant::QuantizationFlags::Signed, i8, f32,
                                               perTensor.getScale(), 0, -128, 127);
  else
    element = quant::UniformQuantizedPerAxisType::get(
        quant::QuantizationFlags::Signed, i8, f32, perAxis.getScales(),
        SmallVector<int64_t>(perAxis.getScales().size(), 0), perAxis.getQuantizedDimension(), -128, 127);
  auto newType = RankedTensorType::get(type.getShape(), element);
  return newType == type ? stored : createConstant(builder, stored.getLoc(), shifted, newType);
}

float at(const std::vector<float> &scales, int64_t channel) {
  return scales[scales.size() == 1 ? 0 : channel];
}

std::vector<float> scalesOf(Value stored) {
  Type element = tensorType(stored).getElementType();
  if (auto type = dyn_cast<quant::UniformQuantizedType>(element))
    return {static_cast<float>(type.getScale())};
  ArrayRef<double> scales = cast<quant::UniformQuantizedPerAxisType>(element).getScales();
  return {scales.begin(), scales.end()};
}

/// The model's own int32 bias if its scale is sx * sw: the integers as they are.
std::optional<reference::Tensor> ownBias(Value bias, const Weighted &weighted, const Operands &operands) {
  auto dequantize = bias.getDefiningOp<DequantizeOp>();
  std::optional<reference::Tensor> stored = dequantize ? constantOf(dequantize.getInput()) : std::nullopt;
  if (!stored || stored->type != reference::DType::I32 || stored->size() != weighted.channels)
    return std::nullopt;
  Type element = tensorType(dequantize.getInput()).getElementType();
  if (!isa<quant::UniformQuantizedType, quant::UniformQuantizedPerAxisType>(element))
    return std::nullopt;
  std::vector<float> scales = scalesOf(dequantize.getInput());
  for (int64_t c = 0; c < weighted.channels; ++c) {
    double expected = double(operands.inputScale) * at(operands.weightScales, c);
    if (std::abs(at(scales, c) - expected) > biasScaleTolerance * expected)
      return std::nullopt;
  }
  stored->shape = {weighted.channels};
  return stored;
}

/// The bias as float32, one number for each channel: a constant, or the dequantize of one.
std::optional<reference::Tensor> realBias(Value bias, const Weighted &weighted) {
  std::optional<reference::Tensor> tensor = constantOf(bias);
  if (auto dequantize = bias.getDefiningOp<DequantizeOp>(); dequantize && isConstant(dequantize.getInput())) {
    std::optional<reference::Tensor> stored = constantOf(dequantize.getInput());
    FailureOr<SmallVector<reference::Tensor>> real = evaluate(dequantize, *stored);
    if (succeeded(real))
      tensor = real->front();
  }
  // Along the channels only: [C], [1, C] or one number.
  if (!tensor || (tensor->size() != 1 &&
                  (tensor->size() != weighted.channels || tensor->shape.back() != weighted.channels)))
    return std::nullopt;
  reference::Tensor values(reference::DType::F32, {weighted.channels});
  for (int64_t c = 0; c < weighted.channels; ++c)
    values.setDouble(c, tensor->getDouble(tensor->size() == 1 ? 0 : c));
  return values;
}

/// The bias of an integer product: int32 (q9), or float where its result is
/// float and the model has it so (q8).
Value createBias(const Weighted &weighted, const Operands &operands, bool floatResult, OpBuilder &builder) {
  Value bias = weighted.bias[0].get();
  auto create = [&](const reference::Tensor &tensor) {
    return createConstant(builder, bias.getLoc(), tensor, tensorTypeOf(builder.getContext(), tensor));
  };
  if (std::optional<reference::Tensor> own = ownBias(bias, weighted, operands))
    return create(*own);
  reference::Tensor real = *realBias(bias, weighted);
  if (floatResult)
    return create(real);
  reference::Tensor integers(reference::DType::I32, {weighted.channels});
  for (int64_t c = 0; c < weighted.channels; ++c)
    integers.setInt(
        c, reference::quantizeBias(real.getDouble(c), operands.inputScale, at(operands.weightScales, c)));
  return create(integers);
}

bool isScaled(Operation *op) {
  auto gemm = dyn_cast<GemmOp>(op);
  return gemm && !(gemm.getAlpha().isExactlyValue(1) && (!gemm.getC() || gemm.getBeta().isExactlyValue(1)));
}

FailureOr<Operands> integerOperands(Operation *op, const Weighted &weighted, OpBuilder &builder) {
  Operands operands;
  operands.input = dequantized(weighted.input->get());
  auto weights = weighted.weights->get().getDefiningOp<DequantizeOp>();
  if (!operands.input && !weights)
    return failure(); // a float layer, nothing to report
  if (!operands.input)
    return stayFloat(op, "its input is not quantised to 8 bits");
  if (!weights)
    return stayFloat(op, "its weights are not quantised");
  if (isScaled(op))
    return stayFloat(op, "alpha or beta is not 1");
  if (isConstant(weights.getInput())) {
    FailureOr<Value> asSigned = signedWeights(op, weighted, weights.getInput(), builder);
    if (failed(asSigned))
      return failure();
    operands.weights = *asSigned;
  } else if (isa<MatMulOp>(op) && activationType(weights.getInput())) {
    operands.weights = weights.getInput();
  } else {
    return stayFloat(op, "its weights are neither constant nor a second quantised activation of a matmul");
  }
  operands.weightScales = scalesOf(operands.weights);
  operands.inputScale = static_cast<float>(activationType(operands.input).getScale());
  if (!weighted.bias.empty() && !realBias(weighted.bias[0].get(), weighted))
    return stayFloat(op, "its bias is no constant with one number for each output channel");
  return operands;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

/// The other operand of an addition, if it is stored quantised and of the same shape.
Value residualOf(AddOp add, Value value) {
  if (add.getChain() || add.getLhs() == add.getRhs())
    return {};
  Value other = add.getLhs() == value ? add.getRhs() : add.getLhs();
  return other.getType() == value.getType() ? dequantized(other) : Value();
}

/// quantize(value) that only an addition of another quantised tensor reads: the
/// model rounds the product before it adds (q7).
AddOp additionBehind(QuantizeOp quantize) {
  if (!quantize->hasOneUse())
    return {};
  auto dequantize = dyn_cast<DequantizeOp>(*quantize->user_begin());
  if (!dequantize || !dequantize->hasOneUse())
    return {};
  auto add = dyn_cast<AddOp>(*dequantize->user_begin());
  return add && residualOf(add, dequantize.getResult()) ? add : AddOp();
}

/// The steps from the product to the last quantize that its epilogue can reach.
Steps stepsToQuantize(Operation *op) {
  MLIRContext *context = op->getContext();
  Steps steps{{}, {}, op->getResult(0), {}}, reached;
  while (steps.end.hasOneUse()) {
    Operation *user = *steps.end.user_begin();
    if (QuantizeOp quantize = soleQuantize(steps.end)) {
      reached = steps;
      reached.end = quantize.getResult();
      AddOp add = steps.residual ? AddOp() : additionBehind(quantize);
      if (!add)
        break;
      steps.chain.push_back(requantizeEntry(activationType(quantize.getResult())));
      steps.chain.push_back(residualEntry(context));
      steps.residual = residualOf(add, *quantize->user_begin()->result_begin());
      steps.end = add.getResult();
      continue;
    }
    if (auto add = dyn_cast<AddOp>(user); add && !steps.residual && residualOf(add, steps.end)) {
      steps.chain.push_back(residualEntry(context));
      steps.residual = residualOf(add, steps.end);
    } else if (std::optional<PointwiseUse> use = pointwiseUse(user); use && use->exact) {
      steps.chain.push_back(use->entry);
    } else {
      if (use)
        (void)stayFloat(user, "'" + user->getName().getStringRef() +
                                  "' is no step of an integer epilogue (q8a) and has no quantize before it");
      break;
    }
    steps.end = user->getResult(0);
  }
  return reached;
}

struct FuseProducts : impl::FuseProductsBase<FuseProducts> {
  static void fuse(Operation *op, Weighted &weighted, const Operands &operands, OpBuilder &builder) {
    Steps steps = stepsToQuantize(op);
    if (!weighted.bias.empty())
      weighted.bias.assign(createBias(weighted, operands, /*floatResult=*/!steps.end, builder));
    weighted.input->set(operands.input);
    weighted.weights->set(operands.weights);
    if (!steps.end)
      return; // a float result
    Operation *last = steps.end.getDefiningOp();
    op->moveBefore(last);
    if (steps.residual)
      weighted.residual.assign(steps.residual);
    if (ArrayAttr chain = steps.chainAttr(op->getContext()))
      op->setAttr("chain", chain);
    op->getResult(0).setType(steps.end.getType());
    steps.end.replaceAllUsesWith(op->getResult(0));
    eraseUnused(last);
  }

  /// The float operations between the product and its quantize.
  static void eraseUnused(Operation *op) {
    if (!op || !op->use_empty() || !isa<QccOpInterface>(op))
      return;
    SmallVector<Value> operands(op->getOperands());
    op->erase();
    for (Value operand : operands)
      if (Operation *producer = operand.getDefiningOp())
        eraseUnused(producer);
  }

  void runOnOperation() override {
    SmallVector<Operation *> products;
    for (Operation &op : getOperation().getBody().getOps())
      if (describeWeighted(&op))
        products.push_back(&op);
    for (Operation *op : products) {
      std::optional<Weighted> weighted = describeWeighted(op);
      OpBuilder builder(op);
      if (!isPlain(op))
        continue;
      FailureOr<Operands> operands = integerOperands(op, *weighted, builder);
      if (succeeded(operands))
        fuse(op, *weighted, *operands, builder);
    }
    RewritePatternSet none(&getContext()); // dead dequantizes
    if (failed(applyPatterns(getOperation(), std::move(none))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::fuse

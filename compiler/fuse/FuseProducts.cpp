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
#include "dialects/reference/Groups.h"
#include <cmath>
#include <functional>

namespace qcc::fuse {
#define GEN_PASS_DEF_FUSEPRODUCTS
#include "compiler/fuse/Passes.h.inc"

using namespace mlir;

namespace {
/// A model's own scale of a bias counts as sx * sw up to the rounding of the
/// exporter's float32 product.
constexpr double biasScaleTolerance = 1e-5;
/// So many products of two 8-bit activations less their zero points fit into 32 bits.
constexpr int64_t mostDepth = INT32_MAX / (255 * 255);

/// The operands of an integer product but its bias.
struct Operands {
  Value input, weights;
  int64_t copies = 1; ///< of the input's channels, see signedWeights
  float inputScale = 1;
  std::vector<float> weightScales; ///< one, or one for each channel
};

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// What is summed over: the axis of the input, and that of the weights.
std::pair<int64_t, int64_t> depthAxes(Operation *op, const Weighted &weighted) {
  int64_t rank = tensorType(weighted.input->get()).getRank();
  if (auto gemm = dyn_cast<GemmOp>(op))
    return {gemm.getTransA() ? 0 : 1, gemm.getTransB() ? 1 : 0};
  if (isa<MatMulOp>(op))
    return {rank - 1, tensorType(weighted.weights->get()).getRank() - 2};
  return {weighted.channelAxis, isa<ConvTransposeOp>(op) ? 0 : 1};
}

/// The zero point of a weight, by its index.
using ZeroPoint = std::function<int64_t(int64_t)>;

FailureOr<ZeroPoint> zeroPointsOf(Operation *op, const Weighted &weighted, RankedTensorType type) {
  if (auto perTensor = dyn_cast<quant::UniformQuantizedType>(type.getElementType()))
    return ZeroPoint([zero = perTensor.getZeroPoint()](int64_t) { return zero; });
  auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(type.getElementType());
  if (!perAxis)
    return stayFloat(op, "weights have a scale for each block, which no integer kernel takes");
  if (perAxis.getQuantizedDimension() != weighted.weightAxis)
    return stayFloat(op, "weights have scales along axis " + Twine(perAxis.getQuantizedDimension()) +
                             " but their output channels lie on axis " + Twine(weighted.weightAxis));
  if (weighted.groups != 1)
    return stayFloat(op, "a grouped transposed convolution shares scales between its groups");
  int64_t inner = 1, size = type.getDimSize(weighted.weightAxis);
  for (int64_t axis = weighted.weightAxis + 1; axis < type.getRank(); ++axis)
    inner *= type.getDimSize(axis);
  return ZeroPoint([=](int64_t i) { return perAxis.getZeroPoints()[i / inner % size]; });
}

/// The same scales for i8 with zero point 0.
Type signedElement(Type element, OpBuilder &builder) {
  Type i8 = builder.getI8Type(), f32 = builder.getF32Type();
  if (auto perTensor = dyn_cast<quant::UniformQuantizedType>(element))
    return quant::UniformQuantizedType::get(quant::QuantizationFlags::Signed, i8, f32, perTensor.getScale(),
                                            0, -128, 127);
  auto perAxis = cast<quant::UniformQuantizedPerAxisType>(element);
  return quant::UniformQuantizedPerAxisType::get(
      quant::QuantizationFlags::Signed, i8, f32, perAxis.getScales(),
      SmallVector<int64_t>(perAxis.getScales().size(), 0), perAxis.getQuantizedDimension(), -128, 127);
}

/// How many terms of 8 bits a weight takes.
int64_t termsOf(int64_t value) {
  return value >= -128 && value <= 127 ? 1 : value >= -256 && value <= 254 ? 2 : 3;
}

/// Constant weights as i8 with zero point 0, whatever they were stored as. Where 8 bits do not hold them
/// less their zero point, each is a sum of `copies` that do, side by side on the axis of the sums.
FailureOr<Value> signedWeights(Operation *op, const Weighted &weighted, Value stored, OpBuilder &builder,
                               int64_t &copies) {
  RankedTensorType type = tensorType(stored);
  FailureOr<ZeroPoint> zeroPoint = zeroPointsOf(op, weighted, type);
  if (failed(zeroPoint))
    return failure();
  reference::Tensor tensor = *constantOf(stored);
  copies = 1;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    int64_t value = tensor.getInt(i) - (*zeroPoint)(i);
    if (std::abs(value) > 255)
      return stayFloat(op, "weights less their zero point reach " + Twine(value) +
                               ", which the kernels' 8 bits do not hold");
    copies = std::max(copies, termsOf(value));
  }
  SmallVector<int64_t> shape(type.getShape());
  int64_t inner = 1, depthAxis = depthAxes(op, weighted).second;
  shape[depthAxis] *= copies;
  for (int64_t axis = depthAxis + 1; axis < type.getRank(); ++axis)
    inner *= type.getDimSize(axis);
  reference::Tensor shifted(reference::DType::I8, {shape.begin(), shape.end()});
  for (int64_t i = 0; i < tensor.size(); ++i) {
    int64_t rest = tensor.getInt(i) - (*zeroPoint)(i);
    for (int64_t copy = 0; copy < copies; ++copy) {
      int64_t term = std::clamp<int64_t>(rest, -128, 127);
      shifted.setInt((i / inner * copies + copy) * inner + i % inner, term);
      rest -= term;
    }
  }
  auto newType = RankedTensorType::get(shape, signedElement(type.getElementType(), builder));
  return newType == type ? stored : createConstant(builder, stored.getLoc(), shifted, newType);
}

/// Each index of `axis` as often as weights have terms.
Value repeated(Value input, int64_t axis, int64_t copies, OpBuilder &builder) {
  if (copies == 1)
    return input;
  RankedTensorType type = tensorType(input);
  SmallVector<int64_t> apart(type.getShape()), wide, joined(type.getShape());
  apart.insert(apart.begin() + axis + 1, 1);
  wide = apart;
  wide[axis + 1] = copies;
  joined[axis] *= copies;
  Value column = createReshape(builder, input.getLoc(), input, apart);
  Value copied = ExpandOp::create(builder, input.getLoc(), type.clone(wide), column, wide);
  return createReshape(builder, input.getLoc(), copied, joined);
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

//===----------------------------------------------------------------------===//
// Weights alone
//===----------------------------------------------------------------------===//

/// Why no kernel decodes weights of bytes for this float product; empty where one does (q8b).
std::string whyNotDecoded(Operation *op, const Weighted &weighted) {
  if (!tensorType(weighted.input->get()).getElementType().isF32())
    return "its input is not f32";
  if (auto gemm = dyn_cast<GemmOp>(op); gemm && gemm.getTransA())
    return "its input is transposed";
  if (isScaled(op))
    return "alpha or beta is not 1";
  if (tensorType(weighted.weights->get()).getRank() != 2 && isa<MatMulOp>(op))
    return "its weights are more than one matrix";
  if (!weighted.bias.empty() && !realBias(weighted.bias[0].get(), weighted))
    return "its bias is no constant with one number for each output channel";
  return "";
}

/// Whether each block has a scale.
bool hasBlocks(DequantizeOp dequantize) {
  return isa<quant::UniformQuantizedSubChannelType>(tensorType(dequantize.getInput()).getElementType());
}

/// Why no kernel reads weights of 4 bits in such groups (q13); empty where one does.
std::string whyNotInGroups(Operation *op, const Weighted &weighted, RankedTensorType type) {
  auto element = cast<quant::UniformQuantizedSubChannelType>(type.getElementType());
  if (!isa<GemmOp, MatMulOp>(op) || type.getRank() != 2)
    return "weights with a scale for each block are for products with one matrix";
  if (element.getStorageTypeIntegralWidth() != 4)
    return "weights with a scale for each block have a kernel in 4 bits only";
  int64_t size = groupSize(element, type.getShape(), depthAxes(op, weighted).second);
  if (size == 0)
    return "its weights' blocks do not lie along the depth";
  if (size % reference::groupDepth != 0)
    return "its weights' blocks have " + std::to_string(size) + " numbers, which is no multiple of " +
           std::to_string(reference::groupDepth);
  return "";
}

/// The numbers, computed now.
Value unpacked(DequantizeOp dequantize) {
  FailureOr<SmallVector<reference::Tensor>> real = evaluate(dequantize, *constantOf(dequantize.getInput()));
  OpBuilder builder(dequantize);
  return failed(real) ? Value()
                      : createConstant(builder, dequantize.getLoc(), real->front(),
                                       tensorType(dequantize.getResult()));
}

/// What else a float product can read: weights that were dequantised at compile time for convolutions, which
/// have no kernel for those of the run, and where blocks have scales; in the workspace for others.
void unpackWeights(Operation *op, Weighted &weighted, DequantizeOp dequantize, StringRef why) {
  bool stored = isa<ConvOp, ConvTransposeOp>(op) || hasBlocks(dequantize);
  op->setAttr(floatReasonAttr,
              StringAttr::get(op->getContext(), (stored ? "its weights are stored as floats: "
                                                        : "its weights become floats each time it runs: ") +
                                                    why));
  if (Value real = stored ? unpacked(dequantize) : Value())
    weighted.weights->set(real);
}

/// conv(%x : f32, dequantize(i8 constant)) ==> conv(%x : f32, i8 constant)
void takeStoredWeights(Operation *op, Weighted &weighted, OpBuilder &builder) {
  auto dequantize = weighted.weights->get().getDefiningOp<DequantizeOp>();
  std::string why = whyNotDecoded(op, weighted);
  int64_t copies = 1;
  if (why.empty() && hasBlocks(dequantize)) {
    why = whyNotInGroups(op, weighted, tensorType(dequantize.getInput()));
    if (why.empty())
      weighted.weights->set(dequantize.getInput());
  } else if (why.empty()) {
    FailureOr<Value> stored = signedWeights(op, weighted, dequantize.getInput(), builder, copies);
    if (failed(stored))
      why = op->getAttrOfType<StringAttr>(floatReasonAttr).str();
    else if (copies != 1)
      why = "less their zero point, 8 bits do not hold them";
    else
      weighted.weights->set(*stored);
  }
  if (!why.empty())
    unpackWeights(op, weighted, dequantize, why);
  std::optional<reference::Tensor> bias =
      weighted.bias.empty() ? std::nullopt : realBias(weighted.bias[0].get(), weighted);
  if (bias && (why.empty() || isa<ConvOp, ConvTransposeOp>(op)))
    weighted.bias.assign(
        createConstant(builder, op->getLoc(), *bias, tensorTypeOf(builder.getContext(), *bias)));
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
    FailureOr<Value> asSigned = signedWeights(op, weighted, weights.getInput(), builder, operands.copies);
    if (failed(asSigned))
      return failure();
    operands.weights = *asSigned;
  } else if (isa<MatMulOp>(op) && activationType(weights.getInput())) {
    if (int64_t depth = tensorType(weights.getResult()).getDimSize(depthAxes(op, weighted).second);
        depth > mostDepth)
      return stayFloat(op, "its " + Twine(depth) + " products could overflow 32 bits");
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

/// The quantize right behind the product, if there is one.
Steps quantizeBehind(Operation *op) {
  Steps steps{{}, {}, {}, {}};
  if (QuantizeOp quantize = soleQuantize(op->getResult(0)))
    steps.end = quantize.getResult();
  return steps;
}

struct FuseProducts : impl::FuseProductsBase<FuseProducts> {
  static void fuse(Operation *op, Weighted &weighted, const Operands &operands, OpBuilder &builder) {
    // The kernel of two activations has no steps.
    Steps steps = isKnown(operands.weights) ? stepsToQuantize(op) : quantizeBehind(op);
    if (!weighted.bias.empty())
      weighted.bias.assign(createBias(weighted, operands, /*floatResult=*/!steps.end, builder));
    weighted.input->set(repeated(operands.input, depthAxes(op, weighted).first, operands.copies, builder));
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

  /// No other operation reads weights in blocks, nor is there a kernel that unpacks them.
  void unpackBlocks() {
    for (DequantizeOp op : llvm::make_early_inc_range(getOperation().getBody().getOps<DequantizeOp>())) {
      if (!hasBlocks(op) || !isConstant(op.getInput()) || op.getResult().use_empty())
        continue;
      for (Operation *user : op.getResult().getUsers())
        if (isa<QccOpInterface>(user))
          (void)stayFloat(user,
                          "its weights are stored as floats: blocks with a scale each are for products");
      if (Value real = unpacked(op))
        op.getResult().replaceAllUsesWith(real);
    }
  }

  void runOnOperation() override {
    SmallVector<Operation *> products;
    for (Operation &op : getOperation().getBody().getOps())
      if (describeWeighted(&op) && !isa<DynamicMatMulOp>(op)) // has its integers already
        products.push_back(&op);
    bool hasIntegers = !getOperation().getBody().getOps<QuantizeOp>().empty();
    for (Operation *op : products) {
      std::optional<Weighted> weighted = describeWeighted(op);
      OpBuilder builder(op);
      if (!isPlain(op))
        continue;
      if (!dequantized(weighted->input->get()) && weighted->weights->get().getDefiningOp<DequantizeOp>() &&
          isKnown(weighted->weights->get())) {
        takeStoredWeights(op, *weighted, builder);
        if (hasIntegers)
          (void)stayFloat(op, "its input is not quantised to 8 bits");
        continue;
      }
      FailureOr<Operands> operands = integerOperands(op, *weighted, builder);
      if (succeeded(operands))
        fuse(op, *weighted, *operands, builder);
    }
    unpackBlocks();
    RewritePatternSet none(&getContext()); // dead dequantizes
    if (failed(applyPatterns(getOperation(), std::move(none))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::fuse

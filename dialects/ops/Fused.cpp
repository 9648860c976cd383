//===- Fused.cpp - Operations that accumulate, with what is fused to them -===//

#include "dialects/ops/Fused.h"

#include "dialects/Chain.h"
#include "dialects/Constants.h"
#include "dialects/QuantTypes.h"
#include "dialects/reference/Conv.h"
#include "dialects/reference/Epilogue.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;
using reference::Epilogue;
using reference::EpilogueStep;
using reference::QuantParams;

static bool isByte(Type element) {
  auto type = dyn_cast<quant::QuantizedType>(element);
  return type && type.getStorageTypeIntegralWidth() == 8;
}

/// A number of a chain's entry, written as a float or an integer.
static std::optional<double> numberOf(DictionaryAttr entry, StringRef key) {
  if (auto value = entry.getAs<FloatAttr>(key))
    return value.getValueAsDouble();
  if (auto value = entry.getAs<IntegerAttr>(key))
    return static_cast<double>(value.getInt());
  return std::nullopt;
}

static FailureOr<EpilogueStep> requantizeStep(Operation *op, DictionaryAttr entry) {
  std::optional<double> scale = numberOf(entry, "scale"), zeroPoint = numberOf(entry, "zero_point");
  if (!scale || !zeroPoint || !(*scale > 0) || *zeroPoint < 0 || *zeroPoint > 255)
    return op->emitOpError("chain has the entry ")
           << entry << "; scale must be positive and zero_point in 0..255";
  return EpilogueStep{
      EpilogueStep::Requantize, {}, {static_cast<float>(*scale), static_cast<int64_t>(*zeroPoint), 0, 255}};
}

static FailureOr<EpilogueStep> epilogueStep(Operation *op, Attribute attr) {
  auto entry = dyn_cast<DictionaryAttr>(attr);
  if (!entry)
    return op->emitOpError("chain has the entry ") << attr << ", which is no dictionary";
  auto name = entry.getAs<StringAttr>("op");
  if (name && name == "residual")
    return EpilogueStep{EpilogueStep::Residual, {}, {}};
  if (name && name == "requantize")
    return requantizeStep(op, entry);
  FailureOr<reference::PointwiseStep> step = parseStep(entry, op);
  if (failed(step))
    return failure();
  return EpilogueStep{EpilogueStep::Pointwise, *step, {}};
}

/// The chain's steps. A residual without its marker is added first, but behind
/// the operation's own rounding.
static FailureOr<std::vector<EpilogueStep>> epilogueSteps(Operation *op, const Fused &fused) {
  std::vector<EpilogueStep> steps;
  for (Attribute attr : fused.chain ? fused.chain.getValue() : ArrayRef<Attribute>()) {
    FailureOr<EpilogueStep> step = epilogueStep(op, attr);
    if (failed(step))
      return failure();
    steps.push_back(*step);
  }
  auto isResidual = [](const EpilogueStep &step) { return step.kind == EpilogueStep::Residual; };
  auto marks = llvm::count_if(steps, isResidual);
  if (marks > (fused.residual ? 1 : 0))
    return op->emitOpError("chain has ") << marks << " residual steps but the operation has "
                                         << (fused.residual ? "one residual" : "no residual");
  if (fused.residual && marks == 0) {
    bool roundsFirst = !steps.empty() && steps[0].kind == EpilogueStep::Requantize;
    steps.insert(steps.begin() + (roundsFirst ? 1 : 0), {EpilogueStep::Residual, {}, {}});
  }
  return steps;
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// Float products may read f32 and write bf16 or the other way round; else they keep the input's type.
static Type floatResult(Operation *op, const Fused &fused) {
  auto isEither = [](Type type) { return type.isF32() || type.isBF16(); };
  Type input = elementOf(fused.input), declared = declaredElement(op);
  return isEither(input) && isEither(declared) ? declared : input;
}

static LogicalResult checkBias(Operation *op, const Fused &fused, bool quantized, Type result) {
  if (!fused.bias)
    return success();
  Type element = elementOf(fused.bias);
  if (!quantized)
    return element == elementOf(fused.input) || (element.isF32() && elementOf(fused.input).isBF16())
               ? success()
               : op->emitOpError("has operands of different element types, ")
                     << elementOf(fused.input) << " and " << element;
  bool isInteger = findDType(element) == reference::DType::I32;
  bool isFloatResult = result.isF32() || result.isBF16();
  if (isInteger || (element.isF32() && isFloatResult))
    return success();
  return op->emitOpError("operand 'bias' has element type ")
         << element << " but should be i32" << (isFloatResult ? " or f32" : "");
}

static LogicalResult checkResidualAndTable(Operation *op, const Fused &fused, ArrayRef<int64_t> shape,
                                           bool quantized, Type result) {
  if (fused.residual && shapeOf(fused.residual) != shape)
    return op->emitOpError("operand 'residual' has shape ")
           << shapeText(shapeOf(fused.residual)) << " but the result has " << shapeText(shape);
  if (fused.residual && quantized && !quantParams(elementOf(fused.residual)) &&
      !elementOf(fused.residual).isF32() && elementOf(fused.residual) != result)
    return op->emitOpError("operand 'residual' has element type ")
           << elementOf(fused.residual) << " but should be f32, the result's or quantised per tensor";
  if (!fused.table)
    return success();
  if (!isByte(result))
    return op->emitOpError("has a table but a result of ") << result << ", which is not of 8-bit integers";
  auto element = dyn_cast<IntegerType>(elementOf(fused.table));
  if (!element || element.getWidth() != 8 || tensorOf(fused.table).getNumElements() != 256)
    return op->emitOpError("operand 'table' has type ")
           << fused.table.getType() << " but should be 256 bytes";
  return success();
}

static LogicalResult checkQuantized(Operation *op, const Fused &fused, Type result) {
  auto emitError = [&] { return op->emitOpError("operand 'filter' "); };
  if (!quantParams(elementOf(fused.input)) || !isByte(elementOf(fused.input)))
    return op->emitOpError("operand 'input' has element type ")
           << elementOf(fused.input) << " but should be 8-bit, quantised per tensor";
  if (!isa<quant::QuantizedType>(elementOf(fused.filter)))
    return op->emitOpError("has a quantised input but a filter of ") << elementOf(fused.filter);
  if (failed(channelParams(elementOf(fused.filter), fused.filterAxis, fused.channels, emitError)))
    return failure();
  if (!result.isF32() && !result.isBF16() && !(quantParams(result) && isByte(result)))
    return op->emitOpError("has a result of ")
           << result << " but should have f32, bf16 or 8 bits quantised per tensor";
  return success();
}

/// A float input with weights that are stored as bytes.
static bool decodesWeights(const Fused &fused) {
  return elementOf(fused.input).isF32() && isByte(elementOf(fused.filter));
}

/// A float input with float weights that are stored in fewer bits.
static bool widensWeights(const Fused &fused) {
  Type filter = elementOf(fused.filter);
  return elementOf(fused.input).isF32() && (filter.isF16() || filter.isBF16());
}

static LogicalResult checkDecoded(Operation *op, const Fused &fused) {
  auto filter = channelParams(elementOf(fused.filter), fused.filterAxis, fused.channels,
                              [&] { return op->emitOpError("operand 'filter' "); });
  if (failed(filter))
    return failure();
  for (const QuantParams &params : *filter)
    if (params.zeroPoint)
      return op->emitOpError("has a float input and a filter with zero point ")
             << params.zeroPoint << ", which must be 0";
  return success();
}

LogicalResult ops::inferFused(Operation *op, const Fused &fused, ArrayRef<int64_t> shape, Results &results) {
  bool decodes = decodesWeights(fused);
  bool quantized = !decodes && (isQuantized(fused.input) || isQuantized(fused.filter));
  Type result = quantized ? declaredElement(op) : floatResult(op, fused);
  if (quantized && failed(checkQuantized(op, fused, result)))
    return failure();
  if (decodes && failed(checkDecoded(op, fused)))
    return failure();
  if (!quantized &&
      (failed(requireFloat(op, "input", fused.input)) ||
       (!decodes && !widensWeights(fused) && failed(requireSameElement(op, {fused.input, fused.filter})))))
    return failure();
  if (!quantized && fused.residual && elementOf(fused.residual) != result)
    return op->emitOpError("operand 'residual' has element type ")
           << elementOf(fused.residual) << " but the result has " << result;
  if (failed(checkBias(op, fused, quantized, result)) ||
      failed(checkResidualAndTable(op, fused, shape, quantized, result)) || failed(epilogueSteps(op, fused)))
    return failure();
  return addResult(op, results, shape, result);
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

FailureOr<ZeroPoints> ops::zeroPoints(Operation *op, const Fused &fused) {
  ZeroPoints zeros;
  std::optional<QuantParams> input = quantParams(elementOf(fused.input));
  if (!input)
    return zeros;
  auto filter = channelParams(elementOf(fused.filter), fused.filterAxis, fused.channels,
                              [&] { return op->emitOpError("operand 'filter' "); });
  if (failed(filter))
    return failure();
  zeros.input = input->zeroPoint;
  for (const QuantParams &params : *filter)
    zeros.filter.push_back(params.zeroPoint);
  return zeros;
}

static FailureOr<Epilogue> makeEpilogue(Operation *op, const Fused &fused) {
  Epilogue epilogue;
  FailureOr<std::vector<EpilogueStep>> steps = epilogueSteps(op, fused);
  if (failed(steps))
    return failure();
  epilogue.steps = *steps;
  epilogue.result = quantParams(declaredElement(op));
  if (fused.residual)
    epilogue.residual = quantParams(elementOf(fused.residual));
  std::optional<QuantParams> input = quantParams(elementOf(fused.input));
  if (!input && !decodesWeights(fused))
    return epilogue;
  auto filter = channelParams(elementOf(fused.filter), fused.filterAxis, fused.channels,
                              [&] { return op->emitOpError("operand 'filter' "); });
  if (failed(filter))
    return failure();
  epilogue.scaledSums = true;
  epilogue.inputScale = input ? input->scale : 1;
  epilogue.weightScales.clear();
  for (const QuantParams &params : *filter)
    epilogue.weightScales.push_back(params.scale);
  return epilogue;
}

/// q2: a multiplier must be a number that can be multiplied with.
static LogicalResult checkMultipliers(Operation *op, const Epilogue &epilogue) {
  float resultScale = epilogue.result ? epilogue.result->scale : 1.0f;
  for (auto [channel, weight] : llvm::enumerate(epilogue.weightScales))
    if (float m = reference::multiplier(epilogue.inputScale, weight, resultScale);
        !(m > 0) || !std::isfinite(m))
      return op->emitOpError("requantisation factor of channel ")
             << channel << " is " << m << " (input scale " << epilogue.inputScale << ", weight scale "
             << weight << ", result scale " << resultScale << ")";
  return success();
}

LogicalResult ops::finishFused(Operation *op, const Fused &fused, reference::Tensor sums, int64_t axis,
                               const reference::Tensor *bias, const reference::Tensor *residual,
                               const reference::Tensor *table, Tensors &results,
                               const reference::Tensor *imageScale) {
  FailureOr<Epilogue> epilogue = makeEpilogue(op, fused);
  if (failed(epilogue) || failed(checkMultipliers(op, *epilogue)))
    return failure();
  for (int64_t i = 0, e = imageScale ? imageScale->size() : 0; i < e; ++i)
    epilogue->imageScales.push_back(static_cast<float>(imageScale->getDouble(i)));
  if (bias && epilogue->scaledSums && reference::isFloat(bias->type)) {
    for (int64_t i = 0, e = bias->size(); i < e; ++i)
      epilogue->floatBias.push_back(static_cast<float>(bias->getDouble(i)));
  } else if (bias) {
    reference::addBias(sums, *bias, axis);
  }
  reference::DType type = dtypeOf(declaredElement(op));
  bool plain = !epilogue->scaledSums && epilogue->steps.empty() && !epilogue->result;
  results.push_back(plain ? reference::rounded(sums, type)
                          : reference::finish(sums, axis, *epilogue, residual, table, type));
  return success();
}

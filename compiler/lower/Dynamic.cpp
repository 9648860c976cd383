//===- Dynamic.cpp - Products of measured activations (q11) ---------------===//

#include "dialects/reference/Dynamic.h"
#include "compiler/lower/Product.h"

#include <cmath>

using namespace mlir;
using namespace qcc;
using namespace qcc::lower;

namespace {
/// A whole image is measured by many threads: as so many parts of its first axis, at most.
constexpr int64_t mostParts = 128;

int64_t partsOf(int64_t size) {
  int64_t parts = std::clamp<int64_t>(size, 1, mostParts);
  while (size % parts)
    --parts;
  return parts;
}

/// (N, H, ...) as (N, parts, H / parts, ...).
Place inParts(Place place, int64_t parts) {
  kernels::View &view = place.view;
  int64_t each = view.shape[1] / parts;
  view.shape.insert(view.shape.begin() + 2, each);
  view.strides.insert(view.strides.begin() + 1, view.strides[1] * each);
  view.shape[1] = parts;
  return place;
}

/// By rows, with the steps that their producer has left.
void quantizeRows(Lowering &lowering, DynamicQuantizeOp op) {
  Builder builder(op.getContext());
  Storage &storage = lowering.storage();
  NamedAttrList attributes(op->getAttrDictionary());
  if (ArrayRef<Attribute> steps = lowering.postponed(op.getInput()); !steps.empty())
    attributes.set("chain", builder.getArrayAttr(steps));
  lowering.invokeKind(op, "dynamic_quantize",
                      {storage.place(op.getInput()), storage.place(op.getResult()),
                       storage.place(op.getScale()), storage.place(op.getZero())},
                      attributes.getAttrs(), 3);
}

/// The range of each part, then the bytes of each, whose scale everyone computes from the ranges of all.
void quantizeImages(Lowering &lowering, DynamicQuantizeOp op) {
  Builder builder(op.getContext());
  Storage &storage = lowering.storage();
  int64_t parts = partsOf(cast<RankedTensorType>(op.getInput().getType()).getDimSize(1));
  Place input = inParts(storage.place(op.getInput()), parts),
        result = inParts(storage.place(op.getResult()), parts), scale = storage.place(op.getScale());
  Place ranges = storage.scratch(builder.getF32Type(), {input.view.shape[0], 2, parts}, {}, "ranges");
  lowering.invokeKind(op, "measure_image", {input, ranges}, {});
  lowering.invokeKind(op, "quantize_image", {input, ranges, result, scale},
                      builder.getNamedAttr("zero_point", op.getZeroPointAttr()), 2);
  if (Place bytes = storage.place(op.getResult()); hasZeroOfRun(op) && bytes.border)
    lowering.fillBorder(op, bytes, op.getResult().getType(), &scale);
}
} // namespace

DynamicQuantizeOp lower::measuredBy(const Lowering &lowering, LayerNormalizationOp norm) {
  for (Operation *user : norm.getResult().getUsers())
    if (auto op = dyn_cast<DynamicQuantizeOp>(user))
      if (!op.getZeroPoint() && op.getAxis() == norm.getAxis() && lowering.sameGuards(op, norm))
        return op;
  return {};
}

void lower::lowerLayerNormalization(Lowering &lowering, LayerNormalizationOp op) {
  DynamicQuantizeOp measured = measuredBy(lowering, op);
  if (!measured)
    return lowering.lowerGeneric(*op);
  SmallVector<Place> at;
  for (Value value : op->getOperands())
    at.push_back(lowering.storage().place(value));
  at.push_back(lowering.storage().place(op.getResult()));
  for (Value value : measured.getResults())
    at.push_back(lowering.storage().place(value));
  NamedAttrList attributes(op->getAttrDictionary());
  attributes.set("measured", UnitAttr::get(op.getContext()));
  lowering.invokeKind(op, "layer_normalization", at, attributes.getAttrs(), 4);
}

bool lower::hasZeroOfRun(Operation *op) {
  auto quantize = dyn_cast<DynamicQuantizeOp>(op);
  std::optional<uint64_t> zero = quantize ? quantize.getZeroPoint() : std::nullopt;
  return zero && static_cast<int64_t>(*zero) == reference::zeroOfRun;
}

void lower::lowerDynamicQuantize(Lowering &lowering, DynamicQuantizeOp op) {
  if (auto norm = op.getInput().getDefiningOp<LayerNormalizationOp>();
      norm && measuredBy(lowering, norm) == op)
    return;
  bool ofImages = op.getAxis() == 1 && op.getZeroPoint() && op.getZero().use_empty() &&
                  cast<RankedTensorType>(op.getInput().getType()).getRank() >= 3;
  ofImages ? quantizeImages(lowering, op) : quantizeRows(lowering, op);
}

MeasuredRows lower::measureRows(Lowering &lowering, Operation *op, const Place &input) {
  Builder builder(op->getContext());
  Storage &storage = lowering.storage();
  Type u8 = builder.getIntegerType(8, /*isSigned=*/false), f32 = builder.getF32Type();
  ArrayRef<int64_t> shape = input.view.shape, rows = shape.take_front(1);
  MeasuredRows measured{storage.scratch(u8, shape, {}, "bytes"), storage.scratch(f32, rows, {}, "scales"),
                        storage.scratch(builder.getI32Type(), rows, {}, "zeros")};
  lowering.invokeKind(op, "dynamic_quantize", {input, measured.values, measured.scales, measured.zeros},
                      builder.getNamedAttr("axis", builder.getI64IntegerAttr(1)), 3);
  return measured;
}

FailureOr<Rest> lower::invokeMeasured(Lowering &lowering, kernels::GemmSpec spec,
                                      const ProductOperands &operands, const Weights &weights,
                                      const MeasuredRows &input, const Place &output, const Place *residual) {
  Sums sums;
  sums.isFloat = weights.nibbles.has_value();
  sums.filterScales = weights.scales;
  sums.floatBias = weights.bias;
  for (int64_t column = 0; column < spec.n && !weights.nibbles; ++column) {
    int64_t magnitude = 0;
    for (int64_t k = 0; k < spec.c; ++k)
      magnitude += std::abs(int64_t(weights.bytes[column * spec.c + k]));
    if (magnitude * 255 > INT32_MAX)
      return operands.op->emitOpError("could overflow its int32 sums: the weights allow ") << magnitude * 255;
    sums.bound.push_back(double(magnitude) * 255);
  }
  FailureOr<Tail> tail =
      translateChain(operands.op, operands.chain, sums, operands.result.getType(),
                     operands.residual ? operands.residual.getType() : Type(), /*hasTable=*/false);
  if (failed(tail))
    return failure();
  spec.packing = lowering.packing();
  setNibbles(spec, weights);
  spec.epilogue = tail->form;
  spec.epilogue.rows = true;
  if (std::string reason = kernels::unsupportedReason(spec); !reason.empty())
    return operands.op->emitOpError() << reason;
  SmallVector<int32_t> start(spec.n, 0);
  Storage &storage = lowering.storage();
  auto constant = [&](const kernels::Bytes &bytes) { return storage.weights(lowering.blob().add(bytes)); };
  SmallVector<Value> pointers{input.values.pointer};
  if (weights.nibbles)
    pointers.append({constant(kernels::packWeights(spec, *weights.nibbles)),
                     constant(kernels::packParams(spec, *weights.nibbles, tail->values))});
  else
    pointers.append(
        {constant(kernels::packWeights(spec, ArrayRef<int8_t>(weights.bytes))),
         constant(kernels::packParams(spec, start, weights.bytes, 0, tail->multiplier, tail->values))});
  pointers.append({input.scales.pointer, input.zeros.pointer});
  if (residual && spec.epilogue.hasResidual())
    pointers.push_back(residual->pointer);
  pointers.push_back(output.pointer);
  lowering.invokePointers(operands.op, spec.toAttr(operands.op->getContext()), pointers, 1,
                          spec.outW * spec.c * spec.n);
  return Rest(tail->rest);
}

LogicalResult lower::lowerDynamicMatMul(Lowering &lowering, DynamicMatMulOp op) {
  auto b = cast<RankedTensorType>(op.getB().getType());
  int64_t k = b.getDimSize(0), n = b.getDimSize(1);
  Weights weights;
  auto order = [&](int64_t i) { return i % k * n + i / k; };
  if (failed(readWeights(op, op.getB(), n * k, order, n, weights)) ||
      failed(readBias(op, op.getBias(), n, weights)))
    return failure();
  Storage &storage = lowering.storage();
  Place a = lowering.readable(op.getAMutable(), {}), output = storage.place(op.getResult());
  auto rows = [&](const Place &place) {
    kernels::Place at;
    at.offset = place.view.offset;
    at.pixel = place.view.strides.size() > 1 ? place.view.strides[place.view.strides.size() - 2] : n;
    return at;
  };
  kernels::GemmSpec spec;
  spec.outW = cast<RankedTensorType>(op.getResult().getType()).getNumElements() / n;
  spec.c = k;
  spec.n = n;
  spec.x = rows(a);
  spec.out = rows(output);
  std::optional<Place> residual;
  if (op.getResidual()) {
    residual = lowering.readable(op.getResidualMutable()[0], {});
    spec.residual = rows(*residual);
  }
  ProductOperands operands{
      op, op.getA(), op.getResidual(), Value(), op.getChain().value_or(ArrayAttr()), op.getResult()};
  const Place *added = residual ? &*residual : nullptr;
  FailureOr<Rest> rest =
      invokeMeasured(lowering, spec, operands, weights,
                     {a, storage.place(op.getScale()), storage.place(op.getZero())}, output, added);
  if (succeeded(rest))
    lowering.invokeOrPostpone(op, *rest, output);
  return success(succeeded(rest));
}

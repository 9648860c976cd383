//===- AdoptDynamic.cpp - Products that ONNX Runtime has quantised --------===//
//
// What its quantize_dynamic writes, in operations that have fast kernels. Bytes, integer sums
// and floats stay what they are, but for products with a scale for each column, which are
// multiplied by that first.
//
//===----------------------------------------------------------------------===//

#include "compiler/simplify/Passes.h"
#include "compiler/support/Lengths.h"
#include "compiler/support/Rewrite.h"
#include "dialects/reference/Dynamic.h"
#include <cmath>

namespace qcc::simplify {
#define GEN_PASS_DEF_ADOPTDYNAMIC
#include "compiler/simplify/Passes.h.inc"

using namespace mlir;
using reference::DType;
using reference::Tensor;

namespace {
/// A product of what was measured, up to the numbers that its sums stand for.
struct Measured {
  Operation *product;
  DynamicQuantizeLinearOp input;
  Tensor weights;            ///< signed bytes
  std::vector<float> scales; ///< of the weights: one, or one for each output channel
  Value factor;              ///< that the sums are multiplied by
  Value end;                 ///< the real numbers
  Value bias;                ///< added to them at `end`, or null; one number for each channel
};

/// The integers less their zero point, where they are bytes then.
std::optional<Tensor> signedBytes(Value weights, Value zeroPoint, int64_t axis) {
  std::optional<Tensor> values = constantOf(weights), zeros = Tensor();
  if (zeroPoint)
    zeros = constantOf(zeroPoint);
  if (!values || !zeros)
    return std::nullopt;
  int64_t inner = 1, count = zeroPoint ? zeros->size() : 1;
  for (int64_t i = axis + 1; i < values->rank(); ++i)
    inner *= values->shape[i];
  Tensor bytes(DType::I8, values->shape);
  for (int64_t i = 0, e = values->size(); i < e; ++i) {
    int64_t channel = count == 1 ? 0 : i / inner % values->shape[axis];
    int64_t value = values->getInt(i) - (zeroPoint ? zeros->getInt(channel) : 0);
    if (value < -128 || value > 127)
      return std::nullopt;
    bytes.setInt(i, value);
  }
  return bytes;
}

/// Takes a factor of what has this type apart: the scale of the input, once, and constants, one for all or
/// one for each position along `axis`.
class Factor {
public:
  Factor(Value inputScale, RankedTensorType type, int64_t axis)
      : inputScale(inputScale), type(type), axis(axis) {}
  bool isScaled = false;
  std::vector<float> scales{1};

  bool read(Value factor) {
    if (factor == inputScale && !isScaled)
      return isScaled = true;
    if (std::optional<std::vector<double>> numbers = perChannel(factor, type, axis))
      return multiply(*numbers);
    auto mul = factor.getDefiningOp<MulOp>();
    return mul && read(mul.getLhs()) && read(mul.getRhs());
  }

private:
  bool multiply(ArrayRef<double> numbers) {
    if (numbers.empty() || (scales.size() > 1 && numbers.size() > 1))
      return false;
    scales.resize(std::max(scales.size(), numbers.size()), scales[0]);
    for (auto [i, scale] : llvm::enumerate(scales))
      scale *= static_cast<float>(numbers[numbers.size() == 1 ? 0 : i]);
    return true;
  }

  Value inputScale;
  RankedTensorType type;
  int64_t axis;
};

/// Whether sums of bytes times these weights fit into 32 bits, of each channel along `axis`.
bool sumsFit(const Tensor &weights, int64_t axis) {
  std::vector<int64_t> magnitudes(weights.shape[axis], 0);
  int64_t inner = ShapedType::getNumElements(ArrayRef(weights.shape).drop_front(axis + 1));
  for (int64_t i = 0, e = weights.size(); i < e; ++i)
    magnitudes[i / inner % weights.shape[axis]] += std::abs(weights.getInt(i));
  return llvm::all_of(magnitudes, [](int64_t sum) { return sum <= INT32_MAX / 255; });
}

bool areUsable(ArrayRef<float> scales) {
  return llvm::all_of(scales, [](float s) { return s > 0 && std::isfinite(s); });
}

/// `axis` is that of the channels of the result, `weightAxis` of the weights.
std::optional<Measured> match(Operation *product, Value bytes, Value zero, std::optional<Tensor> weights,
                              int64_t weightAxis, int64_t axis) {
  auto input = bytes.getDefiningOp<DynamicQuantizeLinearOp>();
  if (!input || zero != input.getZeroPoint() || !weights || !sumsFit(*weights, weightAxis) ||
      !product->hasOneUse())
    return std::nullopt;
  auto cast = dyn_cast<CastOp>(*product->user_begin());
  if (!cast || !tensorType(cast.getResult()).getElementType().isF32() || !cast.getResult().hasOneUse())
    return std::nullopt;
  auto scaled = dyn_cast<MulOp>(*cast.getResult().user_begin());
  if (!scaled || scaled.getResult().getType() != cast.getResult().getType())
    return std::nullopt;
  Value factor = scaled.getLhs() == cast.getResult() ? scaled.getRhs() : scaled.getLhs();
  RankedTensorType type = tensorType(scaled.getResult());
  Factor factors(input.getScale(), type, axis);
  bool isColumn = tensorType(factor).getNumElements() == 1 || axis == type.getRank() - 1;
  if (!factors.read(factor) || !factors.isScaled || !isColumn || !areUsable(factors.scales))
    return std::nullopt;
  Measured found{product, input, std::move(*weights), factors.scales, factor, scaled.getResult(), Value()};
  auto add = found.end.hasOneUse() ? dyn_cast<AddOp>(*found.end.user_begin()) : AddOp();
  if (!add || add.getResult().getType() != type)
    return found;
  Value bias = add.getLhs() == found.end ? add.getRhs() : add.getLhs();
  if (std::optional<std::vector<double>> numbers = perChannel(bias, type, axis)) {
    OpBuilder builder(add);
    Tensor tensor(DType::F32, {type.getDimSize(axis)});
    for (int64_t i = 0; i < tensor.size(); ++i)
      tensor.setDouble(i, (*numbers)[numbers->size() == 1 ? 0 : static_cast<size_t>(i)]);
    found.bias = createConstant(builder, bias.getLoc(), tensor,
                                RankedTensorType::get(tensor.shape, builder.getF32Type()));
    found.end = add.getResult();
  }
  return found;
}

struct AdoptDynamic : impl::AdoptDynamicBase<AdoptDynamic> {
  using AdoptDynamicBase::AdoptDynamicBase;

  llvm::DenseMap<Value, DynamicQuantizeOp> images; ///< by what is measured

  /// The weights where `found` is replaced, in units of their scales along `axis`.
  static Value storedWeights(OpBuilder &builder, const Measured &found, int64_t axis) {
    Type i8 = builder.getI8Type(), f32 = builder.getF32Type(), element;
    unsigned flags = quant::QuantizationFlags::Signed;
    SmallVector<double> scales(found.scales.begin(), found.scales.end());
    SmallVector<int64_t> zeros(found.weights.shape[axis], 0);
    if (scales.size() == 1)
      scales.assign(zeros.size(), scales[0]);
    element = quant::UniformQuantizedPerAxisType::get(flags, i8, f32, scales, zeros,
                                                      static_cast<int32_t>(axis), -128, 127);
    return createConstant(builder, found.product->getLoc(), found.weights,
                          RankedTensorType::get(found.weights.shape, element));
  }

  DynamicQuantizeOp measureImage(DynamicQuantizeLinearOp op) {
    DynamicQuantizeOp &known = images[op.getInput()];
    if (known)
      return known;
    OpBuilder builder(op);
    RankedTensorType type = tensorType(op.getInput());
    Type results[] = {type.clone(builder.getIntegerType(8, /*isSigned=*/false)),
                      RankedTensorType::get({1, 2}, builder.getF32Type()),
                      RankedTensorType::get({1}, builder.getI32Type())};
    return known = DynamicQuantizeOp::create(builder, op.getLoc(), results, op.getInput(),
                                             builder.getI64IntegerAttr(1),
                                             builder.getI64IntegerAttr(reference::zeroOfRun));
  }

  void adopt(ConvIntegerOp op) {
    RankedTensorType input = tensorType(op.getInput());
    if (input.getRank() != 4 || input.getDimSize(0) != 1)
      return;
    std::optional<Measured> found = match(op, op.getInput(), op.getXZeroPoint(),
                                          signedBytes(op.getFilter(), op.getWZeroPoint(), 0), 0, 1);
    if (!found)
      return;
    DynamicQuantizeOp image = measureImage(found->input);
    Operation *end = found->end.getDefiningOp();
    OpBuilder builder(end);
    Value weights = storedWeights(builder, *found, 0);
    auto conv = ConvOp::create(builder, op.getLoc(), found->end.getType(), image.getResult(), weights,
                               found->bias, Value(), Value(), ArrayAttr(), image.getScale(), op.getAutoPad(),
                               op.getDilationsAttr(), op.getGroup(), op.getKernelShapeAttr(),
                               op.getPadsAttr(), op.getStridesAttr(), "nchw");
    found->end.replaceAllUsesWith(conv.getResult());
  }

  void adopt(MatMulIntegerOp op) {
    RankedTensorType a = tensorType(op.getA()), b = tensorType(op.getB());
    if (a.getRank() < 2 || b.getRank() != 2)
      return;
    std::optional<Measured> found = match(op, op.getA(), op.getAZeroPoint(),
                                          signedBytes(op.getB(), op.getBZeroPoint(), 1), 1, a.getRank() - 1);
    if (!found)
      return;
    OpBuilder builder(found->end.getDefiningOp());
    Location loc = op.getLoc();
    SmallVector<int64_t> rows(a.getShape().drop_back());
    auto forRows = [&](Value one) -> Value {
      return ExpandOp::create(builder, loc, tensorType(one).clone(rows), one, rows);
    };
    constexpr int64_t toI32 = 6; // TensorProto.INT32
    Value zero = CastOp::create(builder, loc, RankedTensorType::get({}, builder.getI32Type()),
                                found->input.getZeroPoint(), toI32);
    // Of one number the product with the weights' scale is the model's own.
    Value scale = found->input.getScale();
    if (tensorType(found->factor).getRank() == 0) {
      scale = found->factor;
      found->scales = {1};
    }
    Value weights = storedWeights(builder, *found, 1);
    auto product =
        DynamicMatMulOp::create(builder, loc, found->end.getType(), op.getA(), forRows(scale), forRows(zero),
                                weights, found->bias, Value(), Value(), ArrayAttr());
    found->end.replaceAllUsesWith(product.getResult());
  }

  void runOnOperation() override {
    images.clear();
    if (!lengthsOf(getOperation()).empty()) // what is measured there is filled up elsewhere
      return;
    SmallVector<Operation *> ops(llvm::make_pointer_range(getOperation().front()));
    for (Operation *op : ops) {
      if (auto conv = dyn_cast<ConvIntegerOp>(op); conv && convolutions)
        adopt(conv);
      if (auto product = dyn_cast<MatMulIntegerOp>(op))
        adopt(product);
    }
    RewritePatternSet none(&getContext()); // what was replaced
    if (!ops.empty() && failed(applyPatterns(getOperation(), std::move(none))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::simplify

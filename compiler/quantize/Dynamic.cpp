//===- Dynamic.cpp - Products on activations that are measured ------------===//

#include "compiler/quantize/ByRow.h"
#include "compiler/quantize/Groups.h"
#include "compiler/quantize/KeepFloat.h"
#include "compiler/quantize/Lowest.h"
#include "compiler/quantize/Passes.h"
#include "compiler/quantize/Scales.h"
#include "compiler/quantize/Tables.h"
#include "compiler/quantize/Weights.h"
#include "compiler/support/Lengths.h"
#include "compiler/support/Rewrite.h"
#include "compiler/support/Weighted.h"
#include "dialects/Constants.h"
#include "dialects/reference/Groups.h"
#include "mlir/IR/BuiltinOps.h"
#include <cmath>

namespace qcc::quantize {
#define GEN_PASS_DEF_QUANTIZEDYNAMIC
#include "compiler/quantize/Passes.h.inc"

using namespace mlir;
using reference::DType;
using reference::Tensor;

namespace {

/// Constant weights of rank `order.size()` permuted; `axis` of the result has the scales. What lies
/// apart from that axis shares one.
Value createWeights(OpBuilder &builder, Location loc, const Tensor &weights, ArrayRef<int64_t> shape,
                    int64_t axis, llvm::function_ref<int64_t(int64_t)> from) {
  int64_t inner = 1, channels = shape[axis];
  for (int64_t size : shape.drop_front(axis + 1))
    inner *= size;
  auto channelOf = [&](int64_t i) { return i / inner % channels; };
  WeightScales choice;
  choice.maxima.resize(channels);
  for (int64_t i = 0, e = weights.size(); i < e; ++i) {
    float &maximum = choice.maxima[channelOf(i)];
    maximum = std::max(maximum, std::fabs(static_cast<float>(weights.getDouble(from(i)))));
  }
  std::vector<float> scales = choice.choose();
  Tensor stored(DType::I8, shape.vec());
  for (int64_t i = 0, e = weights.size(); i < e; ++i)
    stored.data<int8_t>()[i] =
        quantizeWeight(static_cast<float>(weights.getDouble(from(i))), scales[channelOf(i)]);
  SmallVector<double> exact(scales.begin(), scales.end());
  SmallVector<int64_t> zeros(scales.size(), 0);
  auto element = quant::UniformQuantizedPerAxisType::get(quant::QuantizationFlags::Signed,
                                                         builder.getI8Type(), builder.getF32Type(), exact,
                                                         zeros, static_cast<int32_t>(axis), -128, 127);
  return createConstant(builder, loc, stored, RankedTensorType::get(shape, element));
}

bool isFinite(const Tensor &tensor) {
  for (int64_t i = 0, e = tensor.size(); i < e; ++i)
    if (!std::isfinite(tensor.getDouble(i)))
      return false;
  return true;
}

/// Of fewer numbers a table takes less memory than what it costs to scale its rows.
constexpr int64_t largeTable = 1 << 16;

class Quantizer {
public:
  Quantizer(MLIRContext *context, bool int4, int64_t leastGrouped)
      : builder(context), int4(int4), leastGrouped(leastGrouped) {}

  /// Why the operation stays in float; empty where it does not.
  std::string quantize(Operation *op);
  void useInt4(bool use) { int4 = use; }

private:
  OpBuilder builder;
  bool int4;
  int64_t leastGrouped;
  Lowest lowest;
  llvm::DenseMap<Value, DynamicQuantizeOp> measured, measuredImages;

  std::string product(Operation *op, const Weighted &weighted);
  std::string convolution(ConvOp op);
  std::string recurrent(Operation *op);
  std::string table(GatherOp op);
  void noteInt8(Operation *op, const std::string &reason) {
    if (!reason.empty())
      op->setAttr(int8ReasonAttr, builder.getStringAttr(reason));
  }
  DynamicQuantizeOp measure(Value input);
  DynamicQuantizeOp measureImages(Value input);
};
} // namespace

/// Several products of one tensor share what was measured.
DynamicQuantizeOp Quantizer::measure(Value input) {
  DynamicQuantizeOp &known = measured[input];
  if (known)
    return known;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfterValue(input);
  RankedTensorType type = tensorType(input);
  ArrayRef<int64_t> rows = type.getShape().drop_back();
  Type results[] = {type.clone(builder.getIntegerType(8, /*isSigned=*/false)),
                    RankedTensorType::get(rows, builder.getF32Type()),
                    RankedTensorType::get(rows, builder.getI32Type())};
  return known = DynamicQuantizeOp::create(builder, input.getLoc(), results, input,
                                           builder.getI64IntegerAttr(type.getRank() - 1), IntegerAttr());
}

/// The zero point of images is known at compile time, so that their borders are. What reaches a little below
/// zero, as HardSwish does, gets a few of the 255 steps there.
DynamicQuantizeOp Quantizer::measureImages(Value input) {
  constexpr int64_t half = 128, few = 16;
  constexpr float little = -1;
  DynamicQuantizeOp &known = measuredImages[input];
  if (known)
    return known;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfterValue(input);
  float least = lowest.of(input);
  int64_t zero = least == 0 ? 0 : least > little ? few : half;
  RankedTensorType type = tensorType(input);
  ArrayRef<int64_t> images = type.getShape().take_front();
  Type f32 = builder.getF32Type(), i32 = builder.getI32Type();
  auto element =
      quant::UniformQuantizedType::get(/*flags=*/0, builder.getI8Type(), f32, /*scale=*/1, zero, 0, 255);
  Type results[] = {type.clone(element), RankedTensorType::get(images, f32),
                    RankedTensorType::get(images, i32)};
  return known = DynamicQuantizeOp::create(builder, input.getLoc(), results, input,
                                           builder.getI64IntegerAttr(1), builder.getI64IntegerAttr(zero));
}

/// Why a product stays in float; empty where it need not.
static std::string refusal(Operation *op, const Weighted &weighted) {
  Value input = weighted.input->get(), weights = weighted.weights->get();
  std::optional<Tensor> constant = constantOf(weights);
  auto gemm = dyn_cast<GemmOp>(op);
  if (!isPlain(op) || (gemm && (gemm.getTransA() || !gemm.getAlpha().isExactlyValue(1) ||
                                (gemm.getC() && !gemm.getBeta().isExactlyValue(1)))))
    return "transposes its input, or alpha or beta is not 1";
  if (!constant)
    return "multiplies two tensors of the run, which no integer kernel does";
  if (isConstant(input) || constant->rank() != 2 || !tensorType(input).getElementType().isF32())
    return "is no product of f32 activations with a matrix";
  if (!isFinite(*constant))
    return "has weights that are not finite";
  if (weighted.bias.empty())
    return "";
  std::optional<Tensor> numbers = constantOf(weighted.bias[0].get());
  if (!numbers || (numbers->size() != 1 && numbers->size() != weighted.channels))
    return "its bias is no constant with one number for each output channel";
  return "";
}

bool canBeByRow(Operation *op) {
  std::optional<Weighted> weighted = describeWeighted(op);
  return isa<GemmOp, MatMulOp>(op) && weighted && refusal(op, *weighted).empty();
}

static bool isLargeTable(GatherOp op) {
  RankedTensorType type = tensorType(op.getInput());
  return isConstant(op.getInput()) && type.getElementType().isF32() && type.getRank() == 2 &&
         op.getAxis() == 0 && type.getNumElements() >= largeTable;
}

bool isAlwaysByRow(Operation *op) {
  auto gather = dyn_cast<GatherOp>(op);
  return isa<RnnOp, GruOp, LstmOp>(op) || (gather && isLargeTable(gather));
}

/// Gemm and MatMul, whose weights become (K, N).
std::string Quantizer::product(Operation *op, const Weighted &weighted) {
  if (std::string reason = refusal(op, weighted); !reason.empty())
    return reason;
  Value input = weighted.input->get(), weights = weighted.weights->get();
  Tensor constant = *constantOf(weights);
  auto gemm = dyn_cast<GemmOp>(op);
  bool transposed = gemm && gemm.getTransB();
  int64_t k = constant.shape[transposed ? 1 : 0], n = constant.shape[transposed ? 0 : 1];
  Value bias = weighted.bias.empty() ? Value() : weighted.bias[0].get();
  if (bias) {
    std::optional<Tensor> numbers = constantOf(bias);
    Tensor wide(DType::F32, {n});
    for (int64_t i = 0; i < n; ++i)
      wide.setDouble(i, numbers->getDouble(numbers->size() == 1 ? 0 : i));
    builder.setInsertionPoint(op);
    bias = createConstant(builder, op->getLoc(), wide, RankedTensorType::get({n}, builder.getF32Type()));
  }
  DynamicQuantizeOp rows = measure(input);
  builder.setInsertionPoint(op);
  auto from = [&](int64_t i) { return transposed ? i % n * k + i / n : i; };
  std::string reason = int4 ? whyInt8(k, k * n, leastGrouped) : "";
  bool grouped = int4 && reason.empty();
  Value stored = grouped ? createGroupedWeights(builder, weights.getLoc(), constant, {k, n}, 0, from)
                         : createWeights(builder, weights.getLoc(), constant, {k, n}, 1, from);
  auto result =
      DynamicMatMulOp::create(builder, op->getLoc(), op->getResult(0).getType(), rows.getResult(),
                              rows.getScale(), rows.getZero(), stored, bias, Value(), Value(), ArrayAttr());
  noteInt8(result, reason);
  op->getResult(0).replaceAllUsesWith(result.getResult());
  op->erase();
  return "";
}

/// With fewer products for each number of its input, a convolution gains less than measuring costs.
constexpr int64_t fewestProducts = 32;

static int64_t productsOfEach(ConvOp op) {
  int64_t outputs = tensorType(op.getResult()).getNumElements(),
          inputs = tensorType(op.getInput()).getNumElements();
  ArrayRef<int64_t> filter = tensorType(op.getFilter()).getShape();
  return inputs ? outputs * ShapedType::getNumElements(filter.drop_front()) / inputs : 0;
}

/// Whether runs of bounded shape may have less than whole images: where a length is something else than the
/// number of images.
static bool mayBeCut(ConvOp op) {
  ArrayRef<int64_t> shape = tensorType(op.getInput()).getShape();
  return llvm::any_of(lengthsOf(op->getParentOfType<func::FuncOp>()), [&](const Length &length) {
    bool countsImages = length.axis == 0 && shape[0] == length.most;
    return !countsImages || llvm::is_contained(shape.drop_front(), length.most);
  });
}

/// Why a convolution stays in float; empty where it need not.
static std::string refusal(ConvOp op) {
  constexpr int64_t mostDepth = INT32_MAX / (255 * 128);
  if (tensorType(op.getInput()).getRank() != 4)
    return "walks along a signal, where one scale would lose what is quiet (without --calib)";
  if (mayBeCut(op))
    return "of images of bounded shape (--shape) some runs have no more than a part to measure";
  std::optional<Tensor> weights = constantOf(op.getFilter());
  if (!weights)
    return "its weights are no constant";
  if (!isPlain(op) || isConstant(op.getInput()) || !tensorType(op.getInput()).getElementType().isF32())
    return "is no convolution of f32 activations";
  if (!isFinite(*weights))
    return "has weights that are not finite";
  if (op.getBias() && !isConstant(op.getBias()))
    return "its bias is no constant";
  if (int64_t depth = weights->size() / std::max<int64_t>(weights->shape[0], 1); depth > mostDepth)
    return "its " + std::to_string(depth) + " products could overflow 32 bits";
  if (int64_t products = productsOfEach(op); products < fewestProducts)
    return "multiplies each number " + std::to_string(products) +
           " times, which gains less in int8 than measuring it costs (without --calib)";
  return "";
}

std::string Quantizer::convolution(ConvOp op) {
  if (std::string reason = refusal(op); !reason.empty())
    return reason;
  Tensor weights = *constantOf(op.getFilter());
  DynamicQuantizeOp images = measureImages(op.getInput());
  builder.setInsertionPoint(op);
  Value stored =
      createWeights(builder, op.getFilter().getLoc(), weights, weights.shape, 0, [](int64_t i) { return i; });
  op.getInputMutable().set(images.getResult());
  op.getFilterMutable().set(stored);
  op.getImageScaleMutable().assign(images.getScale());
  noteInt8(op, int4 ? "convolutions have no kernel with weights of 4 bits" : "");
  return "";
}

std::string Quantizer::recurrent(Operation *op) {
  std::optional<Tensor> weights = constantOf(op->getOperand(1)), recurrence = constantOf(op->getOperand(2));
  if (!weights || !recurrence || weights->type != DType::F32)
    return "its weights are no f32 constants";
  if (!isFinite(*weights) || !isFinite(*recurrence))
    return "has weights that are not finite";
  builder.setInsertionPoint(op);
  // One kernel reads both matrices: they are of one kind.
  std::string reason = !int4 ? ""
                             : whyInt8(std::min(weights->shape[2], recurrence->shape[2]),
                                       weights->size() + recurrence->size(), leastGrouped);
  bool grouped = int4 && reason.empty();
  noteInt8(op, reason);
  for (auto [slot, tensor] : {std::pair(1u, &*weights), std::pair(2u, &*recurrence)}) {
    auto from = [](int64_t i) { return i; };
    Location loc = op->getOperand(slot).getLoc();
    op->setOperand(slot, grouped ? createGroupedWeights(builder, loc, *tensor, tensor->shape, 2, from)
                                 : createWeights(builder, loc, *tensor, tensor->shape, 1, from));
  }
  return "";
}

/// Rows of a large table, as those of words, are stored as integers.
std::string Quantizer::table(GatherOp op) {
  if (!isLargeTable(op))
    return "";
  std::optional<Tensor> rows = constantOf(op.getInput());
  if (!isFinite(*rows))
    return "reads a table that is not finite";
  builder.setInsertionPoint(op);
  if (int4 && rows->shape[1] % reference::groupDepth == 0)
    storeTableInGroups(op, *rows, builder);
  else
    storeTable(op, *rows, builder);
  return "";
}

std::string Quantizer::quantize(Operation *op) {
  if (auto gather = dyn_cast<GatherOp>(op))
    return table(gather);
  if (isa<RnnOp, GruOp, LstmOp>(op))
    return recurrent(op);
  if (isa<GemmOp, MatMulOp>(op)) {
    std::optional<Weighted> weighted = describeWeighted(op);
    return weighted ? product(op, *weighted) : "has a vector as operand, which no integer kernel takes";
  }
  if (auto conv = dyn_cast<ConvOp>(op))
    return convolution(conv);
  if (isa<ConvTransposeOp>(op))
    return "transposed convolutions become integers by calibration (--calib), not by measuring at run time";
  return "";
}

namespace {
struct QuantizeDynamic : impl::QuantizeDynamicBase<QuantizeDynamic> {
  using QuantizeDynamicBase::QuantizeDynamicBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (planned)
      return quantizePlanned(function);
    if (failed(refuseQuantized(function)))
      return signalPassFailure();
    FailureOr<KeepFloat> keeps = KeepFloat::parse(function, llvm::to_vector(keepFloat));
    if (failed(keeps))
      return signalPassFailure();
    quantize(function, [&](Operation *op) { return keeps->matches(op); }, KeepFloat::reason);
    if (failed(keeps->checkUsed(function)))
      return signalPassFailure();
    if (llvm::none_of(function.front(), [](Operation &op) { return isMeasured(&op); }))
      function.emitWarning(
          "nothing was quantised: the model has no quantisation of its own, no data was given "
          "(--calib=PATH), and nothing in it can be quantised without");
  }

  void quantizePlanned(func::FuncOp function) {
    Quantizer quantizer(&getContext(), int4, leastGrouped);
    visit(function, [&](Operation *op) -> std::string {
      auto weights = dyn_cast_or_null<StringAttr>(op->removeAttr(byRowAttr));
      quantizer.useInt4(weights && weights.getValue() == "int4");
      return weights ? quantizer.quantize(op) : "";
    });
  }

  /// What `isLeft` says stays in float, for `reason`.
  void quantize(func::FuncOp function, llvm::function_ref<bool(Operation *)> isLeft, StringRef leftFor) {
    Quantizer quantizer(&getContext(), int4, leastGrouped);
    visit(function, [&](Operation *op) { return isLeft(op) ? leftFor.str() : quantizer.quantize(op); });
  }

  /// `quantize` says why an operation stays in float.
  void visit(func::FuncOp function, llvm::function_ref<std::string(Operation *)> quantize) {
    SmallVector<Operation *> ops(llvm::make_pointer_range(function.front()));
    for (Operation *op : ops)
      if (std::string reason = quantize(op); !reason.empty())
        op->setAttr(floatReasonAttr, StringAttr::get(&getContext(), reason));
    for (Operation &op : llvm::make_early_inc_range(function.front())) // what was replaced
      if (isa<ConstantOp>(op) && op.use_empty())
        op.erase();
  }
};
} // namespace
} // namespace qcc::quantize

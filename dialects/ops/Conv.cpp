//===- Conv.cpp - Convolutions --------------------------------------------===//

#include "dialects/reference/Conv.h"
#include "dialects/QuantTypes.h"
#include "dialects/ops/Fused.h"
#include "dialects/reference/Dynamic.h"
#include "dialects/reference/Shape.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;
using reference::ConvParams;
using reference::Tensor;

/// The attributes that all window operations have.
template <typename Op> static WindowAttrs windowAttrs(Op op) {
  return {op.getAutoPad(), op.getStridesAttr(), op.getDilationsAttr(), op.getPadsAttr()};
}

static ConvParams convParams(const Window &window, int64_t group) {
  return {toStd(window.strides), toStd(window.dilations), toStd(window.padsBegin), group};
}

/// The filter's own size; `kernel_shape` may only repeat it.
template <typename Op> static FailureOr<Shape> kernelOf(Op op) {
  Shape kernel(shapeOf(op.getFilter()).drop_front(2));
  if (std::optional<ArrayRef<int64_t>> given = op.getKernelShape(); given && Shape(*given) != kernel)
    return op.emitOpError("kernel_shape is ")
           << listText(*given) << " but the filter has " << shapeText(shapeOf(op.getFilter()));
  return kernel;
}

/// Ranks of input and filter, and a group that divides.
template <typename Op> static LogicalResult checkRanksAndGroup(Op op, int64_t channels, int64_t filterAxis0) {
  int64_t rank = rankOf(op.getInput());
  if (failed(requireRank(op, "input", op.getInput(), 3, 5)) ||
      failed(requireRank(op, "filter", op.getFilter(), rank, rank)))
    return failure();
  auto group = static_cast<int64_t>(op.getGroup());
  if (group < 1 || channels % group || filterAxis0 % group)
    return op.emitOpError("group is ") << group << " but must be positive and divide the " << channels
                                       << " channels and the filter's first size " << filterAxis0;
  return success();
}

static bool hasRank(Value value) { return rankOf(value) >= 3; }

//===----------------------------------------------------------------------===//
// Conv and ConvInteger
//===----------------------------------------------------------------------===//

namespace {
/// What both need; `shape` is the result's, channels first.
struct ConvPlan {
  Window window;
  Shape shape;
};
} // namespace

template <typename Op> static FailureOr<Window> convWindow(Op op, bool nhwc) {
  if (!hasRank(op.getInput()) || !hasRank(op.getFilter()))
    return op.emitOpError("operands have ranks ")
           << rankOf(op.getInput()) << " and " << rankOf(op.getFilter()) << " but should have 3 to 5";
  FailureOr<Shape> kernel = kernelOf(op);
  if (failed(kernel))
    return failure();
  return resolveWindow(op, spatialOf(shapeOf(op.getInput()), nhwc), *kernel, windowAttrs(op));
}

template <typename Op> static FailureOr<ConvPlan> planConv(Op op, bool nhwc) {
  FailureOr<Window> window = convWindow(op, nhwc);
  if (failed(window))
    return failure();
  ArrayRef<int64_t> input = shapeOf(op.getInput()), filter = shapeOf(op.getFilter());
  int64_t channels = channelsOf(input, nhwc);
  if (failed(checkRanksAndGroup(op, channels, filter[0])))
    return failure();
  if (filter[1] * static_cast<int64_t>(op.getGroup()) != channels)
    return op.emitOpError("has ") << channels << " input channels but a filter of shape " << shapeText(filter)
                                  << " with group " << op.getGroup();
  FailureOr<Shape> positions = windowPositions(op, spatialOf(input, nhwc), *window);
  if (failed(positions))
    return failure();
  return ConvPlan{*window, makeShape(input[0], filter[0], *positions, false)};
}

template <typename Op> static LogicalResult normalizeConv(Op op, bool nhwc) {
  FailureOr<Window> window = convWindow(op, nhwc);
  if (failed(window))
    return failure();
  op.setAutoPad("NOTSET");
  op.setKernelShape(window->kernel);
  op.setStrides(window->strides);
  op.setDilations(window->dilations);
  op.setPads(window->pads());
  return success();
}

static LogicalResult checkBiasSize(Operation *op, Value bias, int64_t channels) {
  if (bias && shapeOf(bias) != ArrayRef<int64_t>(channels))
    return op->emitOpError("operand 'bias' has shape ")
           << shapeText(shapeOf(bias)) << " but should have " << channels;
  return success();
}

/// The zero point of the image is that of the run, beside its scale.
static bool hasZeroOfRun(ConvOp op) { return op.getImageScale() && rankOf(op.getImageScale()) == 2; }

/// What follows the sums of such an image works as on float operands.
static Fused fusedOf(ConvOp op) {
  Value scale = op.getImageScale();
  if (hasZeroOfRun(op))
    return {scale,
            scale,
            op.getBias(),
            op.getResidual(),
            op.getTable(),
            op.getChainAttr(),
            0,
            shapeOf(op.getFilter())[0]};
  return {op.getInput(), op.getFilter(),    op.getBias(),     op.getResidual(),
          op.getTable(), op.getChainAttr(), /*filterAxis=*/0, shapeOf(op.getFilter())[0]};
}

LogicalResult ConvOp::normalize() {
  FailureOr<bool> nhwc = isChannelsLast(*this, getLayout());
  return failed(nhwc) ? failure() : normalizeConv(*this, *nhwc);
}

/// What a measured input goes with: nothing but floats behind the sums.
static LogicalResult checkImageScale(ConvOp op, int64_t images) {
  Value scale = op.getImageScale();
  if (!scale)
    return success();
  if (hasZeroOfRun(op)) {
    bool fits = images == 1 && shapeOf(scale) == ArrayRef<int64_t>{1, 2} && elementOf(scale).isF32() &&
                elementOf(op.getInput()).isUnsignedInteger(8) &&
                isa<quant::QuantizedType>(elementOf(op.getFilter()));
    return fits ? success()
                : op.emitOpError("has operands of ")
                      << op.getInput().getType() << ", " << op.getFilter().getType() << " and "
                      << scale.getType()
                      << " but should have one image of ui8, a quantised filter and 1x2 f32";
  }
  if (shapeOf(scale) != ArrayRef<int64_t>(images) || !elementOf(scale).isF32())
    return op.emitOpError("operand 'image_scale' has type ")
           << scale.getType() << " but should have f32 for each of " << images << " images";
  Type result = declaredElement(op);
  if (!isQuantized(op.getInput()) || !(result.isF32() || result.isBF16()) ||
      (op.getBias() && !elementOf(op.getBias()).isF32()))
    return op.emitOpError("has an image_scale, so its input must be quantised, its bias and result floats");
  return success();
}

LogicalResult ConvOp::inferTypes(Results &results) {
  FailureOr<bool> nhwc = isChannelsLast(*this, getLayout());
  if (failed(nhwc))
    return failure();
  FailureOr<ConvPlan> plan = planConv(*this, *nhwc);
  if (failed(plan) || failed(checkBiasSize(*this, getBias(), plan->shape[1])) ||
      failed(checkImageScale(*this, plan->shape[0])))
    return failure();
  ArrayRef<int64_t> shape = plan->shape;
  return inferFused(*this, fusedOf(*this), makeShape(shape[0], shape[1], shape.drop_front(2), *nhwc),
                    results);
}

LogicalResult ConvOp::evaluate(Operands operands, Tensors &results) {
  bool nhwc = getLayout() == "nhwc";
  FailureOr<ConvPlan> plan = planConv(*this, nhwc);
  FailureOr<ZeroPoints> zeros = zeroPoints(*this, fusedOf(*this));
  if (failed(plan) || failed(zeros))
    return failure();
  int64_t rank = operands[0]->rank(), axis = nhwc ? rank - 1 : 1;
  Tensor input = nhwc ? reference::transpose(*operands[0], permToChannelsFirst(rank)) : *operands[0];
  const Tensor *imageScale = optional(operands, 5);
  if (hasZeroOfRun(*this))
    zeros->input = imageScale->getInt(1);
  Tensor sums =
      reference::convSums(input, *operands[1], convParams(plan->window, static_cast<int64_t>(getGroup())),
                          toStd(plan->shape), zeros->input, zeros->filter);
  if (nhwc)
    sums = reference::transpose(sums, permToChannelsLast(rank));
  if (hasZeroOfRun(*this)) {
    auto filter = channelParams(elementOf(getFilter()), 0, shapeOf(getFilter())[0],
                                [&] { return emitOpError("operand 'filter' "); });
    if (failed(filter))
      return failure();
    std::vector<float> scales;
    for (const reference::QuantParams &channel : *filter)
      scales.push_back(channel.scale);
    sums = reference::measuredSums(sums, axis, scales, static_cast<float>(imageScale->getDouble(0)));
    imageScale = nullptr;
  }
  return finishFused(*this, fusedOf(*this), std::move(sums), axis, optional(operands, 2),
                     optional(operands, 3), optional(operands, 4), results, imageScale);
}

LogicalResult ConvOp::toChannelsLast() {
  setLayout("nhwc");
  return success();
}

LogicalResult ConvIntegerOp::normalize() { return normalizeConv(*this, false); }

LogicalResult ConvIntegerOp::inferTypes(Results &results) {
  for (Value value : {getInput(), getFilter()})
    if (!elementOf(value).isInteger(8))
      return emitOpError("has an operand of element type ")
             << elementOf(value) << " but needs 8-bit integers";
  FailureOr<ConvPlan> plan = planConv(*this, false);
  if (failed(plan))
    return failure();
  if (Value zero = getXZeroPoint(); zero && tensorOf(zero).getNumElements() != 1)
    return emitOpError("operand 'x_zero_point' has shape ")
           << shapeText(shapeOf(zero)) << " but should be one";
  if (Value zero = getWZeroPoint())
    if (int64_t count = tensorOf(zero).getNumElements(); count != 1 && count != plan->shape[1])
      return emitOpError("operand 'w_zero_point' has ")
             << count << " elements but should have 1 or " << plan->shape[1];
  return addResult(*this, results, plan->shape, IntegerType::get(getContext(), 32));
}

LogicalResult ConvIntegerOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<ConvPlan> plan = planConv(*this, false);
  if (failed(plan))
    return failure();
  const Tensor *inputZero = optional(operands, 2), *filterZero = optional(operands, 3);
  std::vector<int64_t> filterZeros;
  for (int64_t i = 0, e = filterZero ? filterZero->size() : 0; i < e; ++i)
    filterZeros.push_back(filterZero->getInt(i));
  Tensor sums = reference::convSums(*operands[0], *operands[1],
                                    convParams(plan->window, static_cast<int64_t>(getGroup())),
                                    toStd(plan->shape), inputZero ? inputZero->getInt(0) : 0, filterZeros);
  results.push_back(reference::rounded(sums, reference::DType::I32));
  return success();
}

//===----------------------------------------------------------------------===//
// ConvTranspose
//===----------------------------------------------------------------------===//

namespace {
struct TransposePlan {
  Window window;
  Shape outputPadding;
  Shape shape; ///< the result's, channels first
};
} // namespace

/// The pads that make the result as large as asked; where it is asked to be
/// larger than without pads, the rest becomes output padding.
static void padToShape(ConvTransposeOp op, Window &window, Shape &outputPadding, ArrayRef<int64_t> input,
                       ArrayRef<int64_t> asked) {
  for (size_t i = 0; i < input.size(); ++i) {
    int64_t total = window.strides[i] * (input[i] - 1) + outputPadding[i] + window.extent(i) - asked[i];
    if (total < 0) {
      outputPadding[i] -= total;
      total = 0;
    }
    bool upper = op.getAutoPad() == "SAME_UPPER";
    window.padsBegin[i] = upper ? total / 2 : total - total / 2;
    window.padsEnd[i] = total - window.padsBegin[i];
  }
}

/// The result's size that `output_shape` or SAME asks for, if any does.
static FailureOr<std::optional<Shape>> askedShape(ConvTransposeOp op, ArrayRef<int64_t> input,
                                                  const Window &window) {
  if (std::optional<ArrayRef<int64_t>> given = op.getOutputShape()) {
    Shape asked(*given);
    if (asked.size() == input.size() + 2) // some exporters write the whole shape
      asked.erase(asked.begin(), asked.begin() + 2);
    if (failed(requireLength(op, "output_shape", asked, static_cast<int64_t>(input.size()))))
      return failure();
    for (int64_t dim : asked)
      if (dim < 1 || dim > maxExtent)
        return op.emitOpError("output_shape ") << listText(*given) << " has the entry " << dim;
    return std::optional<Shape>(asked);
  }
  if (!op.getAutoPad().starts_with("SAME"))
    return std::optional<Shape>();
  Shape asked;
  for (auto [dim, stride] : llvm::zip(input, window.strides))
    asked.push_back(dim * stride);
  return std::optional<Shape>(asked);
}

static FailureOr<Shape> outputPaddingOf(ConvTransposeOp op, size_t length) {
  if (!op.getOutputPadding())
    return Shape(length, 0);
  Shape padding(*op.getOutputPadding());
  if (failed(requireLength(op, "output_padding", padding, static_cast<int64_t>(length))))
    return failure();
  for (int64_t pad : padding)
    if (pad < 0 || pad > maxExtent)
      return op.emitOpError("output_padding ") << listText(padding) << " has the entry " << pad;
  return padding;
}

static FailureOr<TransposePlan> planWindow(ConvTransposeOp op, bool nhwc) {
  if (!hasRank(op.getInput()) || !hasRank(op.getFilter()))
    return op.emitOpError("operands have ranks ")
           << rankOf(op.getInput()) << " and " << rankOf(op.getFilter()) << " but should have 3 to 5";
  Shape input = spatialOf(shapeOf(op.getInput()), nhwc);
  FailureOr<Shape> kernel = kernelOf(op);
  if (failed(kernel))
    return failure();
  WindowAttrs attrs = windowAttrs(op);
  if (attrs.autoPad.starts_with("SAME_"))
    attrs.autoPad = "NOTSET"; // its sizes are the result's, below
  FailureOr<Window> window = resolveWindow(op, input, *kernel, attrs);
  FailureOr<Shape> padding = outputPaddingOf(op, input.size());
  if (failed(window) || failed(padding))
    return failure();
  FailureOr<std::optional<Shape>> asked = askedShape(op, input, *window);
  if (failed(asked))
    return failure();
  if (*asked)
    padToShape(op, *window, *padding, input, **asked);
  return TransposePlan{*window, *padding, {}};
}

static FailureOr<TransposePlan> planTranspose(ConvTransposeOp op, bool nhwc) {
  FailureOr<TransposePlan> plan = planWindow(op, nhwc);
  if (failed(plan))
    return failure();
  ArrayRef<int64_t> input = shapeOf(op.getInput()), filter = shapeOf(op.getFilter());
  int64_t channels = channelsOf(input, nhwc);
  if (failed(checkRanksAndGroup(op, channels, filter[0])))
    return failure();
  if (filter[0] != channels)
    return op.emitOpError("has ") << channels << " input channels but a filter of shape "
                                  << shapeText(filter);
  Shape size = spatialOf(input, nhwc);
  const Window &window = plan->window;
  for (size_t i = 0; i < size.size(); ++i) {
    size[i] = window.strides[i] * (size[i] - 1) + plan->outputPadding[i] + window.extent(i) -
              window.padsBegin[i] - window.padsEnd[i];
    if (size[i] < 0)
      return op.emitOpError("pads ") << listText(window.pads()) << " leave a result of size " << size[i]
                                     << " in spatial axis " << i;
  }
  plan->shape = makeShape(input[0], filter[1] * static_cast<int64_t>(op.getGroup()), size, false);
  return plan;
}

static Fused fusedOf(ConvTransposeOp op) {
  return {op.getInput(), op.getFilter(),    op.getBias(),     op.getResidual(),
          op.getTable(), op.getChainAttr(), /*filterAxis=*/1, shapeOf(op.getFilter())[1]};
}

LogicalResult ConvTransposeOp::normalize() {
  FailureOr<bool> nhwc = isChannelsLast(*this, getLayout());
  if (failed(nhwc))
    return failure();
  FailureOr<TransposePlan> plan = planWindow(*this, *nhwc);
  if (failed(plan))
    return failure();
  setAutoPad("NOTSET");
  setKernelShape(plan->window.kernel);
  setStrides(plan->window.strides);
  setDilations(plan->window.dilations);
  setPads(plan->window.pads());
  setOutputPadding(plan->outputPadding);
  removeOutputShapeAttr();
  return success();
}

LogicalResult ConvTransposeOp::inferTypes(Results &results) {
  FailureOr<bool> nhwc = isChannelsLast(*this, getLayout());
  if (failed(nhwc))
    return failure();
  FailureOr<TransposePlan> plan = planTranspose(*this, *nhwc);
  if (failed(plan) || failed(checkBiasSize(*this, getBias(), plan->shape[1])))
    return failure();
  ArrayRef<int64_t> shape = plan->shape;
  return inferFused(*this, fusedOf(*this), makeShape(shape[0], shape[1], shape.drop_front(2), *nhwc),
                    results);
}

LogicalResult ConvTransposeOp::evaluate(Operands operands, Tensors &results) {
  bool nhwc = getLayout() == "nhwc";
  FailureOr<TransposePlan> plan = planTranspose(*this, nhwc);
  FailureOr<ZeroPoints> zeros = zeroPoints(*this, fusedOf(*this));
  if (failed(plan) || failed(zeros))
    return failure();
  int64_t rank = operands[0]->rank();
  Tensor input = nhwc ? reference::transpose(*operands[0], permToChannelsFirst(rank)) : *operands[0];
  Tensor sums = reference::convTransposeSums(input, *operands[1],
                                             convParams(plan->window, static_cast<int64_t>(getGroup())),
                                             toStd(plan->shape), zeros->input, zeros->filter);
  if (nhwc)
    sums = reference::transpose(sums, permToChannelsLast(rank));
  return finishFused(*this, fusedOf(*this), std::move(sums), nhwc ? rank - 1 : 1, optional(operands, 2),
                     optional(operands, 3), optional(operands, 4), results);
}

LogicalResult ConvTransposeOp::toChannelsLast() {
  setLayout("nhwc");
  return success();
}

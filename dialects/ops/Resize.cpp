//===- Resize.cpp - Interpolation to a new size ---------------------------===//

#include "dialects/reference/Resize.h"
#include "dialects/ops/Common.h"

#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;
using reference::Coordinates;
using reference::Interpolation;
using reference::NearestMode;
using reference::ResizeParams;

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

static std::optional<Interpolation> interpolation(StringRef mode) {
  return llvm::StringSwitch<std::optional<Interpolation>>(mode)
      .Case("nearest", Interpolation::Nearest)
      .Case("linear", Interpolation::Linear)
      .Case("cubic", Interpolation::Cubic)
      .Default(std::nullopt);
}

static std::optional<Coordinates> coordinates(StringRef mode) {
  return llvm::StringSwitch<std::optional<Coordinates>>(mode)
      .Case("half_pixel", Coordinates::HalfPixel)
      .Case("half_pixel_symmetric", Coordinates::HalfPixelSymmetric)
      .Case("pytorch_half_pixel", Coordinates::PytorchHalfPixel)
      .Case("align_corners", Coordinates::AlignCorners)
      .Case("asymmetric", Coordinates::Asymmetric)
      .Case("tf_crop_and_resize", Coordinates::CropAndResize)
      .Default(std::nullopt);
}

static std::optional<NearestMode> nearestMode(StringRef mode) {
  return llvm::StringSwitch<std::optional<NearestMode>>(mode)
      .Case("round_prefer_floor", NearestMode::RoundPreferFloor)
      .Case("round_prefer_ceil", NearestMode::RoundPreferCeil)
      .Case("floor", NearestMode::Floor)
      .Case("ceil", NearestMode::Ceil)
      .Default(std::nullopt);
}

static LogicalResult unknownWord(ResizeOp op, StringRef attribute, StringRef word) {
  return op.emitOpError() << attribute << " '" << word << "' is unknown";
}

static LogicalResult readWords(ResizeOp op, ResizeParams &params) {
  auto mode = interpolation(op.getMode());
  if (!mode)
    return unknownWord(op, "mode", op.getMode());
  auto transformation = coordinates(op.getCoordinateTransformationMode());
  if (!transformation)
    return unknownWord(op, "coordinate_transformation_mode", op.getCoordinateTransformationMode());
  auto nearest = nearestMode(op.getNearestMode());
  if (!nearest)
    return unknownWord(op, "nearest_mode", op.getNearestMode());
  params.interpolation = *mode;
  params.coordinates = *transformation;
  params.nearest = *nearest;
  params.antialias = op.getAntialias();
  params.excludeOutside = op.getExcludeOutside();
  params.cubicA = op.getCubicCoeffA().convertToDouble();
  params.extrapolation = op.getExtrapolationValue().convertToDouble();
  return success();
}

//===----------------------------------------------------------------------===//
// Sizes and scales
//===----------------------------------------------------------------------===//

/// The size that ONNX rounds to; an error where it is none.
static FailureOr<int64_t> scaledSize(ResizeOp op, int64_t axis, double size) {
  if (!(size >= 0 && size <= static_cast<double>(maxExtent)))
    return op.emitOpError("gives axis ")
           << axis << " the size " << size << ", beyond the limit of " << maxExtent;
  return static_cast<int64_t>(std::floor(size));
}

static LogicalResult applyScales(ResizeOp op, ArrayRef<int64_t> axes, ResizeParams &params) {
  ArrayRef<float> scales = *op.getScales();
  ArrayRef<int64_t> shape = shapeOf(op.getInput());
  for (auto [axis, scale] : llvm::zip_equal(axes, scales)) {
    if (!(scale > 0) || !std::isfinite(scale))
      return op.emitOpError("scales has the entry ") << scale << " but each must be positive and finite";
    FailureOr<int64_t> size =
        scaledSize(op, axis, static_cast<double>(scale) * static_cast<double>(shape[axis]));
    if (failed(size))
      return failure();
    params.sizes[axis] = *size;
    params.scales[axis] = static_cast<double>(scale);
  }
  return success();
}

static LogicalResult applySizes(ResizeOp op, ArrayRef<int64_t> axes, ResizeParams &params) {
  ArrayRef<int64_t> shape = shapeOf(op.getInput());
  for (auto [axis, size] : llvm::zip_equal(axes, *op.getSizes())) {
    if (size < 0 || size > maxExtent || (shape[axis] == 0) != (size == 0))
      return op.emitOpError("sizes ") << listText(*op.getSizes()) << " has the entry " << size << " for axis "
                                      << axis << " of size " << shape[axis];
    params.sizes[axis] = size;
    params.scales[axis] = size ? static_cast<double>(size) / static_cast<double>(shape[axis]) : 1.0;
  }
  return success();
}

/// One scale for all axes: the smallest or the largest that `sizes` asks for.
static LogicalResult keepAspectRatio(ResizeOp op, ArrayRef<int64_t> axes, ResizeParams &params) {
  StringRef policy = op.getKeepAspectRatioPolicy();
  if (policy == "stretch")
    return success();
  if (policy != "not_larger" && policy != "not_smaller")
    return unknownWord(op, "keep_aspect_ratio_policy", policy);
  double scale = params.scales[axes.front()];
  for (int64_t axis : axes)
    scale =
        policy == "not_larger" ? std::min(scale, params.scales[axis]) : std::max(scale, params.scales[axis]);
  for (int64_t axis : axes) {
    double exact = scale * static_cast<double>(shapeOf(op.getInput())[axis]);
    FailureOr<int64_t> size = scaledSize(op, axis, exact + 0.5);
    if (failed(size))
      return failure();
    params.sizes[axis] = *size;
    params.scales[axis] = scale;
  }
  return success();
}

/// After normalisation both are there, the scales in float32. A scale that is
/// the rounded ratio of the sizes means the ratio itself.
static void applyBoth(ResizeOp op, ResizeParams &params) {
  for (auto [axis, size, scale] : llvm::enumerate(*op.getSizes(), *op.getScales())) {
    int64_t dim = shapeOf(op.getInput())[axis];
    double ratio = dim ? static_cast<double>(size) / static_cast<double>(dim) : 1.0;
    params.sizes[axis] = size;
    params.scales[axis] = static_cast<float>(ratio) == scale ? ratio : static_cast<double>(scale);
  }
}

static LogicalResult readSizes(ResizeOp op, ArrayRef<int64_t> axes, ResizeParams &params) {
  auto count = static_cast<int64_t>(axes.size());
  bool hasSizes = op.getSizes() && !op.getSizes()->empty();
  bool hasScales = op.getScales() && !op.getScales()->empty();
  if (!hasSizes && !hasScales)
    return op.emitOpError("has neither scales nor sizes");
  if (hasSizes && failed(requireLength(op, "sizes", *op.getSizes(), count)))
    return failure();
  if (hasScales && static_cast<int64_t>(op.getScales()->size()) != count)
    return op.emitOpError("scales has ") << op.getScales()->size() << " entries but should have " << count;
  if (hasSizes && hasScales && failed(applySizes(op, axes, params)))
    return failure();
  if (hasSizes && hasScales) {
    applyBoth(op, params);
    return success();
  }
  if (hasScales)
    return applyScales(op, axes, params);
  return success(succeeded(applySizes(op, axes, params)) && succeeded(keepAspectRatio(op, axes, params)));
}

static LogicalResult readRoi(ResizeOp op, ArrayRef<int64_t> axes, ResizeParams &params) {
  if (params.coordinates != Coordinates::CropAndResize)
    return success();
  size_t count = axes.size();
  if (!op.getRoi() || op.getRoi()->size() != 2 * count)
    return op.emitOpError("roi has ")
           << (op.getRoi() ? op.getRoi()->size() : 0) << " entries but should have " << 2 * count;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    params.roiStart[axis] = static_cast<double>((*op.getRoi())[i]);
    params.roiEnd[axis] = static_cast<double>((*op.getRoi())[count + i]);
  }
  return success();
}

static FailureOr<ResizeParams> resizeParams(ResizeOp op) {
  ResizeParams params;
  ArrayRef<int64_t> shape = shapeOf(op.getInput());
  size_t rank = shape.size();
  params.sizes = toStd(shape);
  params.scales.assign(rank, 1.0);
  params.roiStart.assign(rank, 0.0);
  params.roiEnd.assign(rank, 1.0);
  auto all = llvm::seq<int64_t>(0, static_cast<int64_t>(rank));
  bool hasAxes = op.getAxes() && !op.getAxes()->empty();
  Shape given = hasAxes ? Shape(*op.getAxes()) : Shape(all.begin(), all.end());
  FailureOr<Shape> axes = resolveAxes(op, "axes", given, static_cast<int64_t>(rank));
  if (failed(axes) || failed(requireRank(op, "input", op.getInput(), 1, 8)) ||
      failed(readWords(op, params)) || failed(readSizes(op, *axes, params)) ||
      failed(readRoi(op, *axes, params)))
    return failure();
  return params;
}

//===----------------------------------------------------------------------===//
// The operation
//===----------------------------------------------------------------------===//

/// Writes every axis out; `order` permutes them.
static void setResize(ResizeOp op, const ResizeParams &params, bool channelsLast) {
  SmallVector<float> scales, starts, ends;
  for (size_t axis = 0; axis < params.sizes.size(); ++axis) {
    scales.push_back(static_cast<float>(params.scales[axis]));
    starts.push_back(static_cast<float>(params.roiStart[axis]));
    ends.push_back(static_cast<float>(params.roiEnd[axis]));
  }
  Shape sizes(params.sizes.begin(), params.sizes.end());
  if (channelsLast) {
    sizes = channelsLastList<int64_t>(sizes);
    scales = channelsLastList<float>(scales);
    starts = channelsLastList<float>(starts);
    ends = channelsLastList<float>(ends);
  }
  starts.append(ends);
  op.setSizes(sizes);
  op.setScales(scales);
  if (params.coordinates == Coordinates::CropAndResize)
    op.setRoi(starts);
  else
    op.removeRoiAttr();
  op.removeAxesAttr();
  op.setKeepAspectRatioPolicy("stretch");
}

LogicalResult ResizeOp::normalize() {
  FailureOr<ResizeParams> params = resizeParams(*this);
  if (failed(params))
    return failure();
  setResize(*this, *params, false);
  return success();
}

LogicalResult ResizeOp::inferTypes(Results &results) {
  FailureOr<ResizeParams> params = resizeParams(*this);
  if (failed(params))
    return failure();
  bool nearest = params->interpolation == Interpolation::Nearest;
  if (nearest && params->antialias)
    return emitOpError("antialias is 1 but needs mode linear or cubic");
  if (!nearest && failed(requireNumber(*this, "input", getInput())))
    return failure();
  return addResult(*this, results, params->sizes, elementOf(getInput()));
}

LogicalResult ResizeOp::evaluate(Operands operands, Tensors &results) {
  FailureOr<ResizeParams> params = resizeParams(*this);
  if (failed(params))
    return failure();
  results.push_back(reference::resize(*operands[0], *params));
  return success();
}

LogicalResult ResizeOp::toChannelsLast() {
  FailureOr<ResizeParams> params = resizeParams(*this);
  if (failed(params))
    return failure();
  setResize(*this, *params, true);
  return success();
}

//===- Conv.cpp - Convolutions as kernels ---------------------------------===//
//
// A convolution reads its input in place: the producer wrote it into a buffer
// with a border as wide as the padding. A transposed convolution is one ordinary
// convolution for each phase of the output grid.
//
//===----------------------------------------------------------------------===//

#include "compiler/lower/Product.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::lower;

namespace {
/// A convolution in two dimensions; one-dimensional ones are images of one row.
struct Shape {
  int64_t batch, outH, outW, inC, outC, kernelH, kernelW;
  int64_t strideH, strideW, dilationH, dilationW, padTop, padLeft, padBottom, padRight, groups;
  int64_t depth() const { return inC / groups * kernelH * kernelW; }
  int64_t macs() const { return batch * outH * outW * outC * depth(); }
};

Shape shapeOf(ConvOp op) {
  auto in = cast<RankedTensorType>(op.getInput().getType()),
       out = cast<RankedTensorType>(op.getResult().getType());
  ArrayRef<int64_t> k = *op.getKernelShape(), s = *op.getStrides(), d = *op.getDilations(), p = *op.getPads();
  if (in.getRank() == 3)
    return {out.getDimSize(0),
            1,
            out.getDimSize(1),
            in.getDimSize(2),
            out.getDimSize(2),
            1,
            k[0],
            1,
            s[0],
            1,
            d[0],
            0,
            p[0],
            0,
            p[1],
            int64_t(op.getGroup())};
  return {out.getDimSize(0),
          out.getDimSize(1),
          out.getDimSize(2),
          in.getDimSize(3),
          out.getDimSize(3),
          k[0],
          k[1],
          s[0],
          s[1],
          d[0],
          d[1],
          p[0],
          p[1],
          p[2],
          p[3],
          int64_t(op.getGroup())};
}

template <typename Spec> void setGeometry(Spec &spec, const Shape &shape) {
  spec.batch = shape.batch;
  spec.outH = shape.outH;
  spec.outW = shape.outW;
  spec.kernelH = shape.kernelH;
  spec.kernelW = shape.kernelW;
  spec.strideH = shape.strideH;
  spec.strideW = shape.strideW;
  spec.dilationH = shape.dilationH;
  spec.dilationW = shape.dilationW;
}

/// The filter (M, C/g, kernel...) read as [M][kernel][C/g].
LogicalResult readFilter(ConvOp op, const Shape &shape, Weights &weights) {
  int64_t c = shape.inC / shape.groups, taps = shape.kernelH * shape.kernelW;
  auto order = [&](int64_t i) {
    int64_t channel = i % c, tap = i / c % taps, m = i / (c * taps);
    return (m * c + channel) * taps + tap;
  };
  return readWeights(op, op.getFilter(), shape.outC * taps * c, order, shape.outC, weights);
}

LogicalResult needsNhwc(Operation *op, StringRef layout) {
  if (layout != "nhwc")
    return op->emitOpError("reached stage lower in layout '") << layout << "'; only 'nhwc' has kernels";
  return success();
}
} // namespace

LogicalResult lower::lowerConv(Lowering &lowering, ConvOp op) {
  if (!constantValue(op.getFilter()) || isDouble(op.getInput()))
    return lowering.lowerGeneric(*op), success();
  Shape shape = shapeOf(op);
  Weights weights;
  if (failed(needsNhwc(op, op.getLayout())) || failed(readFilter(op, shape, weights)) ||
      failed(readBias(op, op.getBias(), shape.outC, weights)))
    return failure();
  ProductOperands operands{op,
                           op.getInput(),
                           op.getResidual(),
                           op.getTable(),
                           op.getChain().value_or(ArrayAttr()),
                           op.getResult(),
                           op.getImageScale()};
  Border border{shape.padTop, shape.padLeft, shape.padBottom, shape.padRight};
  Place input = lowering.readable(op.getInputMutable(), border),
        output = lowering.storage().place(op.getResult());
  std::optional<Place> residual;
  if (op.getResidual())
    residual = lowering.readable(op.getResidualMutable()[0], {});
  auto invoke = [&](auto spec) {
    setGeometry(spec, shape);
    spec.x = nhwc(input);
    spec.x.offset -= shape.padTop * spec.x.row + shape.padLeft * spec.x.pixel;
    spec.out = nhwc(output);
    if (residual)
      spec.residual = nhwc(*residual);
    FailureOr<Rest> rest = invokeProduct(lowering, spec, operands, weights, input, output,
                                         residual ? &*residual : nullptr, shape.depth(), shape.macs());
    if (succeeded(rest))
      lowering.invokeRest(op, *rest, output, op.getResult().getType());
    return success(succeeded(rest));
  };
  bool isBf16 = cast<RankedTensorType>(op.getInput().getType()).getElementType().isBF16();
  if (shape.groups == shape.inC && shape.outC == shape.inC && shape.groups > 1 && !isBf16) {
    kernels::DepthwiseSpec spec;
    spec.channels = shape.inC;
    return invoke(spec);
  }
  kernels::GemmSpec spec;
  spec.groups = shape.groups;
  spec.c = shape.inC / shape.groups;
  spec.n = shape.outC / shape.groups;
  return invoke(spec);
}

namespace {
/// One axis of one phase of a transposed convolution: outputs `phase + stride * i`
/// are an ordinary convolution over the taps that reach them.
struct PhaseAxis {
  int64_t first, outputs;    ///< first output, and how many
  SmallVector<int64_t> taps; ///< kernel indices, in the order of rising input
  int64_t start;             ///< input index of taps[0] for output 0
};

PhaseAxis phaseOf(int64_t phase, int64_t stride, int64_t dilation, int64_t kernel, int64_t pad,
                  int64_t extent) {
  // Output o gets input i through tap k where o = i * stride - pad + k * dilation.
  PhaseAxis axis{phase, (extent - phase + stride - 1) / stride, {}, 0};
  for (int64_t k = kernel - 1; k >= 0; --k)
    if ((phase + pad - k * dilation) % stride == 0)
      axis.taps.push_back(k);
  if (!axis.taps.empty())
    axis.start = (phase + pad - axis.taps[0] * dilation) / stride;
  return axis;
}

/// Input steps between neighbouring taps of a phase.
int64_t tapDistance(const PhaseAxis &axis, int64_t stride, int64_t dilation) {
  return axis.taps.size() < 2 ? 1 : (axis.taps[0] - axis.taps[1]) * dilation / stride;
}
} // namespace

namespace {
/// A transposed convolution in two dimensions; one-dimensional ones are images of one row.
struct Transposed {
  int64_t batch, outH, outW, c, n, groups; ///< c and n: channels of one group
  int64_t kernelH, kernelW, strideH, strideW, dilationH, dilationW, padTop, padLeft;

  /// Rows and columns around the input that some phase reads.
  Border border() const {
    int64_t rows = (kernelH - 1) * dilationH / strideH + 1, columns = (kernelW - 1) * dilationW / strideW + 1;
    return {rows, columns, rows, columns};
  }
};

Transposed transposedOf(ConvTransposeOp op) {
  auto in = cast<RankedTensorType>(op.getInput().getType()),
       out = cast<RankedTensorType>(op.getResult().getType());
  bool isLine = in.getRank() == 3;
  auto axes = [&](ArrayRef<int64_t> list, int64_t missing) {
    return isLine ? std::pair(missing, list[0]) : std::pair(list[0], list[1]);
  };
  auto [kernelH, kernelW] = axes(*op.getKernelShape(), 1);
  auto [strideH, strideW] = axes(*op.getStrides(), 1);
  auto [dilationH, dilationW] = axes(*op.getDilations(), 1);
  auto [padTop, padLeft] = axes(*op.getPads(), 0);
  auto [outH, outW] = axes(out.getShape().drop_front(), 1);
  int64_t groups = op.getGroup();
  return {out.getDimSize(0),
          outH,
          outW,
          in.getShape().back() / groups,
          out.getShape().back() / groups,
          groups,
          kernelH,
          kernelW,
          strideH,
          strideW,
          dilationH,
          dilationW,
          padTop,
          padLeft};
}

/// The weights of one phase, from (C, M/g, kh, kw) to [g * n][taps y][taps x][c]. A phase that no tap
/// reaches has one of zeros.
LogicalResult readPhase(ConvTransposeOp op, const Transposed &shape, ArrayRef<int64_t> tapsY,
                        ArrayRef<int64_t> tapsX, Weights &weights) {
  bool isGap = tapsY.empty() || tapsX.empty();
  const int64_t zeroTap[] = {0};
  if (isGap)
    tapsY = tapsX = zeroTap;
  int64_t c = shape.c, n = shape.n, taps = tapsY.size() * tapsX.size(), channels = shape.groups * n;
  auto order = [&](int64_t i) {
    int64_t ch = i % c, tx = tapsX[i / c % tapsX.size()], ty = tapsY[i / (c * tapsX.size()) % tapsY.size()];
    int64_t m = i / (c * taps), g = m / n;
    return (((g * c + ch) * n + m % n) * shape.kernelH + ty) * shape.kernelW + tx;
  };
  if (failed(readWeights(op, op.getFilter(), channels * taps * c, order, channels, weights)) ||
      failed(readBias(op, op.getBias(), channels, weights)))
    return failure();
  if (isGap) {
    llvm::fill(weights.bytes, 0);
    llvm::fill(weights.floats, 0);
  }
  return success();
}

/// The ordinary convolution that computes one phase, but for its memory.
kernels::GemmSpec phaseSpec(const Transposed &shape, const PhaseAxis &y, const PhaseAxis &x, bool isGap) {
  kernels::GemmSpec spec;
  spec.batch = shape.batch;
  spec.outH = y.outputs;
  spec.outW = x.outputs;
  spec.groups = shape.groups;
  spec.c = shape.c;
  spec.n = shape.n;
  if (isGap)
    return spec;
  spec.kernelH = y.taps.size();
  spec.kernelW = x.taps.size();
  spec.dilationH = tapDistance(y, shape.strideH, shape.dilationH);
  spec.dilationW = tapDistance(x, shape.strideW, shape.dilationW);
  return spec;
}
} // namespace

LogicalResult lower::lowerConvTranspose(Lowering &lowering, ConvTransposeOp op) {
  if (!constantValue(op.getFilter()) || isDouble(op.getInput()))
    return lowering.lowerGeneric(*op), success();
  if (failed(needsNhwc(op, op.getLayout())))
    return failure();
  Transposed shape = transposedOf(op);
  ProductOperands operands{op,
                           op.getInput(),
                           op.getResidual(),
                           op.getTable(),
                           op.getChain().value_or(ArrayAttr()),
                           op.getResult()};
  Place input = lowering.readable(op.getInputMutable(), shape.border()),
        output = lowering.storage().place(op.getResult());
  std::optional<Place> residual;
  if (op.getResidual())
    residual = lowering.readable(op.getResidualMutable()[0], {});

  FailureOr<Rest> rest = Rest();
  for (int64_t py = 0; py < shape.strideH; ++py)
    for (int64_t px = 0; px < shape.strideW; ++px) {
      PhaseAxis y = phaseOf(py, shape.strideH, shape.dilationH, shape.kernelH, shape.padTop, shape.outH);
      PhaseAxis x = phaseOf(px, shape.strideW, shape.dilationW, shape.kernelW, shape.padLeft, shape.outW);
      if (y.outputs <= 0 || x.outputs <= 0)
        continue;
      bool isGap = y.taps.empty() || x.taps.empty();
      Weights weights;
      if (failed(readPhase(op, shape, y.taps, x.taps, weights)))
        return failure();
      kernels::GemmSpec spec = phaseSpec(shape, y, x, isGap);
      spec.x = nhwc(input);
      if (isGap) { // zeros times a pixel of the border, everywhere
        spec.x.offset -= spec.x.row + spec.x.pixel;
        spec.x.row = spec.x.pixel = 0;
      } else {
        spec.x.offset += y.start * spec.x.row + x.start * spec.x.pixel;
      }
      auto phased = [&](const Place &place) {
        kernels::Place at = nhwc(place);
        at.offset += py * at.row + px * at.pixel;
        at.row *= shape.strideH;
        at.pixel *= shape.strideW;
        return at;
      };
      spec.out = phased(output);
      if (residual)
        spec.residual = phased(*residual);
      int64_t depth = spec.kernelH * spec.kernelW * shape.c;
      rest = invokeProduct(lowering, spec, operands, weights, input, output, residual ? &*residual : nullptr,
                           depth, shape.batch * spec.outH * spec.outW * shape.groups * shape.n * depth);
      if (failed(rest))
        return failure();
    }
  lowering.invokeRest(op, *rest, output, op.getResult().getType());
  return success();
}

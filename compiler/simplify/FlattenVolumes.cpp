//===- FlattenVolumes.cpp - Convolutions of volumes as ones of images -----===//
//
// Kernels are for images; the layers of a volume are images of a batch, and what
// the taps along the depth read are more channels:
//
//   y[n, m, o] = sum over j of conv(x[n, :, o * stride + j * dilation - pad], w[m, :, j])
//
// Between two such convolutions volumes stay images: what turns them around meets
// its inverse, once element-wise operations have moved out of the way.
//
//===----------------------------------------------------------------------===//

#include "compiler/simplify/Passes.h"
#include "compiler/support/Rewrite.h"
#include "compiler/support/Weighted.h"
#include "dialects/Chain.h"
#include "dialects/reference/Shape.h"

namespace qcc::simplify {
#define GEN_PASS_DEF_FLATTENVOLUMES
#include "compiler/simplify/Passes.h.inc"

using namespace mlir;
using reference::Tensor;

namespace {
constexpr int64_t layersFirst[] = {0, 2, 1, 3, 4}; ///< (N, C, D, H, W) to (N, D, C, H, W) and back

bool isVolume(Value value) { return tensorType(value).getRank() == 5; }

/// How a filter walks the depth.
struct Depth {
  int64_t size, outputs, taps, stride, dilation, front; ///< a negative `front` crops
};

/// Builds what stands for one convolution.
class Flattener {
public:
  Flattener(PatternRewriter &rewriter, Operation *op) : rewriter(rewriter), loc(op->getLoc()) {}

  Value reshape(Value value, ArrayRef<int64_t> shape) { return createReshape(rewriter, loc, value, shape); }
  Value layers(Value volumes);
  Value stretch(Value layers, int64_t stride);
  Value gatherTaps(Value layers, const Depth &depth, int64_t groups);
  /// (N * D, C, H, W) as (N, C, D, H, W).
  Value volumes(Value images, int64_t batch, int64_t depth);
  Value filter(Value old, llvm::function_ref<Tensor(const Tensor &)> change);

private:
  PatternRewriter &rewriter;
  Location loc;

  Value pad(Value value, int64_t axis, int64_t front, int64_t back);
  Value slice(Value value, int64_t axis, int64_t begin, int64_t count, int64_t step);
};
} // namespace

/// The axis of layers: that of images where there is one volume.
static int64_t depthAxisOf(Value layers) { return tensorType(layers).getRank() - 4; }

/// (N, C, D, H, W) as (N, D, C, H, W), or (D, C, H, W) of one volume.
Value Flattener::layers(Value volumes) {
  Value layers = createTranspose(rewriter, loc, volumes, layersFirst);
  ArrayRef<int64_t> shape = tensorType(layers).getShape();
  return shape[0] == 1 ? reshape(layers, shape.drop_front()) : layers;
}

Value Flattener::volumes(Value images, int64_t batch, int64_t depth) {
  SmallVector<int64_t> shape{batch, depth};
  llvm::append_range(shape, tensorType(images).getShape().drop_front());
  return createTranspose(rewriter, loc, reshape(images, shape), layersFirst);
}

Value Flattener::pad(Value value, int64_t axis, int64_t front, int64_t back) {
  if (front == 0 && back == 0)
    return value;
  RankedTensorType type = tensorType(value);
  SmallVector<int64_t> pads(2 * type.getRank(), 0), shape(type.getShape());
  pads[axis] = front;
  pads[type.getRank() + axis] = back;
  shape[axis] += front + back;
  return PadOp::create(rewriter, loc, type.clone(shape), value, rewriter.getDenseI64ArrayAttr(pads),
                       /*value=*/FloatAttr(), /*axes=*/DenseI64ArrayAttr(),
                       rewriter.getStringAttr("constant"));
}

Value Flattener::slice(Value value, int64_t axis, int64_t begin, int64_t count, int64_t step) {
  RankedTensorType type = tensorType(value);
  SmallVector<int64_t> shape(type.getShape());
  if (begin == 0 && count == shape[axis] && step == 1)
    return value;
  shape[axis] = count;
  int64_t end = begin + (count - 1) * step + 1;
  return SliceOp::create(rewriter, loc, type.clone(shape), value, ArrayRef(begin), ArrayRef(end),
                         rewriter.getDenseI64ArrayAttr(axis), rewriter.getDenseI64ArrayAttr(step));
}

/// `stride` - 1 layers of zeros behind each layer.
Value Flattener::stretch(Value layers, int64_t stride) {
  if (stride == 1)
    return layers;
  int64_t axis = depthAxisOf(layers);
  SmallVector<int64_t> shape(tensorType(layers).getShape()), apart = shape;
  apart.insert(apart.begin() + axis + 1, 1);
  shape[axis] *= stride;
  return reshape(pad(reshape(layers, apart), axis + 1, 0, stride - 1), shape);
}

/// Images (N * outputs, C * taps, H, W), in each group the channels of one tap after those of another.
Value Flattener::gatherTaps(Value layers, const Depth &depth, int64_t groups) {
  int64_t axis = depthAxisOf(layers), crop = std::max<int64_t>(-depth.front, 0);
  int64_t reached = crop + (depth.taps - 1) * depth.dilation + (depth.outputs - 1) * depth.stride + 1;
  int64_t front = std::max<int64_t>(depth.front, 0);
  Value padded = pad(layers, axis, front, std::max<int64_t>(reached - front - depth.size, 0));
  SmallVector<Value> taps;
  for (int64_t tap = 0; tap < depth.taps; ++tap) {
    taps.push_back(slice(padded, axis, crop + tap * depth.dilation, depth.outputs, depth.stride));
    SmallVector<int64_t> shape(tensorType(taps.back()).getShape());
    shape[axis + 1] /= groups;
    shape.insert(shape.begin() + axis + 1, groups);
    if (groups > 1)
      taps.back() = reshape(taps.back(), shape);
  }
  Value all = taps[0];
  if (taps.size() > 1) {
    int64_t channels = axis + (groups > 1 ? 2 : 1);
    SmallVector<int64_t> shape(tensorType(all).getShape());
    shape[channels] *= depth.taps;
    all = ConcatOp::create(rewriter, loc, tensorType(all).clone(shape), taps, channels);
  }
  RankedTensorType type = tensorType(layers);
  ArrayRef<int64_t> image = type.getShape().take_back(3);
  int64_t batch = axis ? type.getDimSize(0) : 1;
  return reshape(all, {batch * depth.outputs, image[0] * depth.taps, image[1], image[2]});
}

/// The numbers changed; what is stored quantised stays so: the axis of output channels keeps its place.
Value Flattener::filter(Value old, llvm::function_ref<Tensor(const Tensor &)> change) {
  auto dequantize = old.getDefiningOp<DequantizeOp>();
  Value stored = dequantize ? dequantize.getInput() : old;
  Tensor changed = change(*constantOf(stored));
  Value constant = createConstant(rewriter, old.getLoc(), changed,
                                  RankedTensorType::get(changed.shape, tensorType(stored).getElementType()));
  if (!dequantize)
    return constant;
  auto type = RankedTensorType::get(changed.shape, tensorType(old).getElementType());
  return DequantizeOp::create(rewriter, old.getLoc(), type, constant);
}

/// Of (M, C/g, depth, height, width) the depth in front of the channels, and one with them.
static Tensor tapsToChannels(const Tensor &filter) {
  Tensor turned = reference::transpose(filter, {0, 2, 1, 3, 4});
  const auto &shape = turned.shape;
  return reference::reshape(turned, {shape[0], shape[1] * shape[2], shape[3], shape[4]});
}

/// Of (C, M/g, depth, height, width) in each group the last tap first, one with the group's channels.
static Tensor tapsToInputs(const Tensor &filter, int64_t groups) {
  const auto &shape = filter.shape;
  int64_t taps = shape[2];
  Tensor reversed = reference::slice(filter, {0, 0, taps - 1, 0, 0}, {1, 1, -1, 1, 1}, shape);
  Tensor split =
      reference::reshape(reversed, {groups, shape[0] / groups, shape[1], taps, shape[3], shape[4]});
  return reference::reshape(reference::transpose(split, {0, 3, 1, 2, 4, 5}),
                            {shape[0] * taps, shape[1], shape[3], shape[4]});
}

namespace {
/// What both kinds of convolution have, turned into one of images.
template <typename OpTy> struct FlattenVolume : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  static constexpr bool isTransposed = std::is_same_v<OpTy, ConvTransposeOp>;

  static Depth depthOf(OpTy op) {
    int64_t size = tensorType(op.getInput()).getDimSize(2),
            outputs = tensorType(op.getResult()).getDimSize(2);
    int64_t taps = tensorType(op.getFilter()).getDimSize(2), stride = (*op.getStrides())[0];
    int64_t dilation = (*op.getDilations())[0], front = (*op.getPads())[0];
    if (isTransposed) // a walk over the stretched input from the last tap on
      return {size * stride, outputs, taps, 1, dilation, (taps - 1) * dilation - front};
    return {size, outputs, taps, stride, dilation, front};
  }

  /// The attributes that have an entry for each spatial axis, without the first one.
  static void dropDepth(OpTy op) {
    op.setKernelShape(SmallVector<int64_t>(op.getKernelShape()->drop_front()));
    op.setStrides(SmallVector<int64_t>(op.getStrides()->drop_front()));
    op.setDilations(SmallVector<int64_t>(op.getDilations()->drop_front()));
    ArrayRef<int64_t> pads = *op.getPads();
    op.setPads(SmallVector<int64_t>{pads[1], pads[2], pads[4], pads[5]});
    if constexpr (isTransposed)
      op.setOutputPadding(SmallVector<int64_t>(op.getOutputPadding()->drop_front()));
  }

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (!isVolume(op.getInput()) || !isKnown(op.getFilter()) || op.getAutoPad() != "NOTSET")
      return rewriter.notifyMatchFailure(op, "requires a volume, a known filter and explicit padding");
    Flattener flattener(rewriter, op);
    Depth depth = depthOf(op);
    auto groups = static_cast<int64_t>(op.getGroup());
    Value layers = flattener.layers(op.getInput()), filter;
    if constexpr (isTransposed) {
      layers = flattener.stretch(layers, (*op.getStrides())[0]);
      auto change = [&](const Tensor &old) { return tapsToInputs(old, groups); };
      filter = flattener.filter(op.getFilter(), change);
    } else {
      filter = flattener.filter(op.getFilter(), tapsToChannels);
    }
    Value images = flattener.gatherTaps(layers, depth, groups);
    auto flat = cast<OpTy>(rewriter.clone(*op));
    flat.getInputMutable().assign(images);
    flat.getFilterMutable().assign(filter);
    dropDepth(flat);
    inferResultTypes(flat);
    int64_t batch = tensorType(op.getInput()).getDimSize(0);
    rewriter.replaceOp(op, flattener.volumes(flat.getResult(), batch, depth.outputs));
    return success();
  }
};

/// Maxima of images, then of the layers that these have become: rows of numbers, as many as an image has.
struct FlattenMaxPool : OpRewritePattern<MaxPoolOp> {
  using OpRewritePattern::OpRewritePattern;

  /// The same pool along axes `from` to `to` of the spatial ones.
  static Value pool(PatternRewriter &rewriter, MaxPoolOp op, Value input, StringRef layout, size_t from,
                    size_t to) {
    auto part = [&](ArrayRef<int64_t> list) { return list.slice(from, to - from); };
    SmallVector<int64_t> pads(part(*op.getPads()));
    llvm::append_range(pads, part(op.getPads()->drop_front(3)));
    auto result = cast<MaxPoolOp>(rewriter.clone(*op));
    result.getInputMutable().assign(input);
    result.setLayout(layout);
    result.setKernelShape(part(op.getKernelShape()));
    result.setStrides(part(*op.getStrides()));
    result.setDilations(part(*op.getDilations()));
    result.setPads(pads);
    inferResultTypes(result);
    return result.getResult();
  }

  LogicalResult matchAndRewrite(MaxPoolOp op, PatternRewriter &rewriter) const override {
    if (!isVolume(op.getInput()) || op.getLayout() != "nchw" || op.getAutoPad() != "NOTSET")
      return rewriter.notifyMatchFailure(op, "requires a volume and explicit padding");
    Flattener flattener(rewriter, op);
    ArrayRef<int64_t> in = tensorType(op.getInput()).getShape(), out = tensorType(op.getResult()).getShape();
    Value layers = flattener.layers(op.getInput());
    Value images = flattener.reshape(layers, {in[0] * in[2], in[1], in[3], in[4]});
    Value rows =
        flattener.reshape(pool(rewriter, op, images, "nchw", 1, 3), {in[0], in[2], out[1] * out[3] * out[4]});
    Value pooled = pool(rewriter, op, rows, "nhwc", 0, 1);
    images = flattener.reshape(pooled, {out[0] * out[2], out[1], out[3], out[4]});
    rewriter.replaceOp(op, flattener.volumes(images, in[0], out[2]));
    return success();
  }
};

/// What only arranges the numbers of volumes anew.
bool isArrangement(Operation *op) { return isa_and_nonnull<TransposeOp, ReshapeOp>(op); }

/// f(arranged(x)) ==> arranged(f(x))
struct HoistStep : OpInterfaceRewritePattern<QccOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(QccOpInterface op, PatternRewriter &rewriter) const override {
    Operation *mover = op->getNumOperands() == 1 ? op->getOperand(0).getDefiningOp() : nullptr;
    if (!isArrangement(mover) || !mover->hasOneUse() || failed(stepOf(op)))
      return rewriter.notifyMatchFailure(op, "requires a function of each number of what is arranged here");
    Operation *early = rewriter.clone(*op);
    early->setOperand(0, mover->getOperand(0));
    inferResultTypes(early);
    rewriter.modifyOpInPlace(mover, [&] {
      mover->moveAfter(early);
      mover->setOperand(0, early->getResult(0));
      mover->getResult(0).setType(op->getResult(0).getType());
    });
    rewriter.replaceOp(op, mover->getResult(0));
    return success();
  }
};

/// arranged(x) + arranged(y) ==> arranged(x + y)
struct HoistAdd : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op, PatternRewriter &rewriter) const override {
    Operation *left = op.getLhs().getDefiningOp(), *right = op.getRhs().getDefiningOp();
    auto isAlike = [&] {
      return left->getName() == right->getName() && left->getAttrDictionary() == right->getAttrDictionary() &&
             left->getOperand(0).getType() == right->getOperand(0).getType();
    };
    if (!isArrangement(left) || !isArrangement(right) || !isAlike())
      return rewriter.notifyMatchFailure(op, "requires two operands that are arranged alike");
    Value sum = AddOp::create(rewriter, op.getLoc(), left->getOperand(0).getType(), left->getOperand(0),
                              right->getOperand(0), op.getChainAttr());
    Operation *mover = rewriter.clone(*left);
    mover->setOperand(0, sum);
    rewriter.replaceOp(op, mover->getResult(0));
    return success();
  }
};

struct FlattenVolumes : impl::FlattenVolumesBase<FlattenVolumes> {
  void runOnOperation() override {
    auto ofVolumes = [](Operation *op) {
      return isa<ConvOp, ConvTransposeOp>(op) && isVolume(op->getOperand(0));
    };
    if (llvm::none_of(getOperation().getOps(), [&](Operation &op) { return ofVolumes(&op); }))
      return;
    RewritePatternSet patterns(&getContext());
    patterns.add<FlattenVolume<ConvOp>, FlattenVolume<ConvTransposeOp>, FlattenMaxPool, HoistStep, HoistAdd>(
        &getContext());
    populateReshapePatterns(patterns);
    populateIdentityPatterns(patterns);
    if (failed(applyPatterns(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace qcc::simplify

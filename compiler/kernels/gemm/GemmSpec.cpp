//===- GemmSpec.cpp - Specifications to and from dictionaries ---------------===//
#include "compiler/kernels/gemm/GemmSpec.h"

#include "compiler/kernels/Kernel.h"
#include "compiler/kernels/gemm/Pack.h"
#include "compiler/kernels/gemm/Tiling.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qcc::kernels;

namespace {

// Where the two kinds differ in what they have in common.
bool isBf16(const GemmSpec &spec) { return spec.isBf16; }
bool isBf16(const DepthwiseSpec &) { return false; }
int64_t channelsIn(const GemmSpec &spec) { return spec.groups * spec.c; }
int64_t channelsIn(const DepthwiseSpec &spec) { return spec.channels; }
int64_t channelsOut(const GemmSpec &spec) { return spec.outChannels(); }
int64_t channelsOut(const DepthwiseSpec &spec) { return spec.channels; }

View viewOf(Type element, ArrayRef<int64_t> shape, const Place &place) {
  View view;
  view.element = element;
  view.shape.assign(shape.begin(), shape.end());
  view.strides = {place.image, place.row, place.pixel, 1};
  view.offset = place.offset;
  return view;
}

Place placeOf(DictionaryAttr attr) {
  View view = View::fromAttr(attr);
  return {view.offset, view.strides[0], view.strides[1], view.strides[2]};
}

template <typename Spec> ArrayAttr viewsOf(Builder &builder, const Spec &spec) {
  Type u8 = builder.getIntegerType(8, /*isSigned=*/false);
  Type f32 = builder.getF32Type(), i32 = builder.getI32Type(), bf16 = builder.getBF16Type();
  int64_t inH = (spec.outH - 1) * spec.strideH + (spec.kernelH - 1) * spec.dilationH + 1;
  int64_t inW = (spec.outW - 1) * spec.strideW + (spec.kernelW - 1) * spec.dilationW + 1;
  Type outTypes[] = {u8, f32, i32, bf16}; // in the order of Output
  Type outType = outTypes[static_cast<unsigned>(spec.epilogue.output)];
  SmallVector<int64_t> outShape = {spec.batch, spec.outH, spec.outW, channelsOut(spec)};
  SmallVector<View> views;
  Type inType = isBf16(spec) ? bf16 : spec.isFloat ? f32 : u8;
  views.push_back(viewOf(inType, {spec.batch, inH, inW, channelsIn(spec)}, spec.x));
  views.push_back(View::rowMajor(u8, {packedWeightBytes(spec)}));
  views.push_back(View::rowMajor(u8, {packedParamBytes(spec)}));
  if (spec.epilogue.rows) {
    views.push_back(View::rowMajor(f32, {spec.outW}));
    views.push_back(View::rowMajor(i32, {spec.outW}));
  }
  if (spec.epilogue.imageZeros)
    views.push_back(View::rowMajor(f32, {spec.batch, 2}));
  else if (spec.epilogue.scalesImages())
    views.push_back(View::rowMajor(f32, {spec.batch}));
  if (spec.epilogue.hasResidual())
    views.push_back(viewOf(outType, outShape, spec.residual));
  if (spec.epilogue.table)
    views.push_back(View::rowMajor(u8, {256}));
  views.push_back(viewOf(outType, outShape, spec.out));
  SmallVector<Attribute> attrs;
  for (const View &view : views)
    attrs.push_back(view.toAttr());
  return builder.getArrayAttr(attrs);
}

/// What both kinds say alike; readCommon reads it back.
template <typename Spec>
NamedAttrList commonAttrs(Builder &builder, const Spec &spec, StringRef kind, int64_t units) {
  NamedAttrList attrs;
  attrs.set("kind", builder.getStringAttr(kind));
  attrs.set("units", builder.getI64IntegerAttr(units));
  if (spec.packing != qcc::target::Packing::Quads)
    attrs.set("packing",
              builder.getStringAttr(spec.packing == qcc::target::Packing::Pairs ? "pairs" : "rows"));
  if (spec.byteWeights)
    attrs.set("byte_weights", builder.getUnitAttr());
  attrs.set("views", viewsOf(builder, spec));
  attrs.set("kernel", builder.getDenseI64ArrayAttr({spec.kernelH, spec.kernelW}));
  attrs.set("stride", builder.getDenseI64ArrayAttr({spec.strideH, spec.strideW}));
  attrs.set("dilation", builder.getDenseI64ArrayAttr({spec.dilationH, spec.dilationW}));
  attrs.set("epilogue", spec.epilogue.toAttr(builder.getContext()));
  return attrs;
}

/// Reads back what GemmSpec and DepthwiseSpec share; returns the output's channels.
template <typename Spec> int64_t readCommon(Spec &spec, DictionaryAttr attr) {
  auto pair = [&](StringRef name, int64_t &first, int64_t &second) {
    auto values = attr.getAs<DenseI64ArrayAttr>(name).asArrayRef();
    first = values[0];
    second = values[1];
  };
  pair("kernel", spec.kernelH, spec.kernelW);
  if (auto packing = attr.getAs<StringAttr>("packing"))
    spec.packing = packing.getValue() == "rows" ? qcc::target::Packing::Rows : qcc::target::Packing::Pairs;
  spec.byteWeights = attr.contains("byte_weights");
  pair("stride", spec.strideH, spec.strideW);
  pair("dilation", spec.dilationH, spec.dilationW);
  spec.epilogue = Epilogue::fromAttr(attr.getAs<DictionaryAttr>("epilogue"));
  auto views = attr.getAs<ArrayAttr>("views");
  auto viewAt = [&](size_t index) { return cast<DictionaryAttr>(views[index]); };
  spec.x = placeOf(viewAt(0));
  if (spec.epilogue.hasResidual())
    spec.residual = placeOf(viewAt(3 + (spec.epilogue.rows ? 2 : 0) + spec.epilogue.scalesImages()));
  View out = View::fromAttr(viewAt(views.size() - 1));
  spec.out = placeOf(viewAt(views.size() - 1));
  spec.isFloat = isa<FloatType>(View::fromAttr(viewAt(0)).element);
  spec.batch = out.shape[0];
  spec.outH = out.shape[1];
  spec.outW = out.shape[2];
  return out.shape[3];
}

bool writesFloats(const Epilogue &epilogue) {
  return epilogue.output == Output::F32 || epilogue.output == Output::BF16;
}

std::string checkEpilogue(const Epilogue &epilogue, bool isFloat) {
  if (isFloat && !writesFloats(epilogue))
    return "a float kernel writes f32 or bf16 only";
  if (epilogue.output == Output::I32 && !epilogue.steps.empty())
    return "sums that are stored as they are (i32) take no steps";
  if (epilogue.output != Output::U8 && (epilogue.table || epilogue.clampLow || epilogue.clampHigh))
    return "clamps and tables are for u8 outputs";
  if (llvm::count(epilogue.steps, Step::Residual) > 1)
    return "more than one residual";
  return "";
}

} // namespace

DictionaryAttr GemmSpec::toAttr(MLIRContext *context) const {
  Builder builder(context);
  NamedAttrList attrs = commonAttrs(builder, *this, "gemm", gemmUnits(*this));
  attrs.set("groups", builder.getI64IntegerAttr(groups));
  if (halfWeights != target::Half::None)
    attrs.set("half_weights", builder.getStringAttr(halfName(halfWeights)));
  if (nibbles)
    attrs.set("nibbles", nibbles->toAttr(context));
  return attrs.getDictionary(context);
}

GemmSpec GemmSpec::fromAttr(DictionaryAttr attr) {
  GemmSpec spec;
  int64_t channels = readCommon(spec, attr);
  spec.groups = attr.getAs<IntegerAttr>("groups").getInt();
  spec.n = channels / spec.groups;
  auto x = View::fromAttr(cast<DictionaryAttr>(attr.getAs<ArrayAttr>("views")[0]));
  spec.c = x.shape[3] / spec.groups;
  spec.isBf16 = x.element.isBF16();
  spec.halfWeights = halfNamed(attr);
  if (auto nibbles = attr.getAs<ArrayAttr>("nibbles")) {
    spec.nibbles = NibbleForm::fromAttr(nibbles);
    spec.nibbles->isFloat = spec.isFloat;
  }
  return spec;
}

DictionaryAttr DepthwiseSpec::toAttr(MLIRContext *context) const {
  Builder builder(context);
  return commonAttrs(builder, *this, "depthwise", depthwiseUnits(*this)).getDictionary(context);
}

DepthwiseSpec DepthwiseSpec::fromAttr(DictionaryAttr attr) {
  DepthwiseSpec spec;
  spec.channels = readCommon(spec, attr);
  return spec;
}

static std::string unsupportedImages(const Epilogue &epilogue, bool hasFloatSums,
                                     qcc::target::Packing packing) {
  if (epilogue.scalesImages() && (hasFloatSums || !writesFloats(epilogue)))
    return "images of their own scale are for u8 with float results";
  if (epilogue.imageZeros && (!epilogue.scalesImages() || packing == qcc::target::Packing::Rows))
    return "zero points of images go with their scales, on CPUs";
  return "";
}

std::string qcc::kernels::unsupportedReason(const GemmSpec &spec) {
  if (spec.byteWeights && (!spec.isFloat || spec.isBf16))
    return "weights of bytes are decoded for f32 inputs only";
  if (spec.halfWeights != target::Half::None &&
      (!spec.isFloat || spec.isBf16 || spec.byteWeights || spec.nibbles))
    return "float weights of 16 bits are widened for f32 inputs only";
  bool isProduct =
      spec.groups == 1 && spec.batch == 1 && spec.outH == 1 && spec.kernelH == 1 && spec.kernelW == 1;
  bool isFloatResult = spec.epilogue.output == Output::F32 || spec.epilogue.output == Output::BF16;
  if (spec.epilogue.rows && (spec.isFloat || !isFloatResult || !isProduct))
    return "rows of their own scale are for matrix products of u8 with results of f32 or bf16";
  if (std::string reason = unsupportedImages(spec.epilogue, spec.hasFloatSums(), spec.packing);
      !reason.empty())
    return reason;
  if (spec.nibbles && (!isProduct || spec.isBf16))
    return "weights of 4 bits are for matrix products of u8 and f32";
  return checkEpilogue(spec.epilogue, spec.hasFloatSums());
}

std::string qcc::kernels::unsupportedReason(const DepthwiseSpec &spec) {
  if (spec.epilogue.rows)
    return "rows of their own scale are for matrix products";
  if (std::string reason = unsupportedImages(spec.epilogue, spec.isFloat, spec.packing); !reason.empty())
    return reason;
  return checkEpilogue(spec.epilogue, spec.isFloat);
}

StringRef qcc::kernels::halfName(qcc::target::Half type) {
  return type == qcc::target::Half::F16 ? "f16" : "bf16";
}

qcc::target::Half qcc::kernels::halfNamed(DictionaryAttr attr) {
  auto name = attr.getAs<StringAttr>("half_weights");
  return !name ? target::Half::None : name.getValue() == "f16" ? target::Half::F16 : target::Half::BF16;
}

Type qcc::kernels::storageOf(MLIRContext *context, qcc::target::Half type) {
  return type == qcc::target::Half::F16    ? Type(Float16Type::get(context))
         : type == qcc::target::Half::BF16 ? Type(BFloat16Type::get(context))
                                           : Type(Float32Type::get(context));
}

ProductArguments::ProductArguments(func::FuncOp function, const Epilogue &epilogue) {
  auto next = [&, index = 0u]() mutable -> Value { return function.getArgument(index++); };
  x = next();
  weights = next();
  params = next();
  if (epilogue.rows) {
    rowScales = next();
    rowZeros = next();
  }
  if (epilogue.scalesImages())
    imageScales = next();
  if (epilogue.hasResidual())
    residual = next();
  if (epilogue.table)
    table = next();
  out = next();
  begin = next();
  end = next();
}

int64_t qcc::kernels::gemmUnits(const GemmSpec &spec) { return Tiling(spec).units(); }

bool qcc::kernels::splitsBlocks(const DepthwiseSpec &spec) {
  return spec.batch * spec.outH * spec.strideH < enoughRows;
}

int64_t qcc::kernels::depthwiseUnits(const DepthwiseSpec &spec) {
  int64_t blocks = splitsBlocks(spec) ? llvm::divideCeil(spec.channels, blockChannels) : 1;
  return blocks * spec.batch * spec.outH;
}

namespace qcc::kernels {
// Named by Kernels.def.
int64_t gemmUnits(DictionaryAttr spec) { return gemmUnits(GemmSpec::fromAttr(spec)); }
int64_t depthwiseUnits(DictionaryAttr spec) { return depthwiseUnits(DepthwiseSpec::fromAttr(spec)); }
} // namespace qcc::kernels

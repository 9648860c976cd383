//===- BlockQuant.cpp - Weights with a scale for each block ---------------===//
//
// ONNX's DequantizeLinear with a block_size, and MatMulNBits. The types of MLIR hold
// scales for blocks that are positive; a negative scale s of q - z is -s of ~q - ~z,
// in as many bits.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/BlockQuant.h"
#include "dialects/Constants.h"
#include "dialects/reference/Groups.h"

#include <cmath>

using namespace mlir;
using namespace qcc;
using namespace qcc::import;
using reference::DType;
using reference::Tensor;

FailureOr<Value> import::dequantizeBlocks(Importer &importer, const Node &node, Blocks blocks) {
  int64_t count = blocks.values.size(), size = blocks.size, inner = 1;
  ArrayRef<int64_t> shape = blocks.values.shape;
  for (int64_t extent : shape.drop_front(blocks.axis + 1))
    inner *= extent;
  int64_t depth = shape[blocks.axis], perLine = llvm::divideCeil(depth, size);
  auto blockOf = [&](int64_t i) {
    return (i / inner / depth * perLine + i / inner % depth / size) * inner + i % inner;
  };
  std::vector<float> scales;
  std::vector<int64_t> zeros;
  for (int64_t i = 0; i < blocks.scales.size(); ++i) {
    auto scale = static_cast<float>(blocks.scales.getDouble(i));
    if (!std::isfinite(scale))
      return importer.error(node) << "scale " << i << " is " << std::to_string(scale)
                                  << ", but must be finite";
    scales.push_back(scale);
    zeros.push_back((blocks.zeros ? blocks.zeros->getInt(i) : 0) - blocks.offset);
  }
  Tensor stored(blocks.bits == 4 ? DType::I4 : DType::I8, blocks.values.shape);
  for (int64_t i = 0; i < count; ++i) {
    int64_t block = blockOf(i), value = blocks.values.getInt(i) - blocks.offset;
    stored.bytes[i] = static_cast<uint8_t>(scales[block] < 0    ? ~value
                                           : scales[block] == 0 ? zeros[block]
                                                                : value);
  }
  for (size_t i = 0; i < scales.size(); ++i) {
    if (scales[i] < 0)
      zeros[i] = ~zeros[i];
    scales[i] = scales[i] == 0 ? 1 : std::fabs(scales[i]);
  }
  OpBuilder &builder = importer.builder;
  Type storage = builder.getIntegerType(blocks.bits), f32 = builder.getF32Type();
  SmallVector<int64_t> scaleShape(shape), sizes(shape.size(), 1);
  SmallVector<int32_t> axes;
  scaleShape[blocks.axis] = perLine;
  sizes[blocks.axis] = size;
  for (size_t i = 0; i < shape.size(); ++i)
    axes.push_back(static_cast<int32_t>(i));
  SmallVector<APInt> zeroPoints;
  for (int64_t zero : zeros)
    zeroPoints.emplace_back(blocks.bits, zero, /*isSigned=*/true, /*implicitTrunc=*/true);
  auto element = quant::UniformQuantizedSubChannelType::getChecked(
      [&] { return importer.error(node); }, quant::QuantizationFlags::Signed, storage, f32,
      DenseElementsAttr::get(RankedTensorType::get(scaleShape, f32), ArrayRef<float>(scales)),
      DenseElementsAttr::get(RankedTensorType::get(scaleShape, storage), zeroPoints), axes, sizes,
      -(int64_t(1) << (blocks.bits - 1)), (int64_t(1) << (blocks.bits - 1)) - 1);
  if (!element)
    return failure();
  Value constant = importer.constant(stored, importer.locationOf(node));
  Value quantized = importer.build(node, "qcc.scast", constant, RankedTensorType::get(shape, element));
  return importer.build(node, "qcc.dequantize", quantized, RankedTensorType::get(shape, f32));
}

FailureOr<std::optional<Value>> import::importBlockedDequantize(Importer &importer, const Node &node,
                                                                int64_t axis, int64_t size) {
  auto values = importer.constantOf(importer.input(node, 0)),
       scales = importer.constantOf(importer.input(node, 1));
  Value zero = importer.input(node, 2);
  auto zeros = importer.constantOf(zero);
  if (!values || !scales || (zero && !zeros) || scales->type != DType::F32)
    return std::optional<Value>();
  bool isUnsigned = values->type == DType::U4 || values->type == DType::U8;
  bool isNibble = values->type == DType::U4 || values->type == DType::I4;
  if (!isNibble && values->type != DType::I8 && values->type != DType::U8)
    return std::optional<Value>();
  int64_t rank = values->rank();
  axis += axis < 0 ? rank : 0;
  std::vector<int64_t> expected = values->shape;
  if (size < 1 || axis < 0 || axis >= rank)
    return std::optional<Value>(); // the general form says what is wrong
  expected[axis] = llvm::divideCeil(expected[axis], size);
  if (scales->shape != expected || (zeros && zeros->shape != expected) || values->size() == 0)
    return std::optional<Value>();
  int64_t offset = !isUnsigned ? 0 : isNibble ? 8 : 128;
  FailureOr<Value> result = dequantizeBlocks(
      importer, node,
      {std::move(*values), std::move(*scales), std::move(zeros), axis, size, isNibble ? 4u : 8u, offset});
  return failed(result) ? FailureOr<std::optional<Value>>(failure()) : std::optional<Value>(*result);
}

//===----------------------------------------------------------------------===//
// MatMulNBits
//===----------------------------------------------------------------------===//

namespace {
/// (K, N) weights of B, packed (N, blocks, bytes).
struct NBits {
  int64_t k = 0, n = 0, size = 0, accuracy = 0;
  int64_t blocks() const { return llvm::divideCeil(k, size); }
  /// accuracy_level 4 allows int8 for A.
  bool measures() const { return accuracy == 4 && size % reference::groupDepth == 0; }
};

LogicalResult readAttributes(Importer &importer, const Node &node, NBits &product) {
  auto integer = [&](const char *name, int64_t otherwise) {
    const import::Attribute *attribute = node.find(name);
    return attribute && attribute->kind == import::Attribute::Int ? attribute->i : otherwise;
  };
  product = {integer("K", 0), integer("N", 0), integer("block_size", 0), integer("accuracy_level", 0)};
  if (int64_t bits = integer("bits", 4); bits != 4)
    return importer.error(node) << "bits is " << bits << "; only 4 is supported";
  constexpr int64_t most = int64_t(1) << 24;
  if (product.k < 1 || product.n < 1 || product.k > most || product.n > most)
    return importer.error(node) << "K is " << product.k << " and N is " << product.n;
  if (product.size < 16 || product.size > 256 || !llvm::isPowerOf2_64(product.size))
    return importer.error(node) << "block_size is " << product.size
                                << ", but must be a power of two from 16 to 256";
  if (importer.input(node, 4))
    return importer.error(node)
           << "has a g_idx, which reorders K; that is not supported. Export the weights in "
              "the order of K (desc_act off)";
  return success();
}

LogicalResult checkCount(Importer &importer, const Node &node, StringRef what, int64_t found,
                         int64_t expected) {
  if (found == expected)
    return success();
  return importer.error(node) << what << " has " << found << " elements, but " << expected << " are expected";
}

/// Two in a byte, the lower half first, each row of `perRow` in whole bytes.
int64_t nibbleAt(const Tensor &packed, int64_t row, int64_t perRow, int64_t i) {
  int64_t byte = packed.getInt(row * llvm::divideCeil(perRow, 2) + i / 2);
  return i % 2 ? byte >> 4 & 15 : byte & 15;
}

FailureOr<Blocks> readBlocks(Importer &importer, const Node &node, const NBits &product) {
  auto packed = importer.constantOf(importer.input(node, 1)),
       scales = importer.constantOf(importer.input(node, 2));
  Value zero = importer.input(node, 3);
  auto zeros = importer.constantOf(zero);
  if (!packed || !scales || (zero && !zeros))
    return importer.error(node) << "B, scales and zero_points must be constants";
  int64_t blocks = product.blocks(), perColumn = blocks * product.size;
  if (packed->type != DType::U8 ||
      failed(checkCount(importer, node, "B", packed->size(), product.n * perColumn / 2)))
    return packed->type != DType::U8 ? FailureOr<Blocks>(importer.error(node) << "B must be of uint8")
                                     : FailureOr<Blocks>(failure());
  if (failed(checkCount(importer, node, "scales", scales->size(), product.n * blocks)))
    return failure();
  if (zeros && zeros->type != DType::U8)
    return importer.error(node) << "zero_points are not packed uint8; only those are supported";
  if (zeros && failed(checkCount(importer, node, "zero_points", zeros->size(),
                                 product.n * llvm::divideCeil(blocks, 2))))
    return failure();
  Blocks result{Tensor(DType::U4, {product.k, product.n}),
                Tensor(DType::F32, {blocks, product.n}),
                Tensor(DType::U4, {blocks, product.n}),
                /*axis=*/0,
                product.size,
                /*bits=*/4,
                /*offset=*/8};
  for (int64_t n = 0; n < product.n; ++n) {
    for (int64_t k = 0; k < product.k; ++k)
      result.values.setInt(k * product.n + n, nibbleAt(*packed, n, perColumn, k));
    for (int64_t b = 0; b < blocks; ++b) {
      result.scales.setDouble(b * product.n + n, scales->getDouble(n * blocks + b));
      result.zeros->setInt(b * product.n + n, zeros ? nibbleAt(*zeros, n, blocks, b) : 8);
    }
  }
  return result;
}

/// On rows of A that are measured at run time (q11).
Value measuredProduct(Importer &importer, const Node &node, Value a, DequantizeOp weights,
                      RankedTensorType result) {
  OpBuilder &builder = importer.builder;
  Location loc = importer.locationOf(node);
  RankedTensorType type = tensorType(a);
  ArrayRef<int64_t> rows = type.getShape().drop_back();
  Type results[] = {type.clone(builder.getIntegerType(8, /*isSigned=*/false)),
                    RankedTensorType::get(rows, builder.getF32Type()),
                    RankedTensorType::get(rows, builder.getI32Type())};
  auto measured = DynamicQuantizeOp::create(builder, loc, results, a,
                                            builder.getI64IntegerAttr(type.getRank() - 1), IntegerAttr());
  Value stored = weights.getInput();
  weights.erase();
  return DynamicMatMulOp::create(builder, loc, result, measured.getResult(), measured.getScale(),
                                 measured.getZero(), stored, Value(), Value(), Value(), ArrayAttr());
}
} // namespace

LogicalResult import::importMatMulNBits(Importer &importer, const Node &node) {
  NBits product;
  Value a = importer.input(node, 0);
  if (!a || !importer.input(node, 1) || !importer.input(node, 2))
    return importer.error(node) << "A, B or scales is missing";
  if (failed(readAttributes(importer, node, product)))
    return failure();
  if (!tensorType(a).getElementType().isF32())
    return importer.error(node) << "A is of " << tensorType(a).getElementType()
                                << "; only float32 is supported";
  if (tensorType(a).getRank() < 1 || tensorType(a).getShape().back() != product.k)
    return importer.error(node) << "K is " << product.k << ", but A has " << tensorType(a);
  FailureOr<Blocks> blocks = readBlocks(importer, node, product);
  if (failed(blocks))
    return failure();
  FailureOr<Value> weights = dequantizeBlocks(importer, node, std::move(*blocks));
  if (failed(weights))
    return failure();
  SmallVector<int64_t> shape(tensorType(a).getShape());
  shape.back() = product.n;
  RankedTensorType type = tensorType(a).clone(shape);
  Value result = product.measures()
                     ? measuredProduct(importer, node, a, weights->getDefiningOp<DequantizeOp>(), type)
                     : MatMulOp::create(importer.builder, importer.locationOf(node), type, a, *weights,
                                        Value(), Value(), Value(), ArrayAttr());
  Values results{result};
  if (Value bias = importer.input(node, 5)) {
    FailureOr<Values> sum = importer.buildInferred(node, "qcc.add", {result, bias}, {}, 1);
    if (failed(sum))
      return failure();
    results = *sum;
  }
  return importer.defineOutputs(node, results);
}

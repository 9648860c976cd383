//===- SpecialMath.cpp - Numbers computed by other operations -------------===//

#include "compiler/import/Writer.h"

#include <limits>

using namespace mlir;
using namespace qcc;
using namespace qcc::import;

namespace {

/// All axes from `first` on.
Writer::Shape axesFrom(int64_t first, int64_t rank) { return llvm::to_vector(llvm::seq(first, rank)); }

bool isAll(Importer &importer, Value value, double number) {
  auto known = importer.constantOf(value);
  for (int64_t i = 0; known && i < known->size(); ++i)
    if (known->getDouble(i) != number)
      return false;
  return known.has_value();
}

//===----------------------------------------------------------------------===//
// Normalisations
//===----------------------------------------------------------------------===//

/// Each channel of each image is a row of the kernel of layer normalisation.
LogicalResult importInstanceNormalization(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value input = writer.input(0, "input"), scale = writer.input(1, "scale"), bias = writer.input(2, "B");
  if (!input || !scale || !bias)
    return failure();
  Writer::Shape shape = Writer::shapeOf(input);
  if (shape.size() < 3)
    return writer.error() << "takes an input of rank 3 or more, but has " << tensorType(input);
  for (Value parameter : {scale, bias})
    if (Writer::shapeOf(parameter) != ArrayRef<int64_t>(shape[1]))
      return writer.error() << "has a parameter of type " << tensorType(parameter) << " for " << shape[1]
                            << " channels";
  int64_t elements = ShapedType::getNumElements(ArrayRef(shape).drop_front(2));
  Value rows = writer.reshape(input, {shape[0], shape[1], elements});
  Value normal = writer.op("qcc.layer_normalization", {rows, writer.number(1, input, {1})},
                           {writer.set("axis", 2), writer.setReal("epsilon", writer.real("epsilon", 1e-5f))});
  normal = writer.reshape(normal, shape);
  if (isAll(importer, scale, 1) && isAll(importer, bias, 0))
    return writer.define(normal);
  Writer::Shape perChannel(shape.size() - 1, 1);
  perChannel[0] = shape[1];
  Value scaled = writer.op("qcc.mul", {normal, writer.reshape(scale, perChannel)});
  return writer.define(writer.op("qcc.add", {scaled, writer.reshape(bias, perChannel)}));
}

/// Each is an operation of its own.
constexpr int64_t maxNeighbours = 256;

/// Squares are added up over neighbouring channels as shifted copies of one padded tensor.
LogicalResult importLRN(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value input = writer.input(0, "X");
  int64_t size = writer.integer("size", 0);
  if (!input)
    return failure();
  Writer::Shape shape = Writer::shapeOf(input), pads(2 * shape.size(), 0);
  if (size < 1 || size > maxNeighbours || shape.size() < 2)
    return writer.error() << "size is " << size << ", which must be 1 to " << maxNeighbours
                          << ", and the input " << tensorType(input) << ", which must have channels";
  pads[1] = (size - 1) / 2;
  pads[shape.size() + 1] = size / 2;
  Value padded = writer.op("qcc.pad", writer.op("qcc.mul", {input, input}), {writer.set("pads", pads)}), sum;
  for (int64_t i = 0; i < size; ++i) {
    Value part = writer.slice(padded, 1, i, i + shape[1]);
    sum = i == 0 ? part : writer.op("qcc.add", {sum, part});
  }
  double alpha = writer.real("alpha", 1e-4f) / static_cast<double>(size);
  Value base = writer.op("qcc.mul", {sum, writer.number(alpha, input)});
  base = writer.op("qcc.add", {base, writer.number(writer.real("bias", 1), input)});
  Value power = writer.op("qcc.pow", {base, writer.number(writer.real("beta", 0.75f), input)});
  return writer.define(writer.op("qcc.div", {input, power}));
}

/// The norm of order 1, 2 or (for positive ones) p over some axes, which stay with size 1.
Value norm(Writer &writer, Value input, int64_t p, ArrayRef<int64_t> axes) {
  if (p == 2)
    return writer.reduce("qcc.reduce_l2", input, axes, true);
  Value magnitude = writer.op("qcc.abs", input);
  if (p == 1)
    return writer.reduce("qcc.reduce_sum", magnitude, axes, true);
  Value powers = writer.op("qcc.pow", {magnitude, writer.number(static_cast<double>(p), input)});
  Value sum = writer.reduce("qcc.reduce_sum", powers, axes, true);
  return writer.op("qcc.pow", {sum, writer.number(1.0 / static_cast<double>(p), input)});
}

LogicalResult importLpNormalization(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value input = writer.input(0, "input");
  int64_t axis = input ? writer.axis(writer.integer("axis", -1), Writer::rankOf(input)) : -1;
  int64_t p = writer.integer("p", 2);
  if (axis < 0)
    return failure();
  if (p != 1 && p != 2)
    return writer.error() << "p is " << p << " but must be 1 or 2";
  Value length = norm(writer, input, p, {axis}), zero = writer.number(0, input);
  // Where all elements are 0, so is the result.
  Value isZero = writer.op("qcc.equal", {length, zero});
  length = writer.op("qcc.where", {isZero, writer.number(1, input), length});
  return writer.define(writer.op("qcc.div", {input, length}));
}

LogicalResult importGlobalLpPool(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value input = writer.input(0, "X");
  int64_t p = writer.integer("p", 2);
  if (!input)
    return failure();
  if (p < 1 || Writer::rankOf(input) < 3)
    return writer.error() << "p is " << p << " and the input " << tensorType(input)
                          << ", but p must be positive and the rank 3 or more";
  return writer.define(norm(writer, input, p, axesFrom(2, Writer::rankOf(input))));
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

LogicalResult importMean(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value sum = writer.input(0, "data_0");
  for (size_t i = 1; sum && i < node.inputs.size(); ++i)
    sum = writer.op("qcc.add", {sum, writer.input(i, "data")});
  return writer.define(
      writer.op("qcc.div", {sum, writer.number(static_cast<double>(node.inputs.size()), sum)}));
}

/// Only a NaN differs from itself.
LogicalResult importIsNaN(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value input = writer.input(0, "X");
  return writer.define(writer.op("qcc.not", writer.op("qcc.equal", {input, input})));
}

LogicalResult importIsInf(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value input = writer.input(0, "X");
  bool positive = writer.integer("detect_positive", 1) != 0,
       negative = writer.integer("detect_negative", 1) != 0;
  if (!positive && !negative) // nothing is less than itself
    return writer.define(writer.op("qcc.less", {input, input}));
  double infinity = std::numeric_limits<double>::infinity();
  Value probe = positive && negative ? writer.op("qcc.abs", input) : input;
  return writer.define(
      writer.op("qcc.equal", {probe, writer.number(positive ? infinity : -infinity, input)}));
}

LogicalResult importXor(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value a = writer.input(0, "A"), b = writer.input(1, "B");
  if (!a || !b)
    return failure();
  if (!Writer::elementOf(a).isInteger(1) || !Writer::elementOf(b).isInteger(1))
    return writer.error() << "has inputs of types " << tensorType(a) << " and " << tensorType(b)
                          << "; booleans are expected";
  return writer.define(writer.op("qcc.not", writer.op("qcc.equal", {a, b})));
}

LogicalResult importBitwiseNot(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value input = writer.input(0, "X");
  if (!input)
    return failure();
  if (isa<FloatType>(Writer::elementOf(input)))
    return writer.error() << "has an input of type " << tensorType(input) << "; integers are expected";
  Value ones = writer.number(0, input);
  if (auto zero = importer.constantOf(ones)) {
    zero->setInt(0, -1); // all bits
    ones = writer.constant(*zero);
  }
  return writer.define(writer.op("qcc.bitwise_xor", {input, ones}));
}

} // namespace

void qcc::import::addMathImports(SpecialTable &table) {
  table.emplace(":InstanceNormalization", importInstanceNormalization);
  table.emplace(":LRN", importLRN);
  table.emplace(":LpNormalization", importLpNormalization);
  table.emplace(":GlobalLpPool", importGlobalLpPool);
  table.emplace(":Mean", importMean);
  table.emplace(":IsNaN", importIsNaN);
  table.emplace(":IsInf", importIsInf);
  table.emplace(":Xor", importXor);
  table.emplace(":BitwiseNot", importBitwiseNot);
}

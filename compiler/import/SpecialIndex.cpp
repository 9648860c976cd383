//===- SpecialIndex.cpp - Masks, places and picks in other operations -----===//

#include "compiler/import/Writer.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::import;
using reference::DType;
using reference::Tensor;

namespace {

constexpr int64_t maxMadeElements = Writer::maxMadeElements;

/// Whether each place of a matrix is on a diagonal from `lowest` to `highest`.
Tensor diagonals(int64_t rows, int64_t columns, int64_t lowest, int64_t highest) {
  Tensor mask(DType::Bool, {rows, columns});
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      mask.setInt(i * columns + j, j - i >= lowest && j - i <= highest);
  return mask;
}

/// Diagonals beyond the matrix are all the same.
int64_t clampDiagonal(int64_t k, int64_t rows, int64_t columns) {
  return std::clamp(k, -rows - 1, columns + 1);
}

LogicalResult importTrilu(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value input = writer.input(0, "input");
  std::optional<Tensor> k = Tensor(DType::I64, {});
  if (writer.hasInput(1))
    k = writer.known(1, "k");
  if (!input || !k)
    return failure();
  Writer::Shape shape = Writer::shapeOf(input);
  if (shape.size() < 2 || k->size() != 1)
    return writer.error() << "takes matrices and one number k, but has an input of rank " << shape.size()
                          << " and " << k->size() << " numbers";
  int64_t rows = shape[shape.size() - 2], columns = shape.back();
  if (rows > 0 && columns > maxMadeElements / rows)
    return writer.error() << "has matrices of " << rows << "x" << columns
                          << " elements, more than the limit of " << maxMadeElements;
  int64_t first = clampDiagonal(k->getInt(0), rows, columns);
  bool upper = writer.integer("upper", 1) != 0;
  Tensor mask = upper ? diagonals(rows, columns, first, columns) : diagonals(rows, columns, -rows, first);
  return writer.define(writer.op("qcc.where", {writer.constant(mask), input, writer.number(0, input)}));
}

LogicalResult importEyeLike(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value input = writer.input(0, "input");
  if (!input)
    return failure();
  Writer::Shape shape = Writer::shapeOf(input);
  if (shape.size() != 2 || (shape[0] > 0 && shape[1] > maxMadeElements / shape[0]))
    return writer.error() << "takes a matrix of at most " << maxMadeElements << " elements, but has "
                          << tensorType(input);
  int64_t k = clampDiagonal(writer.integer("k", 0), shape[0], shape[1]);
  Value ones = writer.constant(diagonals(shape[0], shape[1], k, k));
  Type element = Writer::elementOf(input);
  if (int64_t type = writer.integer("dtype", 0))
    element = elementTypeOf(importer.builder.getContext(), static_cast<int32_t>(type));
  if (!element)
    return writer.error() << "attribute 'dtype' names a type that is not supported";
  return writer.define(writer.cast(ones, element));
}

//===----------------------------------------------------------------------===//
// ArgMax, ArgMin, Hardmax, OneHot
//===----------------------------------------------------------------------===//

/// The axis that disappears does so in a reshape: images keep the layout that they have inside.
LogicalResult importArgReduce(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value input = writer.input(0, "data");
  if (!input)
    return failure();
  int64_t axis = writer.axis(writer.integer("axis", 0), Writer::rankOf(input));
  if (axis < 0)
    return failure();
  Value place = writer.op(
      node.op == "ArgMax" ? "qcc.arg_max" : "qcc.arg_min", input,
      {writer.set("axis", axis), writer.set("select_last_index", writer.integer("select_last_index", 0))});
  if (!place || writer.integer("keepdims", 1))
    return writer.define(place);
  Writer::Shape shape = Writer::shapeOf(input);
  shape.erase(shape.begin() + axis);
  return writer.define(writer.reshape(place, shape));
}

LogicalResult importHardmax(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value input = writer.input(0, "input");
  if (!input)
    return failure();
  int64_t rank = Writer::rankOf(input), axis = writer.axis(writer.integer("axis", -1), rank);
  if (axis < 0)
    return failure();
  Value place = writer.op("qcc.arg_max", input, {writer.set("axis", axis)});
  Value all = writer.count(Writer::shapeOf(input)[axis], axis, rank);
  return writer.define(writer.cast(writer.op("qcc.equal", {place, all}), Writer::elementOf(input)));
}

LogicalResult importOneHot(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value indices = writer.input(0, "indices"), values = writer.input(2, "values");
  std::optional<Tensor> given = writer.known(1, "depth");
  if (!indices || !values || !given)
    return failure();
  int64_t depth = given->size() == 1 ? static_cast<int64_t>(given->getDouble(0)) : -1;
  if (depth < 0 || depth > maxMadeElements)
    return writer.error() << "input 'depth' must be one number up to " << maxMadeElements;
  if (Writer::shapeOf(values) != ArrayRef<int64_t>(2))
    return writer.error() << "input 'values' has type " << tensorType(values) << "; two values are expected";
  int64_t rank = Writer::rankOf(indices) + 1, axis = writer.axis(writer.integer("axis", -1), rank);
  if (axis < 0)
    return failure();
  Writer::Shape shape = Writer::shapeOf(indices);
  shape.insert(shape.begin() + axis, 1);
  Value place = writer.reshape(writer.cast(indices, importer.builder.getI64Type()), shape);
  Value fromEnd = writer.op("qcc.add", {place, writer.number(static_cast<double>(depth), place)});
  Value isNegative = writer.op("qcc.less", {place, writer.number(0, place)});
  place = writer.op("qcc.where", {isNegative, fromEnd, place});
  Value hit = writer.op("qcc.equal", {place, writer.count(depth, axis, rank)});
  Value off = writer.reshape(writer.slice(values, 0, 0, 1), {}),
        on = writer.reshape(writer.slice(values, 0, 1, 2), {});
  return writer.define(writer.op("qcc.where", {hit, on, off}));
}

//===----------------------------------------------------------------------===//
// ReverseSequence
//===----------------------------------------------------------------------===//

/// Tuples of indices for a GatherND, computed from the lengths.
LogicalResult importReverseSequence(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value input = writer.input(0, "input"), lengths = writer.input(1, "sequence_lens");
  if (!input || !lengths)
    return failure();
  int64_t time = writer.integer("time_axis", 0), batch = writer.integer("batch_axis", 1);
  if (Writer::rankOf(input) < 2 || std::min(time, batch) != 0 || std::max(time, batch) != 1)
    return writer.error() << "time_axis is " << time << " and batch_axis " << batch
                          << ", but they must be 0 and 1 of an input of rank 2 or more, which has rank "
                          << Writer::rankOf(input);
  Writer::Shape shape = Writer::shapeOf(input), line{1, 1}, places{shape[0], shape[1], 1};
  if (Writer::shapeOf(lengths) != ArrayRef<int64_t>(shape[batch]))
    return writer.error() << "has lengths of type " << tensorType(lengths) << " for a batch of "
                          << shape[batch];
  line[batch] = shape[batch];
  Type i64 = importer.builder.getI64Type();
  Value length = writer.reshape(writer.cast(lengths, i64), line), step = writer.count(shape[time], time, 2);
  Value last = writer.op("qcc.sub", {length, writer.number(1, length)});
  Value mirrored = writer.op("qcc.sub", {last, step}), isInside = writer.op("qcc.less", {step, length});
  Value from = writer.reshape(writer.op("qcc.where", {isInside, mirrored, step}), places);
  Value which = writer.op("qcc.expand", writer.count(shape[batch], batch, 3), {writer.set("shape", places)});
  SmallVector<Value> tuple{from, which};
  if (time == 1)
    std::swap(tuple[0], tuple[1]);
  Value indices = writer.op("qcc.concat", tuple, {writer.set("axis", 2)});
  return writer.define(writer.op("qcc.gather_nd", {input, indices}));
}

//===----------------------------------------------------------------------===//
// Results whose shape depends on the values
//===----------------------------------------------------------------------===//

LogicalResult refuseDataDependent(Importer &importer, const Node &node) {
  std::string result = node.outputs.empty() ? "" : node.outputs.front();
  std::string input = node.inputs.empty() ? "" : node.inputs.front();
  return importer.error(node) << "operator '" << node.op << "' is not supported: how large '" << result
                              << "' is depends on the model's inputs, and every shape must be known when the "
                                 "model is compiled; cut the model before this node, whose input is '"
                              << input << "', and do this step in the application";
}

/// Of a constant it is a constant.
LogicalResult importNonZero(Importer &importer, const Node &node) {
  Writer writer(importer, node);
  Value input = writer.input(0, "X");
  if (!input)
    return failure();
  std::optional<Tensor> known = importer.constantOf(input);
  if (!known)
    return refuseDataDependent(importer, node);
  SmallVector<int64_t> found;
  for (int64_t i = 0, e = known->size(); i < e; ++i)
    if (known->getDouble(i) != 0)
      found.push_back(i);
  if (static_cast<int64_t>(found.size()) * known->rank() > maxMadeElements)
    return writer.error() << "finds " << found.size() << " elements of " << known->rank()
                          << " dimensions, more than the limit";
  Tensor places(DType::I64, {known->rank(), static_cast<int64_t>(found.size())});
  for (auto [i, rest] : llvm::enumerate(found))
    for (int64_t axis = known->rank(); axis-- > 0; rest /= known->shape[axis])
      places.setInt(axis * static_cast<int64_t>(found.size()) + static_cast<int64_t>(i),
                    rest % known->shape[axis]);
  return writer.define(writer.constant(places));
}

} // namespace

void qcc::import::addIndexImports(SpecialTable &table) {
  table.emplace(":Trilu", importTrilu);
  table.emplace(":EyeLike", importEyeLike);
  table.emplace(":ArgMax", importArgReduce);
  table.emplace(":ArgMin", importArgReduce);
  table.emplace(":Hardmax", importHardmax);
  table.emplace(":OneHot", importOneHot);
  table.emplace(":ReverseSequence", importReverseSequence);
  table.emplace(":NonZero", importNonZero);
  for (const char *name : {":Compress", ":NonMaxSuppression", ":Unique"})
    table.emplace(name, refuseDataDependent);
}

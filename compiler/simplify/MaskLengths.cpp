//===- MaskLengths.cpp - Nothing depends on what lies behind a run's length -===//
//
// Tensors have the size of the longest run. Most operations compute each position
// by itself: behind the length they compute something that nobody reads. Where one
// mixes positions, its operand first gets numbers there that change nothing. The
// rules are in LengthRules.cpp.
//
//===----------------------------------------------------------------------===//

#include "compiler/simplify/LengthRules.h"
#include "compiler/simplify/Passes.h"
#include "compiler/support/KnownExtents.h"
#include "dialects/Constants.h"

namespace qcc::simplify {
#define GEN_PASS_DEF_MASKLENGTHS
#include "compiler/simplify/Passes.h.inc"

using namespace mlir;

Masker::Masker(func::FuncOp function)
    : function(function), atStart(function.getContext()), lengths(lengthsOf(function)) {
  Block &block = function.front();
  auto inputs = extentsOf(function, inputExtentsAttr, function.getArgumentTypes());
  for (auto [argument, extents] : llvm::zip(function.getArguments(), inputs))
    known[argument] = extents;
  shapes.resize(inputs.size());
  lengthValues.resize(lengths.size());
  atStart.setInsertionPointToStart(&block);
  SmallVector<int64_t> least;
  for (const Length &length : lengths) {
    mostOf.push_back(length.most);
    least.push_back(length.least);
  }
  if (auto all = function->getAttrOfType<ArrayAttr>(samplesAttr))
    for (auto one : all.getAsRange<DenseI64ArrayAttr>())
      samples.emplace_back(one.asArrayRef());
  else
    samples.push_back(least);
}

const Extents &Masker::extents(Value value) {
  Extents &extents = known[value];
  extents.resize(tensorType(value).getRank());
  return extents;
}

static Extents evenExtents(Operation *op, unsigned result) {
  auto all = op->getAttrOfType<ArrayAttr>(extentsAttr);
  return extentsFromAttr(all && result < all.size() ? all[result] : Attribute(),
                         tensorType(op->getResult(result)).getRank());
}

/// An axis and its size at each sample.
SmallVector<ArrayRef<int64_t>> Masker::unevenSizes(Operation *op, unsigned result) {
  SmallVector<ArrayRef<int64_t>> rows;
  if (auto all = op->getAttrOfType<ArrayAttr>(sizesAttr))
    for (auto row : all.getAsRange<DenseI64ArrayAttr>())
      if (row[0] == result && row.size() == int64_t(2 + samples.size()))
        rows.push_back(row.asArrayRef().drop_front());
  return rows;
}

/// One with these sizes, or with as many more everywhere: an operand's, or one seen before.
std::optional<Extent> Masker::knownExtent(Operation *op, int64_t size, ArrayRef<int64_t> sizes) {
  SmallVector<Extent> candidates;
  for (Value operand : op->getOperands())
    llvm::append_range(candidates, extents(operand));
  llvm::append_range(candidates, seen);
  for (const Extent &candidate : candidates) {
    if (candidate.isFixed())
      continue;
    Extent moved = candidate.plus(size - candidate.at(mostOf));
    if (llvm::all_of(llvm::zip(samples, sizes),
                     [&](auto pair) { return moved.at(std::get<0>(pair)) == std::get<1>(pair); }))
      return moved;
  }
  return std::nullopt;
}

FailureOr<Extents> Masker::found(Operation *op, unsigned result) {
  Extents extents = evenExtents(op, result);
  for (ArrayRef<int64_t> row : unevenSizes(op, result)) {
    int64_t size = tensorType(op->getResult(result)).getDimSize(row[0]);
    std::optional<Extent> known = knownExtent(op, size, row.drop_front());
    if (!known)
      return refuse(op, "has a size that does not grow evenly: axis " + Twine(row[0]) + " has " +
                            Twine(size) + " positions in the longest run");
    extents[row[0]] = *known;
  }
  return extents;
}

bool Masker::agrees(Operation *op, unsigned result, const Extents &extents) {
  Extents even = evenExtents(op, result);
  SmallVector<ArrayRef<int64_t>> uneven = unevenSizes(op, result);
  for (auto [axis, extent] : llvm::enumerate(extents)) {
    auto row = llvm::find_if(uneven, [&](ArrayRef<int64_t> one) { return one[0] == int64_t(axis); });
    int64_t most = tensorType(op->getResult(result)).getDimSize(axis);
    if (!extent.isFixed() && extent.at(mostOf) != most)
      return false;
    for (auto [i, sample] : llvm::enumerate(samples)) {
      int64_t size = row != uneven.end()    ? (*row)[1 + i]
                     : even[axis].isFixed() ? most
                                            : even[axis].at(sample);
      if (size != (extent.isFixed() ? most : extent.at(sample)))
        return false;
    }
  }
  return true;
}

LogicalResult Masker::refuse(Operation *op, const Twine &reason) {
  return op->emitError() << reason.str() << ": with a bounded length this is not supported";
}

LogicalResult Masker::take(Operation *op) {
  bool touched = op->hasAttr(extentsAttr) || op->hasAttr(sizesAttr) || op->hasAttr(growthAttr);
  for (Value operand : op->getOperands())
    for (auto [axis, extent] : llvm::enumerate(extents(operand))) {
      touched |= !extent.isFixed();
      if (!extent.isFixed() && tensorType(operand).getDimSize(axis) == 1)
        return refuse(op, "has an operand of at most one position along axis " + Twine(axis));
    }
  if (!touched)
    return success();
  LengthRule rule = findLengthRule(op);
  if (!rule)
    return refuse(op, "mixes the positions of an axis, or is not known to keep them apart");
  SmallVector<Extents> results;
  if (failed(rule(*this, op, results)))
    return failure();
  for (auto [i, extents] : llvm::enumerate(results)) {
    // The rule's own idea must be what the import has seen.
    if (!agrees(op, i, extents))
      return refuse(op, "gives result " + Twine(i) + " another length than the model says");
    for (const Extent &extent : extents)
      if (!extent.isFixed() && !llvm::is_contained(seen, extent))
        seen.push_back(extent);
    for (Value by = op->getResult(i); by; by = replaced.lookup(by)) {
      known[by] = extents;
      taken.insert(by);
    }
  }
  op->removeAttr(extentsAttr);
  op->removeAttr(sizesAttr);
  return success();
}

std::optional<Extents> Masker::told(Value result) const {
  auto found = taken.contains(result) ? known.find(result) : known.end();
  return found == known.end() ? std::nullopt : std::optional(found->second);
}

void Masker::replace(Value result, Value by) {
  Operation *end = by.getDefiningOp();
  result.replaceUsesWithIf(by, [&](OpOperand &use) { return end->isBeforeInBlock(use.getOwner()); });
  replaced[result] = by;
}

/// The number that a run is told, of rank 0.
Value Masker::lengthOf(int64_t index) {
  Value &value = lengthValues[index];
  if (value)
    return value;
  const Length &length = lengths[index];
  auto one = RankedTensorType::get({1}, atStart.getI64Type());
  Value axis = SliceOp::create(atStart, function.getLoc(), one, shapes[length.input],
                               atStart.getDenseI64ArrayAttr({length.axis}),
                               atStart.getDenseI64ArrayAttr({length.axis + 1}),
                               atStart.getDenseI64ArrayAttr({0}), atStart.getDenseI64ArrayAttr({1}));
  value = createReshape(atStart, function.getLoc(), axis, {});
  if (length.step != 1)
    value = DivOp::create(atStart, function.getLoc(), value.getType(), value,
                          createScalar(atStart, function.getLoc(), length.step, value));
  return value;
}

Value Masker::count(const Extent &extent) {
  for (auto &[known, value] : counts)
    if (known == extent)
      return value;
  Location loc = function.getLoc();
  Value sum;
  auto add = [&](Value value) {
    sum = sum ? Value(AddOp::create(atStart, loc, value.getType(), sum, value, ArrayAttr())) : value;
  };
  for (auto [index, scale] : extent.terms) {
    Value length = lengthOf(index);
    add(scale == 1 ? length
                   : Value(MulOp::create(atStart, loc, length.getType(), length,
                                         createScalar(atStart, loc, scale, length), ArrayAttr())));
  }
  if (extent.offset != 0)
    add(createScalar(atStart, loc, extent.offset, sum));
  if (extent.divisor != 1) // of numbers that are not negative
    sum = DivOp::create(atStart, loc, sum.getType(), sum, createScalar(atStart, loc, extent.divisor, sum));
  counts.emplace_back(extent, sum);
  return sum;
}

Value Masker::countAs(Operation *user, const Extent &extent, Type element) {
  Value number = count(extent);
  if (element == tensorType(number).getElementType())
    return number;
  OpBuilder builder(user);
  static const std::pair<reference::DType, int64_t> codes[] = {{reference::DType::F32, 1},
                                                               {reference::DType::I32, 6},
                                                               {reference::DType::F16, 10},
                                                               {reference::DType::F64, 11}};
  for (auto [type, code] : codes)
    if (dtypeOf(element) == type)
      return CastOp::create(builder, user->getLoc(), RankedTensorType::get({}, element), number, code);
  llvm_unreachable("callers ask for numbers that lengths become");
}

/// 1 for the positions that count, with axes of size 1 behind.
Value Masker::mask(const Extent &extent, int64_t size, int64_t axesBehind) {
  std::pair key(extent, std::pair(size, axesBehind));
  for (auto &[made, value] : masks)
    if (made == key)
      return value;
  Location loc = function.getLoc();
  auto type = RankedTensorType::get({size}, atStart.getI64Type());
  reference::Tensor positions = zeros(type);
  for (int64_t i = 0; i < size; ++i)
    positions.setInt(i, i);
  Value value = LessOp::create(atStart, loc, RankedTensorType::get({size}, atStart.getI1Type()),
                               createConstant(atStart, loc, positions, type), count(extent));
  if (axesBehind) {
    SmallVector<int64_t> shape(1 + axesBehind, 1);
    shape[0] = size;
    value = createReshape(atStart, loc, value, shape);
  }
  masks.emplace_back(key, value);
  return value;
}

Value Masker::fillRest(Operation *user, Value value, int64_t axis, double fill) {
  RankedTensorType type = tensorType(value);
  Extents extents = this->extents(value);
  Value counts = mask(extents[axis], type.getDimSize(axis), type.getRank() - 1 - axis);
  OpBuilder builder(user);
  Value filled = WhereOp::create(builder, user->getLoc(), type, counts, value,
                                 createScalar(builder, user->getLoc(), fill, value));
  known[filled] = extents;
  return filled;
}

void Masker::fillOperand(OpOperand &operand, double fill) {
  Extents extents = this->extents(operand.get());
  for (auto [axis, extent] : llvm::enumerate(extents))
    if (!extent.isFixed())
      operand.set(fillRest(operand.getOwner(), operand.get(), axis, fill));
}

bool Masker::endsInZeros(Value value, int64_t axis) {
  if (zerosBehind.contains({value, axis}))
    return true;
  std::optional<reference::Tensor> constant = constantOf(value);
  for (int64_t i = 0; constant && i < constant->size(); ++i)
    if (!std::isfinite(constant->getDouble(i)))
      return false;
  return constant.has_value();
}

struct MaskLengths : impl::MaskLengthsBase<MaskLengths> {
  func::FuncOp main;

  /// The shapes of bounded inputs, as the last arguments.
  void addShapes(Masker &masker) {
    Builder builder(&getContext());
    SmallVector<Attribute> names(main->getAttrOfType<ArrayAttr>("qcc.input_names").getValue());
    SmallVector<int64_t> inputs;
    SmallVector<Type> types(main.getArgumentTypes());
    for (auto [i, extents] : llvm::enumerate(extentsOf(main, inputExtentsAttr, main.getArgumentTypes()))) {
      if (!anyBounded(extents))
        continue;
      types.push_back(RankedTensorType::get({int64_t(extents.size())}, builder.getI64Type()));
      Attribute name = names[i];
      masker.shapes[i] = main.front().addArgument(
          types.back(), NameLoc::get(builder.getStringAttr(cast<StringAttr>(name).getValue() + ".shape")));
      names.push_back(builder.getStringAttr(cast<StringAttr>(name).getValue() + ".shape"));
      inputs.push_back(i);
    }
    main.setFunctionType(builder.getFunctionType(types, main.getResultTypes()));
    main->setAttr("qcc.input_names", builder.getArrayAttr(names));
    main->setAttr(shapeInputsAttr, builder.getDenseI64ArrayAttr(inputs));
    main->removeAttr(samplesAttr);
  }

  /// The shape of an output: scale * length + offset for each axis.
  Value shapeOf(Masker &masker, Operation *end, const Extents &extents, ArrayRef<int64_t> sizes) {
    OpBuilder builder(end);
    Location loc = end->getLoc();
    auto one = RankedTensorType::get({1}, builder.getI64Type());
    SmallVector<Value> parts;
    for (auto [extent, size] : llvm::zip(extents, sizes)) {
      if (!extent.isFixed()) {
        parts.push_back(createReshape(builder, loc, masker.count(extent), {1}));
        continue;
      }
      reference::Tensor fixed(reference::DType::I64, {1});
      fixed.setInt(0, size);
      parts.push_back(createConstant(builder, loc, fixed, one));
    }
    auto type = RankedTensorType::get({int64_t(parts.size())}, builder.getI64Type());
    return ConcatOp::create(builder, loc, type, parts, 0);
  }

  void returnShapes(Masker &masker) {
    Operation *end = main.front().getTerminator();
    Builder builder(&getContext());
    SmallVector<Attribute> names(main->getAttrOfType<ArrayAttr>("qcc.output_names").getValue());
    SmallVector<Value> values(end->getOperands());
    SmallVector<Extents> all;
    SmallVector<int64_t> outputs;
    for (auto [i, value] : llvm::enumerate(SmallVector<Value>(values))) {
      Extents extents = masker.extents(value);
      all.push_back(extents);
      if (!anyBounded(extents))
        continue;
      Value shape = shapeOf(masker, end, extents, tensorType(value).getShape());
      values.push_back(shape);
      names.push_back(builder.getStringAttr(cast<StringAttr>(Attribute(names[i])).getValue() + ".shape"));
      outputs.push_back(i);
    }
    end->setOperands(values);
    setExtents(main, outputExtentsAttr, all);
    main.setFunctionType(builder.getFunctionType(main.getArgumentTypes(), end->getOperandTypes()));
    main->setAttr("qcc.output_names", builder.getArrayAttr(names));
    main->setAttr(shapeOutputsAttr, builder.getDenseI64ArrayAttr(outputs));
  }

  void runOnOperation() override {
    main = getOperation();
    if (!main->hasAttr(lengthsAttr) || main->hasAttr(shapeInputsAttr))
      return;
    Masker masker(main);
    SmallVector<Operation *> operations;
    for (Operation &op : main.front().without_terminator())
      operations.push_back(&op);
    // Masks stand before all of these.
    addShapes(masker);
    bool fine = true;
    for (Operation *op : operations)
      fine &= succeeded(masker.take(op));
    if (!fine)
      return signalPassFailure();
    returnShapes(masker);
    for (Operation *op : llvm::reverse(operations))
      if (op->use_empty())
        op->erase();
    KnownExtents::note(main, [&](Value value) { return masker.told(value); });
  }
};
} // namespace qcc::simplify

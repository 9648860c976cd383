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
}

const Extents &Masker::extents(Value value) {
  Extents &extents = known[value];
  extents.resize(tensorType(value).getRank());
  return extents;
}

Extents Masker::found(Operation *op, unsigned result) {
  auto all = op->getAttrOfType<ArrayAttr>(extentsAttr);
  return extentsFromAttr(all && result < all.size() ? all[result] : Attribute(),
                         tensorType(op->getResult(result)).getRank());
}

LogicalResult Masker::refuse(Operation *op, const Twine &reason) {
  return op->emitError() << reason.str() << ": with a bounded length this is not supported";
}

LogicalResult Masker::take(Operation *op) {
  bool touched = op->hasAttr(extentsAttr) || op->hasAttr(growthAttr);
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
    if (extents != found(op, i))
      return refuse(op, "gives result " + Twine(i) + " another length than the model says");
    known[op->getResult(i)] = extents;
    for (Value by = replaced.lookup(op->getResult(i)); by; by = replaced.lookup(by))
      known[by] = extents;
  }
  op->removeAttr(extentsAttr);
  return success();
}

void Masker::replace(Value result, Value by) {
  result.replaceAllUsesExcept(by, by.getDefiningOp());
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
  return value = createReshape(atStart, function.getLoc(), axis, {});
}

Value Masker::count(const Extent &extent) {
  Value length = lengthOf(extent.length);
  Location loc = function.getLoc();
  if (extent.scale != 1)
    length = MulOp::create(atStart, loc, length.getType(), length,
                           createScalar(atStart, loc, extent.scale, length), ArrayAttr());
  if (extent.offset != 0)
    length = AddOp::create(atStart, loc, length.getType(), length,
                           createScalar(atStart, loc, extent.offset, length), ArrayAttr());
  return length;
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
  }
};
} // namespace qcc::simplify

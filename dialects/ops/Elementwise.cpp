//===- Elementwise.cpp - Operations on each element -----------------------===//

#include "dialects/reference/Elementwise.h"
#include "dialects/Chain.h"
#include "dialects/ops/Families.h"
#include "dialects/ops/Quantized.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::ops;
using reference::Binary;
using reference::Compare;

static StringRef nameOf(Operation *op) { return op->getName().stripDialect(); }

LogicalResult ops::elementwiseToChannelsLast(Operation *op) {
  int64_t rank = rankOf(op->getResult(0));
  // A lower rank would line up with other axes than before.
  return success(
      llvm::all_of(op->getOperands(), [&](Value v) { return rankOf(v) == rank || rankOf(v) == 0; }));
}

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

LogicalResult ops::inferUnary(Operation *op, Results &results) {
  Value input = op->getOperand(0);
  bool integersToo = llvm::is_contained({"relu", "abs", "neg", "sign"}, nameOf(op));
  if (failed(integersToo ? requireNumber(op, "input", input) : requireFloat(op, "input", input)))
    return failure();
  results.push_back(input.getType());
  return success();
}

LogicalResult ops::evaluateUnary(Operation *op, Operands operands, Tensors &results) {
  FailureOr<reference::PointwiseStep> step = stepOf(op);
  if (failed(step))
    return op->emitOpError("has no function in the reference's table");
  results.push_back(reference::applyPointwise(*step, *operands[0]));
  return success();
}

LogicalResult NotOp::inferTypes(Results &results) {
  if (failed(requireBool(*this, "input", getInput())))
    return failure();
  results.push_back(getInput().getType());
  return success();
}

LogicalResult NotOp::evaluate(Operands operands, Tensors &results) {
  results.push_back(reference::logicalNot(*operands[0]));
  return success();
}

LogicalResult NotOp::toChannelsLast() { return success(); }

LogicalResult ClipOp::inferTypes(Results &results) {
  if (failed(requireNumber(*this, "input", getInput())))
    return failure();
  for (auto [name, bound] : {std::pair("min", getMin()), std::pair("max", getMax())})
    if (bound && bound->isNaN())
      return emitOpError() << name << " is not a number";
  results.push_back(getInput().getType());
  return success();
}

LogicalResult ClipOp::evaluate(Operands operands, Tensors &results) {
  double low = getMin() ? getMin()->convertToDouble() : -std::numeric_limits<double>::infinity();
  double high = getMax() ? getMax()->convertToDouble() : std::numeric_limits<double>::infinity();
  results.push_back(reference::clip(*operands[0], low, high));
  return success();
}

LogicalResult ClipOp::toChannelsLast() { return success(); }

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

static std::optional<Compare> comparison(Operation *op) {
  return llvm::StringSwitch<std::optional<Compare>>(nameOf(op))
      .Case("equal", Compare::Equal)
      .Case("greater", Compare::Greater)
      .Case("greater_or_equal", Compare::GreaterOrEqual)
      .Case("less", Compare::Less)
      .Case("less_or_equal", Compare::LessOrEqual)
      .Default(std::nullopt);
}

static Binary arithmetic(Operation *op) {
  if (auto mod = dyn_cast<ModOp>(op))
    return mod.getFmod() ? Binary::FMod : Binary::Mod;
  if (auto shift = dyn_cast<BitShiftOp>(op))
    return shift.getDirection() == "LEFT" ? Binary::ShiftLeft : Binary::ShiftRight;
  return llvm::StringSwitch<Binary>(nameOf(op))
      .Case("add", Binary::Add)
      .Case("sub", Binary::Sub)
      .Case("mul", Binary::Mul)
      .Case("div", Binary::Div)
      .Case("pow", Binary::Pow)
      .Case("prelu", Binary::PRelu)
      .Case("min", Binary::Min)
      .Case("max", Binary::Max)
      .Case("and", Binary::And)
      .Case("bitwise_and", Binary::BitAnd)
      .Case("bitwise_or", Binary::BitOr)
      .Case("bitwise_xor", Binary::BitXor)
      .Default(Binary::Or);
}

/// Shifts are for unsigned integers; ONNX knows two directions.
static LogicalResult checkBits(Operation *op) {
  auto type = dyn_cast<IntegerType>(elementOf(op->getOperand(0)));
  auto shift = dyn_cast<BitShiftOp>(op);
  if (!type || type.isSignlessInteger(1) || (shift && !type.isUnsigned()))
    return op->emitOpError("has operands of element type ")
           << elementOf(op->getOperand(0)) << " but takes " << (shift ? "unsigned " : "") << "integers";
  if (shift && shift.getDirection() != "LEFT" && shift.getDirection() != "RIGHT")
    return op->emitOpError("direction is '") << shift.getDirection() << "' but must be LEFT or RIGHT";
  return requireSameElement(op, op->getOperands());
}

/// Which element types each operation takes.
static LogicalResult checkBinaryElements(Operation *op) {
  Value lhs = op->getOperand(0), rhs = op->getOperand(1);
  if (isa<AndOp, OrOp>(op))
    return success(succeeded(requireBool(op, "lhs", lhs)) && succeeded(requireBool(op, "rhs", rhs)));
  if (isa<BitwiseAndOp, BitwiseOrOp, BitwiseXorOp, BitShiftOp>(op))
    return checkBits(op);
  if (!isa<EqualOp>(op) && (failed(requireNumber(op, "lhs", lhs)) || failed(requireNumber(op, "rhs", rhs))))
    return failure();
  if (isQuantized(lhs) || isQuantized(rhs))
    return op->emitOpError("takes no quantised operands");
  return isa<PowOp>(op) ? success() : requireSameElement(op, op->getOperands());
}

LogicalResult ops::inferBinary(Operation *op, Results &results) {
  FailureOr<Shape> shape = broadcast(op, op->getOperands());
  if (failed(shape))
    return failure();
  if (isa<PReluOp>(op) && *shape != Shape(shapeOf(op->getOperand(0))))
    return op->emitOpError("has a slope of shape ")
           << shapeText(shapeOf(op->getOperand(1))) << ", which does not broadcast to the input's "
           << shapeText(shapeOf(op->getOperand(0)));
  if (isa<AddOp, SubOp, MulOp>(op) && (isQuantized(op->getOperand(0)) || isQuantized(op->getOperand(1))))
    return inferQuantizedBinary(op, *shape, results);
  if (failed(checkBinaryElements(op)))
    return failure();
  Type element = comparison(op) ? IntegerType::get(op->getContext(), 1) : elementOf(op->getOperand(0));
  return addResult(op, results, *shape, element);
}

LogicalResult ops::evaluateBinary(Operation *op, Operands operands, Tensors &results) {
  if (isQuantized(op->getOperand(0)))
    return evaluateQuantizedBinary(op, operands, results);
  if (std::optional<Compare> compare = comparison(op)) {
    results.push_back(reference::compare(*compare, *operands[0], *operands[1]));
    return success();
  }
  results.push_back(reference::binary(arithmetic(op), *operands[0], *operands[1]));
  return applyChain(op->getAttrOfType<ArrayAttr>("chain"), op, results.back());
}

//===----------------------------------------------------------------------===//
// Three and more operands
//===----------------------------------------------------------------------===//

LogicalResult ops::inferVariadic(Operation *op, Results &results) {
  if (op->getNumOperands() == 0)
    return op->emitOpError("has no operands");
  for (Value operand : op->getOperands())
    if (failed(requireNumber(op, "inputs", operand)))
      return failure();
  FailureOr<Shape> shape = broadcast(op, op->getOperands());
  if (failed(shape) || failed(requireSameElement(op, op->getOperands())))
    return failure();
  return addResult(op, results, *shape, elementOf(op->getOperand(0)));
}

LogicalResult ops::evaluateVariadic(Operation *op, Operands operands, Tensors &results) {
  reference::Tensor value = *operands[0];
  for (const reference::Tensor *operand : operands.drop_front())
    value = reference::binary(arithmetic(op), value, *operand);
  results.push_back(std::move(value));
  return success();
}

LogicalResult WhereOp::inferTypes(Results &results) {
  FailureOr<Shape> shape = broadcast(*this, getOperands());
  if (failed(shape) || failed(requireBool(*this, "condition", getCondition())) ||
      failed(requireSameElement(*this, {getLhs(), getRhs()})))
    return failure();
  return addResult(*this, results, *shape, elementOf(getLhs()));
}

LogicalResult WhereOp::evaluate(Operands operands, Tensors &results) {
  results.push_back(reference::where(*operands[0], *operands[1], *operands[2]));
  return success();
}

LogicalResult WhereOp::toChannelsLast() { return elementwiseToChannelsLast(*this); }

//===- Role.cpp - What an operation can do with integers ------------------===//
//
// These are the forms that stage fuse finds between quantize and dequantize; a
// quantize in front of anything else would only cost accuracy.
//
//===----------------------------------------------------------------------===//

#include "compiler/quantize/Role.h"
#include "compiler/support/Rewrite.h"
#include "compiler/support/Weighted.h"
#include "dialects/Chain.h"

using namespace mlir;
using namespace qcc;
using quantize::Form;
using quantize::Role;

static std::string spelled(Operation *op) { return "'" + op->getName().stripDialect().str() + "'"; }

static bool isSingle(Value constant) { return tensorType(constant).getNumElements() == 1; }

/// Functions of one tensor and constants.
static std::optional<Role> elementwise(Operation *op) {
  if (FailureOr<reference::PointwiseStep> step = stepOf(op); succeeded(step))
    return Role{step->function->exact ? Form::Step : Form::Function, {op->getOperand(0)}, {}};
  if (!isa<AddOp, SubOp, MulOp, DivOp, PowOp, MinOp, MaxOp, PReluOp>(op))
    return std::nullopt;
  Value variable;
  bool single = true;
  for (Value operand : op->getOperands()) {
    if (isConstant(operand)) {
      single &= isSingle(operand);
      continue;
    }
    if (variable || operand.getType() != op->getResult(0).getType())
      return std::nullopt;
    variable = operand;
  }
  if (!variable)
    return std::nullopt;
  Form form = !single ? Form::Elementwise : isa<AddOp, MulOp>(op) ? Form::Step : Form::Function;
  return Role{form, {variable}, {}};
}

/// A constant with one number, or one for each output channel.
static bool isChannelBias(const Weighted &weighted) {
  if (weighted.bias.empty())
    return true;
  Value bias = weighted.bias[0].get();
  RankedTensorType type = tensorType(bias);
  return isConstant(bias) && (type.getNumElements() == 1 || (type.getNumElements() == weighted.channels &&
                                                             type.getShape().back() == weighted.channels));
}

static bool isScaled(Operation *op) {
  auto gemm = dyn_cast<GemmOp>(op);
  return gemm && !(gemm.getAlpha().isExactlyValue(1) && (!gemm.getC() || gemm.getBeta().isExactlyValue(1)));
}

/// A matrix of its own for each index of the axes before it.
static bool isBatched(Value weights) {
  return llvm::any_of(tensorType(weights).getShape().drop_back(2), [](int64_t size) { return size != 1; });
}

static Role product(Operation *op) {
  std::optional<Weighted> weighted = describeWeighted(op);
  if (!weighted)
    return Role::floating("has a vector as operand, which no integer kernel takes");
  if (!isPlain(op))
    return Role::floating("has fused steps already");
  if (isScaled(op))
    return Role::floating("alpha or beta is not 1");
  Value input = weighted->input->get(), weights = weighted->weights->get();
  if (isConstant(input))
    return Role::floating("its left operand is a constant");
  if (!isChannelBias(*weighted))
    return Role::floating("its bias is no constant with one number for each output channel");
  if (isa<MatMulOp>(op) && isBatched(weights) && isConstant(weights))
    return Role::floating("has a matrix for each index of the axes before it, which no integer kernel takes");
  if (isConstant(weights))
    return {Form::Product, {input}, {}};
  return Role::floating(isa<MatMulOp>(op) ? "multiplies two tensors of the run, which no integer kernel does"
                                          : "its weights are no constant");
}

static Role move(Operation *op) {
  if (auto resize = dyn_cast<ResizeOp>(op)) {
    if (resize.getMode() != "nearest")
      return Role::floating("interpolates (mode '" + resize.getMode() +
                            "'); only 'nearest' has an integer form");
    if (resize.getCoordinateTransformationMode() == "tf_crop_and_resize")
      return Role::floating("crops and resizes, which has no integer form");
  }
  if (auto pad = dyn_cast<PadOp>(op);
      pad && pad.getMode() == "constant" && pad.getValue() && !pad.getValue()->isZero())
    return Role::floating("pads with " + llvm::Twine(std::to_string(pad.getValue()->convertToDouble())) +
                          "; only 0 has an integer form");
  return {Form::Move, {op->getOperand(0)}, {}};
}

static bool computesInF32(Operation *op) {
  return op->getNumResults() > 0 && llvm::all_of(op->getResults(), [](Value result) {
           return tensorType(result).getElementType().isF32();
         });
}

Role quantize::roleOf(Operation *op) {
  auto interface = dyn_cast<QccOpInterface>(op);
  if (!interface || interface.quantRule() == QuantRule::Boundary)
    return {};
  if (!computesInF32(op))
    return Role::floating(spelled(op) + " does not compute in f32, which alone is quantised");
  if (std::optional<Role> role = elementwise(op))
    return *role;
  switch (interface.quantRule()) {
  case QuantRule::Weighted:
  case QuantRule::Product:
    return product(op);
  case QuantRule::Binary:
    return {Form::Binary, SmallVector<Value>(op->getOperands()), {}};
  case QuantRule::Average:
    return {Form::Average, {op->getOperand(0)}, {}};
  case QuantRule::SameScale:
    return move(op);
  case QuantRule::Concat:
    return {Form::Join, SmallVector<Value>(op->getOperands()), {}};
  default:
    return Role::floating(spelled(op) + " has no integer form");
  }
}

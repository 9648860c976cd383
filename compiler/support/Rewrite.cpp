//===- Rewrite.cpp - What rewrites on tensors need ------------------------===//

#include "compiler/support/Rewrite.h"
#include "dialects/Constants.h"
#include "dialects/Evaluate.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace qcc;

bool qcc::isFloatTensor(Value value) { return isa<FloatType>(tensorType(value).getElementType()); }

SmallVector<int64_t> qcc::permToLast(int64_t rank) {
  SmallVector<int64_t> perm = {0};
  for (int64_t axis = 2; axis < rank; ++axis)
    perm.push_back(axis);
  perm.push_back(1);
  return perm;
}

SmallVector<int64_t> qcc::permToFirst(int64_t rank) {
  SmallVector<int64_t> perm = {0, rank - 1};
  for (int64_t axis = 1; axis < rank - 1; ++axis)
    perm.push_back(axis);
  return perm;
}

/// A quantised constant may still be one of its storage under a qcc.scast.
static ConstantOp constantOpOf(Value value) {
  if (!value)
    return {};
  if (auto cast = value.getDefiningOp<ScastOp>())
    value = cast.getInput();
  return value.getDefiningOp<ConstantOp>();
}

bool qcc::isConstant(Value value) { return static_cast<bool>(constantOpOf(value)); }

std::optional<reference::Tensor> qcc::constantOf(Value value) {
  ConstantOp constant = constantOpOf(value);
  if (!constant)
    return std::nullopt;
  return toTensor(constant.getValue());
}

std::optional<double> qcc::constantScalar(Value value) {
  if (!isConstant(value) || tensorType(value).getNumElements() != 1)
    return std::nullopt;
  std::optional<reference::Tensor> tensor = constantOf(value);
  return tensor ? std::make_optional(tensor->getDouble(0)) : std::nullopt;
}

Value qcc::createConstant(OpBuilder &builder, Location loc, const reference::Tensor &tensor,
                          RankedTensorType type) {
  return ConstantOp::create(builder, loc, type, toAttr(tensor, type));
}

reference::Tensor qcc::zeros(RankedTensorType type) {
  return reference::Tensor(dtypeOf(type.getElementType()), type.getShape().vec());
}

Value qcc::createScalar(OpBuilder &builder, Location loc, double value, Value like) {
  auto type = RankedTensorType::get({}, tensorType(like).getElementType());
  reference::Tensor tensor = zeros(type);
  tensor.setDouble(0, value);
  return createConstant(builder, loc, tensor, type);
}

FailureOr<SmallVector<reference::Tensor>> qcc::evaluate(Operation *op, ArrayRef<reference::Tensor> operands) {
  SmallVector<const reference::Tensor *> pointers;
  for (const reference::Tensor &operand : operands)
    pointers.push_back(&operand);
  SmallVector<reference::Tensor> results;
  if (failed(evaluateOp(op, pointers, results)))
    return failure();
  return results;
}

void qcc::inferResultTypes(Operation *op) {
  SmallVector<Type> types;
  if (failed(cast<QccOpInterface>(op).inferTypes(types)))
    return; // the verifier reports it
  for (auto [result, type] : llvm::zip_equal(op->getResults(), types))
    result.setType(type);
}

std::optional<std::vector<double>> qcc::perChannel(Value constant, RankedTensorType type, int64_t axis) {
  std::optional<reference::Tensor> tensor = constantOf(constant);
  if (!tensor || tensor->rank() > type.getRank())
    return std::nullopt;
  int64_t lead = type.getRank() - tensor->rank();
  for (auto [position, size] : llvm::enumerate(tensor->shape))
    if (size != 1 && (static_cast<int64_t>(position) + lead != axis || size != type.getDimSize(axis)))
      return std::nullopt;
  std::vector<double> values(tensor->size());
  for (auto [index, value] : llvm::enumerate(values))
    value = tensor->getDouble(index);
  return values;
}

Value qcc::createReshape(OpBuilder &builder, Location loc, Value input, ArrayRef<int64_t> shape) {
  return ReshapeOp::create(builder, loc, tensorType(input).clone(shape), input,
                           builder.getDenseI64ArrayAttr(shape), /*allowzero: a 0 is a size*/ 1);
}

Value qcc::createTranspose(OpBuilder &builder, Location loc, Value input, ArrayRef<int64_t> perm) {
  auto op = TransposeOp::create(builder, loc, input.getType(), input, builder.getDenseI64ArrayAttr(perm));
  SmallVector<int64_t> shape;
  for (int64_t axis : perm)
    shape.push_back(tensorType(input).getDimSize(axis));
  op.getResult().setType(tensorType(input).clone(shape));
  inferResultTypes(op);
  return op;
}

LogicalResult qcc::applyPatterns(func::FuncOp function, RewritePatternSet patterns) {
  GreedyRewriteConfig config;
  config.enableFolding(false);
  config.enableConstantCSE(false);
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
  config.setUseTopDownTraversal();
  config.setMaxIterations(GreedyRewriteConfig::kNoLimit);
  config.setMaxNumRewrites(int64_t(1) << 24);
  if (succeeded(applyPatternsGreedily(function, std::move(patterns), config)))
    return success();
  return function.emitError("rewrites did not come to an end; this is an error in qcc");
}

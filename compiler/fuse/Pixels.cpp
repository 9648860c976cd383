//===- Pixels.cpp - Normalised images are tables --------------------------===//
//
// What --io folds into the first layer: (x - mean) / std of 8-bit pixels is a
// function of one byte for each channel. Stage layout has come before, so that
// the channels lie where they stay.
//
//===----------------------------------------------------------------------===//

#include "compiler/fuse/Pixels.h"
#include "dialects/Constants.h"

namespace qcc::fuse {

using namespace mlir;

namespace {
/// Tables beyond this many rows would cost more than they save.
constexpr int64_t mostRows = 64;

/// Plain bytes, and the numbers that they become: tables of 256 along the axes of the constants.
struct Pixels {
  Value bytes;
  reference::Tensor numbers;
};

bool isByteTensor(Value value) {
  Type element = tensorType(value).getElementType();
  return element.isUnsignedInteger(8) || element.isSignlessInteger(8);
}

std::optional<Pixels> pixelsOf(Value value);

/// (x - c) and (x / c), where c has one number for each row of the table.
std::optional<Pixels> changed(Operation *op) {
  std::optional<Pixels> pixels = pixelsOf(op->getOperand(0));
  std::optional<reference::Tensor> constant = constantOf(op->getOperand(1));
  if (!pixels || !constant || constant->size() > mostRows ||
      tensorType(op->getOperand(0)).getShape() != tensorType(op->getResult(0)).getShape())
    return std::nullopt;
  if (constant->size() == 1)
    constant->shape.clear();
  else if (constant->rank() == tensorType(op->getResult(0)).getRank())
    constant->shape.push_back(1);
  else
    return std::nullopt;
  SmallVector<reference::Tensor> results;
  if (failed(cast<QccOpInterface>(op).evaluate({&pixels->numbers, &*constant}, results)))
    return std::nullopt;
  return Pixels{pixels->bytes, std::move(results.front())};
}

std::optional<Pixels> pixelsOf(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !tensorType(value).getElementType().isF32() || op->getAttr("chain"))
    return std::nullopt;
  if (isa<SubOp, DivOp>(op))
    return changed(op);
  auto cast = dyn_cast<CastOp>(op);
  if (!cast || !isByteTensor(cast.getInput()))
    return std::nullopt;
  reference::Tensor bytes(dtypeOf(tensorType(cast.getInput()).getElementType()), {256});
  reference::Tensor numbers(reference::DType::F32, {256});
  for (int byte = 0; byte < 256; ++byte) {
    bytes.bytes[byte] = static_cast<uint8_t>(byte);
    numbers.setDouble(byte, bytes.getDouble(byte));
  }
  return Pixels{cast.getInput(), std::move(numbers)};
}

} // namespace

LogicalResult fusePixels(func::FuncOp function) {
  // Backwards: the end of a chain takes the rest of it in.
  SmallVector<Operation *> ops(llvm::make_pointer_range(function.front()));
  for (Operation *op : llvm::reverse(ops)) {
    std::optional<Pixels> pixels = isa<SubOp, DivOp>(op) ? pixelsOf(op->getResult(0)) : std::nullopt;
    if (!pixels || op->use_empty())
      continue;
    OpBuilder builder(op);
    auto type = RankedTensorType::get(pixels->numbers.shape, builder.getF32Type());
    Value table = createConstant(builder, op->getLoc(), pixels->numbers, type);
    auto lookup = LookupOp::create(builder, op->getLoc(), op->getResult(0).getType(), pixels->bytes, table);
    op->getResult(0).replaceAllUsesWith(lookup.getResult());
    op->erase();
  }
  RewritePatternSet none(function.getContext()); // what nothing reads any more
  return applyPatterns(function, std::move(none));
}
} // namespace qcc::fuse

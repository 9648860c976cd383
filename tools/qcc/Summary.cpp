//===- Summary.cpp - What a compile did, in a few lines -------------------===//

#include "tools/qcc/Summary.h"

#include "compiler/quantize/Passes.h"
#include "compiler/support/FloatWeights.h"
#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::driver;

namespace {
bool isQuantised(Type type) { return isa<quant::QuantizedType>(getElementTypeOrSelf(type)); }

/// Moves bytes about or changes their representation: no arithmetic to count.
bool isFree(Operation *op) {
  return isa<ConstantOp, QuantizeOp, DequantizeOp, DynamicQuantizeOp, ScastOp, ReshapeOp, TransposeOp,
             IdentityOp, func::ReturnOp>(op);
}

/// The type of constant weights; null where there are none.
Type weightType(Operation *op) {
  if (isMeasured(op) && !describeWeighted(op)) // a recurrent layer
    return getElementTypeOrSelf(op->getOperand(1).getType());
  std::optional<Weighted> weighted = describeWeighted(op);
  return weighted ? getElementTypeOrSelf(weighted->weights->get().getType()) : Type();
}

bool readsByteWeights(Operation *op) {
  std::optional<Weighted> weighted = describeWeighted(op);
  return weighted && isQuantised(weighted->weights->get().getType());
}

bool isIntegerProduct(Operation *op) { return isa<ConvIntegerOp, MatMulIntegerOp>(op); }

/// Why a product has no packed weights and runs one result at a time; empty where it does not.
StringRef plainLoopsReason(Operation *op) {
  if (isIntegerProduct(op))
    return "no int8 kernel takes its zero points, weights or shapes; the result is the same, tens of times "
           "slower";
  if (isa<ConvOp, ConvTransposeOp>(op) && !isKnown(op->getOperand(1)))
    return "its filter is known only when the model runs, so that it cannot be packed";
  return "";
}

/// Of nodes with one reason so many are named.
constexpr size_t mostNames = 4;

void printReason(llvm::raw_ostream &os, StringRef what, StringRef reason, ArrayRef<std::string> nodes) {
  os << "  " << what << ": ";
  llvm::interleaveComma(nodes.take_front(mostNames), os, [&](StringRef node) { os << "'" << node << "'"; });
  if (nodes.size() > mostNames)
    os << " and " << nodes.size() - mostNames << " more";
  os << ": " << reason << "\n";
}
} // namespace

void Summary::count(ModuleOp module) {
  llvm::MapVector<StringRef, unsigned> kinds;
  module.walk([&](Operation *op) {
    if (!isa_and_nonnull<QccDialect>(op->getDialect()) || isFree(op) || op->getNumOperands() == 0)
      return;
    if (auto reason = op->getAttrOfType<StringAttr>(quantize::floatReasonAttr))
      floatReasons[reason.str()].push_back(quantize::nameOf(op->getLoc()));
    if (auto reason = op->getAttrOfType<StringAttr>(quantize::int8ReasonAttr))
      int8Reasons[reason.str()].push_back(quantize::nameOf(op->getLoc()));
    if (StringRef reason = plainLoopsReason(op); !reason.empty())
      plainReasons[reason.str()].push_back(quantize::nameOf(op->getLoc()));
    if (decidedPrecision(op) == "f32")
      float32Reasons["in 16 bits too little signal over noise would be left on the samples"].push_back(
          quantize::nameOf(op->getLoc()));
    int4Ops += isa_and_nonnull<quant::UniformQuantizedSubChannelType>(weightType(op));
    if (isQuantised(op->getOperand(0).getType()) || isMeasured(op) || isIntegerProduct(op)) {
      ++integerOps;
    } else {
      ++floatOps;
      decodedOps += readsByteWeights(op);
      if (Type half = halfWeightsOf(op))
        ++(half.isF16() ? fp16Weights : bf16Weights);
      bf16Attentions += isa<AttentionOp>(op) && getElementTypeOrSelf(op->getOperand(0).getType()).isBF16();
      bf16Ops += describeWeighted(op) && getElementTypeOrSelf(op->getOperand(0).getType()).isBF16();
      ++kinds[op->getName().stripDialect()];
    }
  });
  for (auto &[kind, number] : kinds)
    floatKinds.emplace_back(kind.str(), number);
}

void Summary::print(llvm::raw_ostream &os, StringRef output) const {
  os << output << ": " << integerOps << " operations in int8, " << floatOps << " in float";
  const char *separator = " (";
  for (auto &[kind, number] : floatKinds) {
    os << separator << kind;
    if (number > 1)
      os << " x" << number;
    separator = ", ";
  }
  os << (floatKinds.empty() ? "\n" : ")\n");
  if (decodedOps)
    os << "  " << decodedOps << " products of floats with weights of "
       << (int4Ops == 0            ? "int8"
           : int4Ops == decodedOps ? "int4"
                                   : "int8 and int4")
       << "\n";
  if (int4Ops > 0 && int4Ops != decodedOps)
    os << "  " << int4Ops << " of all with weights of int4\n";
  if (bf16Ops)
    os << "  " << bf16Ops << " products of bf16, added up in f32\n";
  if (bf16Attentions)
    os << "  " << bf16Attentions << " attentions of bf16, with softmax and sums in f32\n";
  for (auto [count, type] : {std::pair(fp16Weights, "fp16"), std::pair(bf16Weights, "bf16")})
    if (count)
      os << "  " << count << " with weights or tables of " << type << ", arithmetic in f32\n";
  for (const std::string &note : notes)
    os << "  " << note << "\n";
  for (auto &[reason, nodes] : floatReasons)
    printReason(os, "in float", reason, nodes);
  for (auto &[reason, nodes] : plainReasons)
    printReason(os, "on plain loops", reason, nodes);
  for (auto &[reason, nodes] : int8Reasons)
    printReason(os, "weights in int8", reason, nodes);
  for (auto &[reason, nodes] : float32Reasons)
    printReason(os, "in float32", reason, nodes);
  auto kib = [](int64_t bytes) { return llvm::format("%.1f KiB", double(bytes) / 1024); };
  if (codeBytes)
    os << "  weights " << kib(weightBytes) << ", code " << kib(codeBytes) << ", workspace "
       << kib(workspaceBytes) << "\n";
}

//===- Summary.h - What a compile did, in a few lines -----------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_SUMMARY_H
#define QCC_TOOLS_QCC_SUMMARY_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/raw_ostream.h"
#include <map>
#include <string>
#include <vector>

namespace qcc::driver {

struct Summary {
  unsigned integerOps = 0, floatOps = 0;
  // Of the float ones:
  unsigned bf16Ops = 0, bf16Attentions = 0;  ///< products and attentions of bf16
  unsigned fp16Weights = 0, bf16Weights = 0; ///< products, recurrent layers and tables of such
  unsigned decodedOps = 0;                   ///< products with weights of int8 or int4
  unsigned int4Ops = 0;                      ///< of all: products and recurrent layers with weights of int4
  /// ONNX operators that compute in float, and how often.
  std::vector<std::pair<std::string, unsigned>> floatKinds;
  /// Why operations beside integer ones stay in float: for each reason, which.
  std::map<std::string, std::vector<std::string>> floatReasons;
  /// Why products run one result at a time.
  std::map<std::string, std::vector<std::string>> plainReasons;
  /// Why weights are int8 where int4 was asked for.
  std::map<std::string, std::vector<std::string>> int8Reasons;
  /// Float layers that would be faster in 16 bits, by what these would cost.
  std::map<std::string, std::vector<std::string>> float32Reasons;
  std::vector<std::string> notes; ///< of quantisation: method, error, accuracy
  int64_t weightBytes = 0, workspaceBytes = 0;
  int64_t codeBytes = 0; ///< 0: no machine code was written

  /// Counts the operations of @main after stage fuse.
  void count(mlir::ModuleOp module);
  void print(llvm::raw_ostream &os, llvm::StringRef output) const;
};

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_SUMMARY_H

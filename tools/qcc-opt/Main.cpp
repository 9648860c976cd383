//===- Main.cpp - qcc-opt: runs passes on MLIR text, for tests ------------===//

#include "dialects/Qcc.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

using namespace mlir;

int main(int argc, char **argv) {
  DialectRegistry dialects;
  dialects.insert<func::FuncDialect, quant::QuantDialect, qcc::QccDialect>();
  return asMainReturnCode(MlirOptMain(argc, argv, "Runs qcc's passes on MLIR text\n", dialects));
}

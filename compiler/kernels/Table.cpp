//===- Table.cpp - Constants inside a kernel's module -----------------------===//
#include "compiler/kernels/Table.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace qcc::kernels {

static Value makeTable(const Code &code, Type element, DenseElementsAttr values) {
  OpBuilder &builder = code.builder;
  auto function = builder.getInsertionBlock()->getParentOp();
  if (!isa<func::FuncOp>(function))
    function = function->getParentOfType<func::FuncOp>();
  auto module = function->getParentOfType<ModuleOp>();
  std::string name;
  for (unsigned i = 0; name.empty() || module.lookupSymbol(name); ++i)
    name = (cast<func::FuncOp>(function).getName() + "_table" + Twine(i)).str();
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    auto type = LLVM::LLVMArrayType::get(element, static_cast<unsigned>(values.size()));
    LLVM::GlobalOp::create(builder, code.loc, type, /*isConstant=*/true, LLVM::Linkage::Private, name, values,
                           /*alignment=*/64);
  }
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  return LLVM::AddressOfOp::create(builder, code.loc, pointer, name);
}

Value constantTable(const Code &code, ArrayRef<float> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, code.builder.getF32Type());
  return makeTable(code, code.builder.getF32Type(), DenseElementsAttr::get(type, values));
}

Value constantTable(const Code &code, ArrayRef<double> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, code.builder.getF64Type());
  return makeTable(code, code.builder.getF64Type(), DenseElementsAttr::get(type, values));
}

Value constantTable(const Code &code, ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, code.builder.getI64Type());
  return makeTable(code, code.builder.getI64Type(), DenseElementsAttr::get(type, values));
}

} // namespace qcc::kernels

//===- Steps.cpp - The code of one variant --------------------------------===//
//
// A step computes where its pointers are (the frame gives the caller's buffers
// and the workspace) and which units are this thread's, then calls its kernel.
//
//===----------------------------------------------------------------------===//

#include "compiler/emit/Steps.h"

#include "compiler/emit/Shards.h"
#include "compiler/kernels/Kernel.h"
#include "compiler/kernels/RowUnits.h"
#include "compiler/target/CodeBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::emit;

static int64_t unitsOf(DictionaryAttr spec) { return spec.getAs<IntegerAttr>("units").getInt(); }

namespace {
class StepEmitter {
public:
  StepEmitter(const Program &program, ModuleOp module)
      : program(program), module(module), builder(OpBuilder::atBlockEnd(module.getBody())),
        pointer(LLVM::LLVMPointerType::get(module.getContext())) {}

  void declareBlob() {
    auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), program.blob.size());
    LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::External,
                           blobSymbol, Attribute(), /*alignment=*/64);
  }

  void emit(size_t index, func::FuncOp kernel, DictionaryAttr spec, bool allRows) {
    InvokeOp step = program.steps[index];
    loc = step.getLoc();
    Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
    auto type = FunctionType::get(builder.getContext(), {pointer, i32, i32}, {});
    auto function = func::FuncOp::create(builder, loc, stepName(index), type);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(function.addEntryBlock());
    frame = function.getArgument(0);
    skipUnless(step);
    SmallVector<Value> arguments;
    for (Value value : step.getPointers())
      arguments.push_back(address(value));
    Value thread = arith::ExtUIOp::create(builder, loc, i64, function.getArgument(1));
    Value threads = arith::ExtUIOp::create(builder, loc, i64, function.getArgument(2));
    auto rows = allRows ? DenseI64ArrayAttr() : step->getAttrOfType<DenseI64ArrayAttr>(kernels::rowsAttr);
    Value count = rows ? countRows(rows) : Value(), needed = rows ? unitsForRows(rows, count) : Value(),
          limit;
    if (auto pixels = spec.getAs<IntegerAttr>(kernels::limitKey))
      limit = multiply(count, integer(pixels.getInt()));
    Value total = rows ? multiply(integer(rows[6]), needed) : integer(unitsOf(spec)),
          next = arith::AddIOp::create(builder, loc, thread, integer(1));
    auto share = [&](Value t) -> Value {
      return arith::DivUIOp::create(builder, loc, arith::MulIOp::create(builder, loc, total, t), threads);
    };
    if (rows) {
      callForRows(kernel, arguments, share(thread), share(next), needed, rows[7], limit);
    } else {
      arguments.push_back(share(thread));
      arguments.push_back(share(next));
      if (kernels::worksTogether(spec))
        arguments.append({loadPointer(frame, 3), loadPointer(frame, 4), function.getArgument(1)});
      func::CallOp::create(builder, loc, kernel, arguments);
    }
    builder.setInsertionPointToEnd(&function.front());
    func::ReturnOp::create(builder, loc);
  }

private:
  /// What follows is run where the guards allow it. All threads agree: a barrier lies behind what wrote them.
  void skipUnless(InvokeOp step) {
    if (step.getGuards().empty())
      return;
    Value all;
    for (auto [guard, taken] : llvm::zip_equal(step.getGuards(), *step.getTaken())) {
      Value byte = LLVM::LoadOp::create(builder, loc, builder.getI8Type(), address(guard));
      Value zero = arith::ConstantOp::create(builder, loc, builder.getI8IntegerAttr(0));
      auto order = taken ? arith::CmpIPredicate::ne : arith::CmpIPredicate::eq;
      Value holds = arith::CmpIOp::create(builder, loc, order, byte, zero);
      all = all ? Value(arith::AndIOp::create(builder, loc, all, holds)) : holds;
    }
    auto branch = scf::IfOp::create(builder, loc, all);
    builder.setInsertionPointToStart(branch.thenBlock());
  }

  Value integer(int64_t value) {
    return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(value));
  }
  Value multiply(Value a, Value b) { return arith::MulIOp::create(builder, loc, a, b); }
  Value least(Value a, Value b) { return arith::MinSIOp::create(builder, loc, a, b); }
  Value most(Value a, Value b) { return arith::MaxSIOp::create(builder, loc, a, b); }

  /// How many rows a run needs: at most all, whatever the shape says.
  Value countRows(DenseI64ArrayAttr rows) {
    func::FuncOp main = program.main;
    Value shape = address(main.getArgument(rows[0]));
    Value length = LLVM::LoadOp::create(builder, loc, builder.getI64Type(), offset(shape, rows[1] * 8),
                                        /*alignment=*/1);
    Value count = arith::AddIOp::create(builder, loc, multiply(length, integer(rows[2])), integer(rows[3]));
    count = most(count, integer(0));
    if (rows[4] != 1)
      count = arith::DivUIOp::create(builder, loc, count, integer(rows[4]));
    return least(count, integer(rows[5]));
  }

  /// How many units of each group that takes: at least one.
  Value unitsForRows(DenseI64ArrayAttr rows, Value count) {
    Value units =
        arith::CeilDivUIOp::create(builder, loc, multiply(count, integer(rows[7])), integer(rows[5]));
    return most(units, integer(1));
  }

  /// Units [begin, end) of those that are needed, `needed` of each group.
  void callForRows(func::FuncOp kernel, ArrayRef<Value> pointers, Value begin, Value end, Value needed,
                   int64_t perGroup, Value limit) {
    auto call = [&](Value from, Value to) {
      SmallVector<Value> arguments(pointers);
      arguments.append({from, to});
      if (limit)
        arguments.push_back(limit);
      func::CallOp::create(builder, loc, kernel, arguments);
    };
    auto isAll = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, needed, integer(perGroup));
    auto branch = scf::IfOp::create(builder, loc, isAll, /*withElse=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(branch.thenBlock());
    call(begin, end);
    builder.setInsertionPointToStart(branch.elseBlock());
    Value first = arith::DivUIOp::create(builder, loc, begin, needed),
          last = arith::CeilDivUIOp::create(builder, loc, end, needed);
    auto loop = scf::ForOp::create(builder, loc, first, last, integer(1));
    builder.setInsertionPointToStart(loop.getBody());
    Value group = loop.getInductionVar(), start = multiply(group, needed),
          whole = multiply(group, integer(perGroup));
    auto within = [&](Value unit) -> Value {
      Value inGroup = least(most(arith::SubIOp::create(builder, loc, unit, start), integer(0)), needed);
      return arith::AddIOp::create(builder, loc, whole, inGroup);
    };
    call(within(begin), within(end));
  }

  /// A pointer read from an array of pointers.
  Value loadPointer(Value array, int64_t index) {
    Value at =
        LLVM::GEPOp::create(builder, loc, pointer, pointer, array, ArrayRef<LLVM::GEPArg>{int32_t(index)});
    return LLVM::LoadOp::create(builder, loc, pointer, at);
  }

  Value offset(Value base, int64_t bytes) {
    return LLVM::GEPOp::create(builder, loc, pointer, builder.getI8Type(), base, ValueRange{integer(bytes)});
  }

  /// qcc_frame is {in, out, work, barrier, team}.
  Value address(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      // Behind all inputs of the caller there are their shapes, and of outputs likewise.
      auto place = [](size_t index, size_t ports, ArrayRef<int64_t> shapes) {
        return index < ports ? index : ports + shapes[index - ports];
      };
      size_t index = argument.getArgNumber(), arguments = program.argumentCount();
      return index < arguments
                 ? loadPointer(loadPointer(frame, 0),
                               place(index, program.inputs.size(), program.shapeInputs))
                 : loadPointer(loadPointer(frame, 1),
                               place(index - arguments, program.outputs.size(), program.shapeOutputs));
    }
    if (auto buffer = value.getDefiningOp<BufferOp>())
      return offset(loadPointer(frame, 2), *buffer.getOffset());
    auto weights = value.getDefiningOp<WeightsOp>();
    return offset(LLVM::AddressOfOp::create(builder, loc, pointer, blobSymbol), weights.getOffset());
  }

  const Program &program;
  ModuleOp module;
  OpBuilder builder;
  Type pointer;
  Location loc = builder.getUnknownLoc();
  Value frame;
};
} // namespace

std::string emit::stepName(size_t index) { return "step_" + std::to_string(index); }

std::string emit::callName(size_t index) { return "call_" + std::to_string(index); }

/// Kernels, by their names, as private functions of `module`.
static FailureOr<llvm::StringMap<func::FuncOp>> emitKernels(ModuleOp module, ArrayRef<KernelOp> kernels,
                                                            const target::Variant &variant) {
  auto internal = LLVM::LinkageAttr::get(module.getContext(), LLVM::Linkage::Internal);
  llvm::StringMap<func::FuncOp> functions;
  bool ok = true;
  for (KernelOp kernel : kernels) {
    auto function =
        kernels::emitKernel(module, kernel.getLoc(), kernel.getSymName(), kernel.getSpec(), variant);
    ok &= succeeded(function);
    if (failed(function))
      continue;
    (*function)->setAttr("llvm.linkage", internal);
    functions[kernel.getSymName()] = *function;
  }
  if (!ok)
    return failure();
  for (auto function : module.getOps<func::FuncOp>())
    if (isShared(function))
      function->removeAttr("llvm.linkage");
  return functions;
}

FailureOr<OwningOpRef<ModuleOp>> emit::emitSteps(const Program &program, const target::Variant &variant) {
  ModuleOp source = program.module;
  OwningOpRef<ModuleOp> module = ModuleOp::create(source.getLoc());
  auto kernels = emitKernels(*module, llvm::to_vector(source.getOps<KernelOp>()), variant);
  if (failed(kernels))
    return failure();
  StepEmitter emitter(program, *module);
  emitter.declareBlob();
  SymbolTable symbols(source);
  for (size_t i = 0; i < program.steps.size(); ++i) {
    StringRef kernel = InvokeOp(program.steps[i]).getKernel();
    // Threads and blocks of a GPU are no units of rows.
    emitter.emit(i, kernels->lookup(kernel), symbols.lookup<KernelOp>(kernel).getSpec(), variant.isGpu);
  }
  return module;
}

FailureOr<OwningOpRef<ModuleOp>> emit::emitCalls(ModuleOp source, ArrayRef<KernelOp> kernels,
                                                 const target::Variant &variant) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(source.getLoc());
  auto functions = emitKernels(*module, kernels, variant);
  if (failed(functions))
    return failure();
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  for (auto [index, op] : llvm::enumerate(kernels)) {
    KernelOp kernel = op;
    OpBuilder::InsertionGuard guard(builder);
    auto function = func::FuncOp::create(builder, kernel.getLoc(), callName(index),
                                         builder.getFunctionType({pointer}, {}));
    builder.setInsertionPointToStart(function.addEntryBlock());
    target::CodeBuilder code(builder, kernel.getLoc());
    func::FuncOp callee = functions->lookup(kernel.getSymName());
    SmallVector<Value> arguments;
    for (unsigned i = 0; i < kernel.getSpec().getAs<ArrayAttr>("views").size(); ++i)
      arguments.push_back(code.load(pointer, function.getArgument(0), i * sizeof(void *), sizeof(void *)));
    arguments.append({code.i64(0), code.i64(unitsOf(kernel.getSpec()))});
    if (kernels::worksTogether(kernel.getSpec()))
      arguments.append(
          {code.null(), code.null(), arith::ConstantIntOp::create(builder, kernel.getLoc(), 0, 32)});
    if (kernel.getSpec().contains(kernels::limitKey))
      arguments.push_back(code.i64(INT64_MAX));
    code.call(callee, arguments);
    func::ReturnOp::create(builder, kernel.getLoc());
  }
  return module;
}

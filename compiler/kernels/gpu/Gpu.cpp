//===- Gpu.cpp - Kernels as blocks of threads -------------------------------===//
#include "compiler/kernels/gpu/Gpu.h"
#include "compiler/kernels/Fold.h"
#include "compiler/target/CodeBuilder.h"
#include "compiler/target/Target.h"
#include "llvm/ADT/TypeSwitch.h"
#include <functional>

using namespace mlir;
using namespace qcc::kernels;
using qcc::target::CodeBuilder;
using qcc::target::Variant;
namespace target = qcc::target;

namespace {
/// The code of one block or thread, and how many there are.
struct Body {
  /// May change the other fields.
  std::function<LogicalResult(OpBuilder &, func::FuncOp, Body &)> emit;
  gpu::Launch launch;
  bool isBlock = false; ///< `begin` is the number of a block
  int64_t units = 0;    ///< not 0: a thread has a range of so many, as on a CPU
  int64_t lanes = 1;    ///< threads that have one number together

  int64_t numbers() const { return launch.blocks * (isBlock ? 1 : launch.threads / lanes); }
};

template <typename Spec>
LogicalResult checkSpec(Location loc, StringRef kind, DictionaryAttr attr, const Spec &spec) {
  std::string reason = unsupportedReason(spec);
  size_t known = 4 + 2 * spec.epilogue.rows + spec.epilogue.scalesImages() + spec.epilogue.hasResidual() +
                 spec.epilogue.table;
  if (attr.getAs<ArrayAttr>("views").size() != known)
    reason = "it has operands that kernels of GPUs do not know yet";
  return reason.empty() ? success() : emitError(loc, "kernel '") << kind << "': " << reason;
}

Body gemmBody(DictionaryAttr attr, const Variant &variant) {
  GemmSpec spec = GemmSpec::fromAttr(attr);
  bool isBlock = gpu::isBlockGemm(spec, variant);
  auto emit = [spec, isBlock, attr, &variant](OpBuilder &builder, func::FuncOp function,
                                              Body &) -> LogicalResult {
    if (failed(checkSpec(function.getLoc(), "gemm", attr, spec)))
      return failure();
    (isBlock ? gpu::emitBlockGemm : gpu::emitDirectGemm)(builder, function, spec, variant);
    return success();
  };
  int64_t elements = spec.batch * spec.outH * spec.outW * spec.outChannels();
  // All generations have one launch.
  return {emit, gpu::fitsBlocks(spec) ? gpu::blockGemmLaunch(spec) : gpu::directLaunch(elements), isBlock};
}

Body depthwiseBody(DictionaryAttr attr, const Variant &variant) {
  DepthwiseSpec spec = DepthwiseSpec::fromAttr(attr);
  auto emit = [spec, attr, &variant](OpBuilder &builder, func::FuncOp function, Body &) -> LogicalResult {
    if (failed(checkSpec(function.getLoc(), "depthwise", attr, spec)))
      return failure();
    gpu::emitDirectDepthwise(builder, function, spec, variant);
    return success();
  };
  return {emit, gpu::directLaunch(spec.batch * spec.outH * spec.outW * spec.channels)};
}

Body blockBody(DictionaryAttr attr, const Variant &variant, Emitter emitter, gpu::Launch launch) {
  auto emit = [=, &variant](OpBuilder &builder, func::FuncOp function, Body &) {
    return emitter(builder, function, attr, variant);
  };
  return {emit, launch, /*isBlock=*/true};
}

/// Whether a range is used otherwise than as the number of a thread and how many there are.
bool splitsUnits(func::FuncOp function) {
  unsigned count = function.getNumArguments();
  for (Value range : {function.getArgument(count - 2), function.getArgument(count - 1)})
    for (Operation *user : range.getUsers())
      if (!user->hasAttr(gpu::threadedAttr))
        return true;
  return false;
}

LogicalResult checkInstructions(func::FuncOp function, StringRef kind) {
  WalkResult walked = function->walk([&](LLVM::CallIntrinsicOp call) {
    StringRef name = call.getIntrin();
    return name.starts_with("llvm.x86") || name.starts_with("llvm.aarch64") ? WalkResult::interrupt()
                                                                            : WalkResult::advance();
  });
  if (!walked.wasInterrupted())
    return success();
  return emitError(function.getLoc(), "kernel '")
         << kind << "' has no form for GPUs yet: it is written in a CPU's instructions";
}

/// Of all nests that threads walk together.
int64_t pointsOf(func::FuncOp function) {
  int64_t most = 1;
  function.walk([&](scf::ForOp loop) {
    if (auto bound = loop.getUpperBound().getDefiningOp<arith::ConstantOp>();
        bound && loop->hasAttr(gpu::threadedAttr))
      most = std::max(most, cast<IntegerAttr>(bound.getValue()).getInt());
  });
  return most;
}

/// The emitter as it is: one point a thread, or a warp where rows are long, or one unit where the kernel
/// splits them by itself.
Body generalBody(DictionaryAttr attr, const Variant &variant, Emitter emitter) {
  StringRef kind = attr.getAs<StringAttr>("kind").getValue();
  auto emit = [=, &variant](OpBuilder &builder, func::FuncOp function, Body &form) -> LogicalResult {
    Variant byWarps = variant;
    byWarps.byWarps = true;
    if (failed(emitter(builder, function, attr, byWarps)))
      return failure();
    form.lanes = function->hasAttr(warpsAttr) ? Code::warpLanes : 1;
    form.launch = gpu::directLaunch(pointsOf(function) * form.lanes);
    if (splitsUnits(function)) {
      Block &block = function.getBody().front();
      block.clear();
      builder.setInsertionPointToEnd(&block);
      Variant byUnits = variant;
      byUnits.byUnits = true;
      if (failed(emitter(builder, function, attr, byUnits)))
        return failure();
      form.lanes = 1;
      form.units = std::max<int64_t>(kernelUnits(attr), 1);
      form.launch = gpu::directLaunch(form.units);
    }
    return checkInstructions(function, kind);
  };
  return {emit, {}};
}

Body bodyOf(DictionaryAttr attr, const Variant &variant, Emitter emitter) {
  StringRef kind = attr.getAs<StringAttr>("kind").getValue();
  return kind == "gemm"        ? gemmBody(attr, variant)
         : kind == "depthwise" ? depthwiseBody(attr, variant)
         : kind == "attention" ? blockBody(attr, variant, gpu::emitAttention, gpu::attentionLaunch(attr))
         : kind == "recurrent" ? blockBody(attr, variant, gpu::emitRecurrent, gpu::recurrentLaunch(attr))
                               : generalBody(attr, variant, emitter);
}

/// What the body gets of `index` in `count`.
void appendRange(CodeBuilder &code, target::Values &arguments, Value index, int64_t count, const Body &form) {
  auto share = [&](Value i) -> Value { return code.div(code.mul(i, form.units), count); };
  if (form.units)
    arguments.append({share(index), share(code.add(index, code.i64(1)))});
  else
    arguments.append({index, code.i64(count)});
}

/// On a GPU: the arguments are pointers; the hardware says which thread this is.
void callHere(CodeBuilder &code, func::FuncOp function, func::FuncOp body, const Body &form) {
  auto wide = [&](StringRef name) -> Value {
    return arith::ExtUIOp::create(code.b, code.loc, code.b.getI64Type(),
                                  code.intrinsic(name, code.i32(), {}));
  };
  Value index = wide("llvm.nvvm.read.ptx.sreg.ctaid.x");
  if (!form.isBlock)
    index = code.add(code.mul(index, form.launch.threads / form.lanes),
                     code.div(wide("llvm.nvvm.read.ptx.sreg.tid.x"), form.lanes));
  target::Values arguments(function.getArguments());
  appendRange(code, arguments, index, form.numbers(), form);
  code.call(body, arguments);
}

/// On a CPU: a share of all threads (or blocks), one after the other.
void callAll(CodeBuilder &code, func::FuncOp function, func::FuncOp body, const Body &form, int64_t units) {
  auto arguments = function.getArguments();
  int64_t count = form.numbers();
  auto share = [&](Value unit) -> Value {
    return arith::DivUIOp::create(code.b, code.loc, code.mul(unit, count), code.i64(units));
  };
  unsigned pointers = function.getNumArguments() - 2;
  code.forLoop(share(arguments[pointers]), share(arguments[pointers + 1]), [&](Value index) {
    target::Values inner(arguments.take_front(pointers));
    appendRange(code, inner, index, count, form);
    code.call(body, inner);
  });
}
} // namespace

void gpu::eachPoint(const Code &code, int64_t points, Value thread, Value threads,
                    llvm::function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(code.builder, code.loc, thread, code.index(points), threads);
  loop->setAttr(threadedAttr, code.builder.getUnitAttr());
  OpBuilder::InsertionGuard guard(code.builder);
  code.builder.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

gpu::Launch gpu::launchOf(Operation *function) {
  auto values = function->getAttrOfType<DenseI64ArrayAttr>(launchAttr).asArrayRef();
  return {values[0], values[1]};
}

FailureOr<func::FuncOp> gpu::emitKernel(ModuleOp module, Location loc, StringRef name, DictionaryAttr spec,
                                        const Variant &variant, Emitter emitter) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  CodeBuilder code(builder, loc);
  size_t pointers = spec.getAs<ArrayAttr>("views").size();
  auto makeFunction = [&](const Twine &symbol, bool hasRange) {
    SmallVector<Type> inputs(pointers, code.pointerType());
    inputs.append(hasRange ? 2 : 0, builder.getI64Type());
    builder.setInsertionPointToEnd(module.getBody());
    auto function = func::FuncOp::create(builder, loc, symbol.str(), builder.getFunctionType(inputs, {}));
    function.setPrivate();
    builder.setInsertionPointToEnd(function.addEntryBlock());
    return function;
  };
  auto addReturn = [&](func::FuncOp function) {
    builder.setInsertionPointToEnd(&function.getBody().back());
    func::ReturnOp::create(builder, loc);
  };
  Body form = bodyOf(spec, variant, emitter);
  func::FuncOp body = makeFunction(name + "_body", /*hasRange=*/true);
  body->setAttr("llvm.linkage", LLVM::LinkageAttr::get(builder.getContext(), LLVM::Linkage::Internal));
  if (failed(form.emit(builder, body, form)))
    return body.erase(), failure();
  addReturn(body);
  func::FuncOp function = makeFunction(name, variant.isEmulated());
  if (variant.isEmulated())
    callAll(code, function, body, form, std::max<int64_t>(kernelUnits(spec), 1));
  else
    callHere(code, function, body, form);
  addReturn(function);
  if (!variant.isEmulated()) {
    std::string threads = std::to_string(form.launch.threads);
    function->setAttr("passthrough",
                      builder.getArrayAttr({builder.getStrArrayAttr({"nvvm.reqntid", threads})}));
    body->setAttr("passthrough", builder.getStrArrayAttr({"alwaysinline"}));
  }
  function->setAttr(launchAttr, builder.getDenseI64ArrayAttr({form.launch.blocks, form.launch.threads}));
  return function;
}

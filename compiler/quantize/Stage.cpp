//===- Stage.cpp - The order of stage quantize's passes -------------------===//

#include "compiler/quantize/Passes.h"

using namespace mlir;
using namespace qcc;

bool quantize::isQuantized(ModuleOp module) {
  WalkResult result = module.walk([](Operation *op) {
    bool own = isa<QuantizeOp, DequantizeOp, QuantizeLinearOp, DequantizeLinearOp, DynamicQuantizeLinearOp,
                   DynamicQuantizeOp, DynamicMatMulOp>(op);
    return own ? WalkResult::interrupt() : WalkResult::advance();
  });
  return result.wasInterrupted();
}

LogicalResult quantize::refuseQuantized(func::FuncOp function) {
  if (!isQuantized(function->getParentOfType<ModuleOp>()))
    return success();
  return function.emitError("the model has quantisation of its own; --quantize=auto keeps it as it is");
}

std::string quantize::nameOf(Location loc) {
  if (auto name = loc->findInstanceOf<NameLoc>())
    return name.getName().str();
  std::string text;
  llvm::raw_string_ostream(text) << loc;
  return text;
}

namespace {
/// Hands the module to what runs the model: calibration, which fills in what it measures.
struct Measure : PassWrapper<Measure, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Measure)
  Measure(StringRef name, std::function<LogicalResult(ModuleOp)> measure)
      : name(name), measure(std::move(measure)) {}

  StringRef getArgument() const override { return name; }
  void runOnOperation() override {
    if (failed(measure(getOperation())))
      signalPassFailure();
  }

  StringRef name;
  std::function<LogicalResult(ModuleOp)> measure;
};
} // namespace

void quantize::addQuantize(OpPassManager &pm, const QuantizeOptions &options) {
  if (options.mode == Mode::Static) {
    PlanQuantizationOptions plan;
    plan.keepFloat.assign(options.keepFloat.begin(), options.keepFloat.end());
    plan.precise.assign(options.precise.begin(), options.precise.end());
    for (const OuterType &tensor : options.outer.tensors)
      plan.outer.push_back(tensor.name);
    plan.outputsOnly = options.outer.normalise();
    plan.rows = options.rows;
    plan.byRow.assign(options.byRow.begin(), options.byRow.end());
    plan.int4 = options.int4;
    pm.addNestedPass<func::FuncOp>(createPlanQuantization(std::move(plan)));
    if (options.calibrate)
      pm.addPass(std::make_unique<Measure>("qcc-calibrate", options.calibrate));
    pm.addNestedPass<func::FuncOp>(createShareScales());
    pm.addNestedPass<func::FuncOp>(createApplyQuantization());
    pm.addNestedPass<func::FuncOp>(createQuantizeDynamic({/*keepFloat=*/{}, /*planned=*/true}));
  } else if (options.mode == Mode::Dynamic) {
    QuantizeDynamicOptions dynamic;
    dynamic.keepFloat.assign(options.keepFloat.begin(), options.keepFloat.end());
    dynamic.int4 = options.int4;
    pm.addNestedPass<func::FuncOp>(createQuantizeDynamic(std::move(dynamic)));
  } else if (options.mode == Mode::Weights) {
    QuantizeWeightsOptions weights;
    weights.keepFloat.assign(options.keepFloat.begin(), options.keepFloat.end());
    weights.int4 = options.int4;
    pm.addNestedPass<func::FuncOp>(createQuantizeWeights(std::move(weights)));
  }
  if (options.choosePrecision)
    pm.addPass(std::make_unique<Measure>("qcc-choose-precision", options.choosePrecision));
  pm.addNestedPass<func::FuncOp>(createVerifyQuantized());
}

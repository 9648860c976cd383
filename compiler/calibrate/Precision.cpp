//===- Precision.cpp - Which float layers take 16 bits --------------------===//

#include "compiler/calibrate/Precision.h"

#include "compiler/calibrate/Noise.h"
#include "compiler/support/FloatWeights.h"
#include "compiler/support/KnownExtents.h"
#include "compiler/support/Rewrite.h"
#include "compiler/target/Rates.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::calibrate;
using reference::DType;
using reference::Tensor;

namespace {
/// Of a layer's result. Rounding both operands leaves 50 to 60 dB in layers of trained networks, less only
/// where large numbers cancel. Fifty layers with no more than this leave 28 dB.
constexpr double leastDecibels = 45;
/// Errors of layers settle with few.
constexpr int64_t samplesForPrecision = 8;
/// A layer that multiplies each number of its input less often gains no more than the conversion costs.
constexpr int64_t fewestProducts = 32;
/// The least that is worth other numbers, and the most that another processor may lose.
constexpr double worthwhile = 1.2, bearable = 0.9;

/// How often a product multiplies each number of its input, on the average.
int64_t productsOfEach(const Weighted &product, Operation *op) {
  RankedTensorType weights = tensorType(product.weights->get());
  if (isa<ConvTransposeOp>(op))
    return weights.getNumElements() / weights.getDimSize(0);
  int64_t depth = weights.getNumElements() / product.channels,
          inputs = tensorType(product.input->get()).getNumElements();
  return inputs ? tensorType(op->getResult(0)).getNumElements() * depth / inputs : 0;
}

bool gainsByBf16(Operation *op, ArrayRef<const target::Variant *> variants) {
  std::optional<Weighted> product = floatProductOf(op);
  if (!product || productsOfEach(*product, op) < fewestProducts)
    return false;
  auto rates = llvm::map_range(variants, [](const target::Variant *v) { return target::bf16Rate(*v); });
  return *llvm::max_element(rates) >= worthwhile && *llvm::min_element(rates) >= bearable;
}

/// A copy of a module in which each layer has a twin that rounds.
class Twins {
public:
  Twins(ModuleOp module, ArrayRef<HalfLayer> layers)
      : module(cast<ModuleOp>(module->clone())), extents(main()) {
    func::FuncOp function = main();
    llvm::DenseMap<Operation *, Operation *> copies;
    for (auto [original, copy] :
         llvm::zip_equal(module.lookupSymbol<func::FuncOp>("main").front(), function.front()))
      copies[&original] = &copy;
    for (auto [i, layer] : llvm::enumerate(layers))
      add(copies.at(layer.op), layer.type, static_cast<int64_t>(i));
    returnTwins();
  }

  /// Of each layer's result, with its twin for the noise.
  FailureOr<std::vector<Noise>> compare(Samples &samples, const ExecutorFactory &factory);

private:
  func::FuncOp main() { return module->lookupSymbol<func::FuncOp>("main"); }
  void add(Operation *op, DType type, int64_t layer);
  void returnTwins();
  LogicalResult compare(Run &run, std::vector<Noise> &noise);

  OwningOpRef<ModuleOp> module;
  KnownExtents extents;
  SmallVector<Value> twins;
};

ObserveOp observe(OpBuilder &builder, Value value, int64_t id) {
  return ObserveOp::create(builder, value.getLoc(), value.getType(), value, builder.getI64IntegerAttr(id),
                           nullptr, nullptr, nullptr);
}

Value throughBf16(OpBuilder &builder, Value value) {
  RankedTensorType type = tensorType(value);
  constexpr int64_t toF32 = 1, toBf16 = 16; // TensorProto.FLOAT, BFLOAT16
  Value rounded =
      CastOp::create(builder, value.getLoc(), type.clone(builder.getBF16Type()), value, toBf16).getResult();
  return CastOp::create(builder, value.getLoc(), type, rounded, toF32).getResult();
}

void roundConstant(OpBuilder &builder, OpOperand &operand, DType type) {
  Tensor exact = *constantOf(operand.get()), half(type, exact.shape), rounded(DType::F32, exact.shape);
  for (int64_t i = 0, e = exact.size(); i < e; ++i) {
    half.setDouble(i, exact.getDouble(i));
    rounded.setDouble(i, half.getDouble(i));
  }
  operand.set(createConstant(builder, operand.get().getLoc(), rounded, tensorType(operand.get())));
}
} // namespace

/// The marks of a layer and of its twin have the numbers 2 * layer and the next one.
void Twins::add(Operation *op, DType type, int64_t layer) {
  OpResult result = *llvm::find_if(op->getResults(), [](Value value) { return !value.use_empty(); });
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  Operation *twin = op->clone();
  ObserveOp exact = observe(builder, result, 2 * layer);
  setObservedExtents(exact, extents);
  result.replaceAllUsesExcept(exact, exact);
  if (std::optional<Weighted> product = type == DType::BF16 ? floatProductOf(twin) : std::nullopt)
    product->input->set(throughBf16(builder, product->input->get()));
  for (const FloatWeights &weights : floatWeightsOf(twin))
    roundConstant(builder, *weights.operand, type);
  builder.insert(twin);
  ObserveOp rounded = observe(builder, twin->getResult(result.getResultNumber()), 2 * layer + 1);
  rounded->setDiscardableAttrs(exact->getDiscardableAttrDictionary());
  twins.push_back(rounded);
}

/// Results of the function stay, behind its own and in front of the shapes that it returns.
void Twins::returnTwins() {
  func::FuncOp function = main();
  Builder builder(function.getContext());
  Operation *end = function.front().getTerminator();
  SmallVector<Value> values(end->getOperands());
  values.insert(values.end() - shapesAmong(function, shapeOutputsAttr).size(), twins.begin(), twins.end());
  auto names = llvm::to_vector(function->getAttrOfType<ArrayAttr>("qcc.output_names").getValue());
  for (size_t i = 0; i < twins.size(); ++i)
    names.push_back(builder.getStringAttr("twin " + Twine(i)));
  end->setOperands(values);
  function->setAttr("qcc.output_names", builder.getArrayAttr(names));
  function.setFunctionType(
      builder.getFunctionType(function.getArgumentTypes(), ValueRange(values).getTypes()));
}

LogicalResult Twins::compare(Run &run, std::vector<Noise> &noise) {
  std::vector<Tensor> exact(1), rounded(1);
  std::vector<float> storage;
  for (Stop stop;;) {
    Run::Status status = run.next(stop);
    if (status != Run::Status::Stopped)
      return success(status == Run::Status::Finished);
    bool isTwin = stop.id % 2;
    Stop own = stop.counted(storage);
    Tensor &tensor = (isTwin ? rounded : exact)[0] = Tensor(DType::F32, own.shape);
    std::copy_n(own.values, tensor.size(), tensor.data<float>());
    if (isTwin)
      noise[static_cast<size_t>(stop.id / 2)].add(exact, rounded);
  }
}

FailureOr<std::vector<Noise>> Twins::compare(Samples &samples, const ExecutorFactory &factory) {
  std::unique_ptr<Executor> executor = factory(*module);
  if (!executor)
    return failure();
  std::vector<Noise> noise(twins.size());
  for (int64_t i = 0, e = std::min(samplesForPrecision, samples.count()); i < e; ++i) {
    std::vector<Tensor> inputs;
    std::string error;
    if (!samples.read(i, inputs, error))
      return module->emitError(error);
    std::unique_ptr<Run> run = executor->start(std::move(inputs));
    if (!run || failed(compare(*run, noise)))
      return failure();
  }
  return noise;
}

std::vector<HalfLayer> qcc::calibrate::findHalfLayers(ModuleOp module,
                                                      ArrayRef<const target::Variant *> variants) {
  std::vector<HalfLayer> layers;
  for (Operation &op : module.lookupSymbol<func::FuncOp>("main").front()) {
    SmallVector<FloatWeights, 2> weights = floatWeightsOf(&op);
    if (weights.empty() || op.use_empty())
      continue;
    // What waits for its weights is as fast with those of float16, which are eight times as exact.
    if (isStreamed(&op, weights))
      layers.push_back({&op, DType::F16});
    else if (gainsByBf16(&op, variants))
      layers.push_back({&op, DType::BF16});
  }
  return layers;
}

LogicalResult qcc::calibrate::decidePrecision(ModuleOp module, ArrayRef<HalfLayer> layers, Samples &samples,
                                              const ExecutorFactory &factory) {
  FailureOr<std::vector<Noise>> noise = Twins(module, layers).compare(samples, factory);
  if (failed(noise))
    return failure();
  Builder builder(module.getContext());
  for (auto [layer, measured] : llvm::zip_equal(layers, *noise)) {
    constexpr double nothingToLose = 150;
    double decibels = measured.decibels().value_or(nothingToLose);
    StringAttr type = builder.getStringAttr(layer.type == DType::BF16 ? "bf16" : "f16");
    NamedAttrList decision;
    decision.set("decibels", builder.getF64FloatAttr(decibels));
    decision.set("type", decibels < leastDecibels ? builder.getStringAttr("f32") : type);
    if (decibels < leastDecibels)
      decision.set("instead_of", type);
    layer.op->setAttr(precisionAttr, decision.getDictionary(module.getContext()));
  }
  return success();
}

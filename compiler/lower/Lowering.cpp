//===- Lowering.cpp - From one operation to its invocations ---------------===//

#include "compiler/lower/Lowering.h"

#include "compiler/kernels/GeneralSpec.h"
#include "compiler/kernels/RowUnits.h"
#include "compiler/lower/Passes.h"
#include "dialects/Constants.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::lower;

namespace {
RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

std::string layerName(Operation *op) {
  if (auto name = op->getLoc()->findInstanceOf<NameLoc>())
    return name.getName().str();
  return "";
}

ElementsAttr bytesAttr(MLIRContext *context, std::vector<uint8_t> bytes) {
  auto type = RankedTensorType::get({int64_t(bytes.size())}, IntegerType::get(context, 8));
  // Not `data()`, which is null where there are no weights.
  const char *first = bytes.empty() ? "" : reinterpret_cast<const char *>(bytes.data());
  AsmResourceBlob blob =
      HeapAsmResourceBlob::allocateAndCopyWithAlign(ArrayRef<char>(first, bytes.size()), 64);
  return DenseResourceElementsAttr::get(type, "weights", std::move(blob));
}
} // namespace

int64_t lower::zeroValue(Type type) {
  auto quantised = dyn_cast<quant::UniformQuantizedType>(cast<RankedTensorType>(type).getElementType());
  return quantised ? quantised.getZeroPoint() : 0;
}

Lowering::Lowering(ModuleOp module, func::FuncOp source, target::Packing packing)
    : module(module), source(source), body(module.getContext()), weightPacking(packing), rows(source) {}

LogicalResult Lowering::run() {
  MLIRContext *context = module.getContext();
  Type pointer = LLVM::LLVMPointerType::get(context);
  SmallVector<Type> arguments(source.getNumArguments() + source.getNumResults(), pointer);
  OpBuilder atModule = OpBuilder::atBlockEnd(module.getBody());
  program =
      func::FuncOp::create(atModule, source.getLoc(), "program", FunctionType::get(context, arguments, {}));
  program->setDiscardableAttrs(source->getDiscardableAttrDictionary());
  program->setAttr("qcc.input_types", atModule.getTypeArrayAttr(source.getArgumentTypes()));
  program->setAttr("qcc.output_types", atModule.getTypeArrayAttr(source.getResultTypes()));
  Block *entry = program.addEntryBlock();
  body = OpBuilder::atBlockEnd(entry);
  auto end = func::ReturnOp::create(body, source.getLoc());
  // Buffers and pointers to weights gather before this marker, steps behind it.
  body.setInsertionPoint(end);
  OpBuilder atStart(context);
  atStart.setInsertionPoint(end);
  Operation *marker = WeightsOp::create(body, source.getLoc(), pointer, "weights", 0);
  atStart.setInsertionPoint(marker);
  guards = std::make_unique<Guards>(source);
  places = std::make_unique<Storage>(source, entry->getArguments(), atStart, weights);

  LogicalResult result = success();
  takeBoundedInputs();
  for (Operation &op : source.getBody().front())
    lowerOp(op, result);
  if (failed(result))
    return failure();
  marker->erase();
  waitForWhatIsRead();
  eraseUnusedKernels();
  auto blob = BlobOp::create(atModule, source.getLoc(), "weights", bytesAttr(context, weights.take()));
  blob->moveBefore(program);
  auto name = source.getSymNameAttr();
  source.erase();
  program.setSymNameAttr(name);
  return success();
}

/// A step without a barrier behind it must not have written what the next ones read: the border of a
/// tensor whose inside was written before is filled last.
void Lowering::waitForWhatIsRead() {
  llvm::SmallDenseSet<Value> unfinished;
  InvokeOp last;
  for (auto step : program.getOps<InvokeOp>()) {
    auto isUnfinished = [&](Value pointer) { return unfinished.contains(pointer); };
    if (llvm::any_of(step.getPointers().drop_back(step.getWritten()), isUnfinished) ||
        llvm::any_of(step.getGuards(), isUnfinished)) {
      last.setNoBarrier(false);
      unfinished.clear();
    }
    unfinished.insert_range(step.getPointers().take_back(step.getWritten()));
    if (!step.getNoBarrier())
      unfinished.clear();
    last = step;
  }
}

void Lowering::lowerOp(Operation &op, LogicalResult &result) {
  auto note = [&](LogicalResult one) { result = success(succeeded(result) && succeeded(one)); };
  auto isEmpty = [](Value value) { return tensorType(value).getNumElements() == 0; };
  bool computesNothing = op.getNumResults() != 0 && llvm::all_of(op.getResults(), isEmpty);
  if (isa<ConstantOp>(op) || computesNothing || isReadInPlace(&op))
    return;
  for (Value value : op.getResults())
    if (Place at = places->place(value); at.border && !hasZeroOfRun(&op))
      fillBorder(&op, at, value.getType());
  Operation *before = &*std::prev(body.getInsertionPoint());
  llvm::TypeSwitch<Operation *>(&op)
      .Case([&](ConvOp conv) { note(lowerConv(*this, conv)); })
      .Case([&](ConvTransposeOp conv) { note(lowerConvTranspose(*this, conv)); })
      .Case([&](GemmOp gemm) { note(lowerGemm(*this, gemm)); })
      .Case([&](MatMulOp matmul) { note(lowerMatMul(*this, matmul)); })
      .Case([&](AttentionOp attention) { note(lowerAttention(*this, attention)); })
      .Case([&](LayerNormalizationOp norm) { lowerLayerNormalization(*this, norm); })
      .Case([&](DynamicQuantizeOp quantize) { lowerDynamicQuantize(*this, quantize); })
      .Case([&](DynamicMatMulOp matmul) { note(lowerDynamicMatMul(*this, matmul)); })
      .Case<RnnOp, GruOp, LstmOp>([&](Operation *recurrent) { note(lowerRecurrent(*this, recurrent)); })
      .Case([&](ConcatOp concat) { lowerConcat(concat); })
      .Case([&](TransposeOp transpose) { lowerTranspose(transpose); })
      .Case([&](ObserveOp observe) { lowerObserve(observe); })
      .Case([&](func::ReturnOp) { lowerReturn(op); })
      .Default([&](Operation *) { isAlias(&op) ? lowerAlias(op) : lowerGeneric(op); });
  for (auto step = std::next(before->getIterator()); step != body.getInsertionPoint(); ++step)
    if (auto invoke = dyn_cast<InvokeOp>(*step); invoke && op.getNumResults())
      limitRows(op, invoke);
}

/// A shorter run computes only the rows that it has a use for, where a step's units go over them.
void Lowering::limitRows(Operation &op, InvokeOp step) {
  Extent extent = rows.of(op.getResult(0));
  int64_t size = leadingSize(tensorType(op.getResult(0)).getShape());
  SmallVector<Value> results(op.getResults());
  if (auto norm = dyn_cast<LayerNormalizationOp>(op))
    if (DynamicQuantizeOp measured = measuredBy(*this, norm))
      llvm::append_range(results, measured.getResults());
  auto isResult = [&](Value pointer) {
    return llvm::any_of(results, [&](Value result) { return places->place(result).pointer == pointer; });
  };
  if (extent.terms.size() != 1 || !llvm::all_of(step.getPointers().take_back(step.getWritten()), isResult))
    return;
  DictionaryAttr spec = module.lookupSymbol<KernelOp>(step.getKernel()).getSpec();
  auto views = spec.getAs<ArrayAttr>("views");
  auto written = views ? cast<DictionaryAttr>(views.getValue().back()) : DictionaryAttr();
  std::optional<kernels::RowUnits> units = kernels::rowUnits(spec);
  if (!units || (written && leadingSize(kernels::View::fromAttr(written).shape) != size))
    return;
  int64_t pixels = weightPacking == target::Packing::Rows ? 0 : kernels::pixelsToLimit(spec, size);
  limitStep(&op, step, extent, size, *units, pixels);
}

/// Tells the step, and where it takes that the kernel, which of `size` rows count. Of one term.
void Lowering::limitStep(Operation *op, InvokeOp step, const Extent &extent, int64_t size,
                         kernels::RowUnits units, int64_t pixels) {
  auto [index, scale] = extent.terms.front();
  Length length = lengthsOf(source)[index];
  ArrayRef<int64_t> shapes = shapesAmong(source, shapeInputsAttr);
  int64_t argument =
      source.getNumArguments() - shapes.size() + (llvm::find(shapes, length.input) - shapes.begin());
  if (pixels) {
    NamedAttrList limited(module.lookupSymbol<KernelOp>(step.getKernel()).getSpec());
    limited.set(kernels::limitKey, body.getI64IntegerAttr(pixels));
    step.setKernel(kernelFor(op, limited.getDictionary(body.getContext())));
  }
  step->setAttr(kernels::rowsAttr, body.getDenseI64ArrayAttr(
                                       {argument, length.axis, scale, extent.offset * length.step,
                                        extent.divisor * length.step, size, units.groups, units.perGroup}));
}

void Lowering::lowerGeneric(Operation &op) {
  NamedAttrList spec;
  SmallVector<Attribute> types;
  SmallVector<Place> at;
  for (Value operand : op.getOperands()) {
    types.push_back(TypeAttr::get(operand.getType()));
    at.push_back(places->place(operand));
  }
  for (Value value : op.getResults()) {
    types.push_back(TypeAttr::get(value.getType()));
    at.push_back(places->place(value));
  }
  // Of two quantised tensors a matrix product is another kernel than of floats.
  bool integers =
      isa<MatMulOp>(op) && isa<quant::QuantizedType>(tensorType(op.getOperand(0)).getElementType());
  spec.set("kind", body.getStringAttr(integers ? "quantized_matmul" : op.getName().stripDialect()));
  spec.set("types", body.getArrayAttr(types));
  spec.set("attrs", op.getAttrDictionary());
  if (auto segments = op.getAttrOfType<DenseI32ArrayAttr>("operandSegmentSizes"))
    spec.set("operands", body.getDenseI64ArrayAttr(llvm::to_vector_of<int64_t>(segments.asArrayRef())));
  invoke(&op, spec, at, op.getNumResults());
}

void Lowering::invokeRest(Operation *op, ArrayRef<DictionaryAttr> steps, const Place &at, Type type) {
  for (DictionaryAttr step : steps) {
    NamedAttrList spec, attrs(step);
    spec.set("kind", attrs.erase("op"));
    spec.set("types", body.getTypeArrayAttr({type, type}));
    spec.set("attrs", attrs.getDictionary(body.getContext()));
    invoke(op, spec, {at, at}, 1);
  }
}

void Lowering::invokeOrPostpone(Operation *op, ArrayRef<DictionaryAttr> steps, const Place &at) {
  Value result = op->getResult(0);
  auto quantize =
      result.hasOneUse() ? dyn_cast<DynamicQuantizeOp>(*result.user_begin()) : DynamicQuantizeOp();
  bool byRow = quantize && !quantize.getZeroPoint() && at.isOwn;
  if (byRow)
    postponedSteps[result].assign(steps.begin(), steps.end());
  else
    invokeRest(op, steps, at, result.getType());
}

ArrayRef<Attribute> Lowering::postponed(Value value) const {
  auto found = postponedSteps.find(value);
  return found == postponedSteps.end() ? ArrayRef<Attribute>() : ArrayRef<Attribute>(found->second);
}

void Lowering::lowerAlias(Operation &op) {
  Place from = places->place(op.getOperand(0)), to = places->place(op.getResult(0));
  if (from.pointer == to.pointer)
    return;
  // Only the source may have gaps, so its shape describes both.
  copy(&op, from, to.reshaped(from.view.shape));
}

void Lowering::lowerTranspose(TransposeOp op) {
  // Equal where what makes the operand writes the result at once.
  if (places->place(op.getInput()).pointer != places->place(op.getResult()).pointer)
    lowerGeneric(*op);
}

void Lowering::lowerConcat(ConcatOp op) {
  Place whole = places->place(op.getResult());
  int64_t axis = op.getAxis(), start = 0;
  for (Value input : op.getInputs()) {
    Place from = places->place(input), part = whole;
    part.view.offset += start * whole.view.strides[axis];
    part.view.shape[axis] = tensorType(input).getDimSize(axis);
    start += part.view.shape[axis];
    if (from.pointer != part.pointer || from.view.offset != part.view.offset)
      copy(op, from, part);
  }
}

/// The step that leaves a dense array of the tensor says so; it may be a copy.
void Lowering::lowerObserve(ObserveOp op) {
  Place from = places->place(op.getInput()), to = places->place(op.getResult());
  if (from.pointer != to.pointer)
    copy(op, from, to);
  InvokeOp step = cast<InvokeOp>(std::prev(body.getInsertionPoint()));
  step->setAttr(observedAttr, TypeAttr::get(op.getResult().getType()));
  step->setAttr("id", op.getIdAttr());
  if (op.getAxis())
    step->setAttr("axis", op.getAxisAttr());
  for (NamedAttribute attr : op->getDiscardableAttrs()) // how much of it counts
    step->setAttr(attr.getName(), attr.getValue());
}

void Lowering::lowerReturn(Operation &op) {
  ArrayRef<int64_t> shapes = shapesAmong(source, shapeOutputsAttr);
  size_t outputs = op.getNumOperands() - shapes.size();
  auto extents = extentsOf(source, outputExtentsAttr, op.getOperandTypes());
  auto callersPlace = [&](OpOperand &operand) {
    Place from = places->place(operand.get()), to = from;
    to.pointer = program.getArgument(source.getNumArguments() + operand.getOperandNumber());
    to.view = kernels::View::rowMajor(from.view.element, from.view.shape);
    return to;
  };
  for (OpOperand &operand : op.getOpOperands()) {
    Place from = places->place(operand.get()), to = callersPlace(operand);
    if (!anyBounded(extents[operand.getOperandNumber()]) && from.pointer != to.pointer)
      copy(&op, from, to);
  }
  for (auto [i, output] : llvm::enumerate(shapes)) {
    Place from = places->place(op.getOperand(output)), dense = from;
    if (!from.isDense()) {
      dense = places->scratch(from.view.element, from.view.shape, {}, "output");
      copy(&op, from, dense);
    }
    changeLength(&op, "shorten", dense, callersPlace(op.getOpOperand(outputs + i)),
                 callersPlace(op.getOpOperand(output)), extents[output]);
  }
}

/// Inputs of bounded shape get memory for the longest run.
void Lowering::takeBoundedInputs() {
  ArrayRef<int64_t> shapes = shapesAmong(source, shapeInputsAttr);
  auto extents = extentsOf(source, inputExtentsAttr, source.getArgumentTypes());
  size_t inputs = source.getNumArguments() - shapes.size();
  for (auto [i, input] : llvm::enumerate(shapes)) {
    Place to = places->place(source.getArgument(input)), from = to;
    from.pointer = program.getArgument(input);
    changeLength(source, "lengthen", from, places->place(source.getArgument(inputs + i)), to, extents[input]);
  }
}

void Lowering::changeLength(Operation *op, StringRef kind, const Place &from, const Place &shape,
                            const Place &to, const Extents &extents) {
  int64_t last = 0;
  for (auto [axis, extent] : llvm::enumerate(extents))
    last = extent.isFixed() ? last : static_cast<int64_t>(axis);
  invokeKind(op, kind, {from, shape, to}, body.getNamedAttr("last", body.getI64IntegerAttr(last)));
}

void Lowering::copy(Operation *op, const Place &from, const Place &to) {
  invokeKind(op, "identity", {from, to}, {});
}

void Lowering::copyTurned(Operation *op, Value tensor, const Place &from, const Place &to) {
  copy(op, from, to);
  int64_t size = leadingSize(tensorType(tensor).getShape());
  Extent extent = rows.of(tensor);
  if (extent.terms.size() != 1 || size != to.view.shape.back() || weightPacking == target::Packing::Rows)
    return;
  InvokeOp step = cast<InvokeOp>(std::prev(body.getInsertionPoint()));
  auto units = module.lookupSymbol<KernelOp>(step.getKernel()).getSpec().getAs<IntegerAttr>("units");
  limitStep(op, step, extent, size, {units.getInt(), 1}, 1); // each unit has some of all rows
}

void Lowering::fillBorder(Operation *op, const Place &place, Type tensorType, const Place *imageScale) {
  Place outer = place;
  bool isImage = outer.view.shape.size() == 4;
  int64_t height = isImage ? 1 : 0, width = isImage ? 2 : 1; // axes
  const Border &b = place.border;
  outer.view.offset -= b.left * outer.view.strides[width];
  outer.view.shape[width] += b.left + b.right;
  if (isImage) {
    outer.view.offset -= b.top * outer.view.strides[height];
    outer.view.shape[height] += b.top + b.bottom;
  }
  NamedAttrList spec;
  spec.set("kind", body.getStringAttr("fill_border"));
  spec.set("types", body.getTypeArrayAttr({tensorType}));
  spec.set("attrs", body.getDictionaryAttr(
                        {body.getNamedAttr("inner", place.view.toAttr()),
                         body.getNamedAttr("value", body.getI64IntegerAttr(zeroValue(tensorType)))}));
  if (imageScale)
    return invoke(op, spec, {*imageScale, outer}, 1);
  invoke(op, spec, {outer}, 1);
  cast<InvokeOp>(std::prev(body.getInsertionPoint())).setNoBarrier(true);
}

Place Lowering::readable(OpOperand &operand, Border border) {
  Place at = places->place(operand.get());
  if (at.isOwn && at.border.covers(border))
    return at;
  Place padded =
      places->scratch(at.view.element, at.view.shape, border, layerName(operand.getOwner()) + ".padded");
  if (border)
    fillBorder(operand.getOwner(), padded, operand.get().getType());
  copy(operand.getOwner(), at, padded);
  return padded;
}

void Lowering::invoke(Operation *op, NamedAttrList spec, ArrayRef<Place> at, int64_t written, int64_t macs) {
  SmallVector<Attribute> views;
  SmallVector<Value> pointers;
  for (const Place &place : at) {
    views.push_back(place.view.toAttr());
    pointers.push_back(place.pointer);
  }
  spec.set("views", body.getArrayAttr(views));
  spec.set("units", body.getI64IntegerAttr(kernels::kernelUnits(spec.getDictionary(body.getContext()))));
  invokePointers(op, spec.getDictionary(body.getContext()), pointers, written, macs);
}

void Lowering::invokeKind(Operation *op, StringRef kind, ArrayRef<Place> at,
                          ArrayRef<NamedAttribute> attributes, int64_t written) {
  SmallVector<kernels::View> views;
  SmallVector<Value> pointers;
  for (const Place &place : at) {
    views.push_back(place.view);
    pointers.push_back(place.pointer);
  }
  invokePointers(op, kernels::generalSpec(body, kind, views, attributes), pointers, written);
}

void Lowering::invokePointers(Operation *op, DictionaryAttr spec, ValueRange pointers, int64_t written,
                              int64_t macs) {
  SmallVector<Value> conditions;
  DenseBoolArrayAttr taken = guardsOf(op, conditions);
  InvokeOp::create(body, op->getLoc(), kernelFor(op, spec), pointers, conditions, written, layerName(op),
                   macs,
                   /*no_barrier=*/false, taken);
}

StringRef Lowering::kernelFor(Operation *op, DictionaryAttr spec) {
  StringAttr &name = kernels[spec];
  if (!name) {
    StringRef kind = cast<StringAttr>(spec.get("kind")).getValue();
    name = body.getStringAttr(kind + "_" + Twine(kernelNames[kind]++));
    OpBuilder atModule(program);
    KernelOp::create(atModule, op->getLoc(), name, spec);
  }
  return name.getValue();
}

/// Steps that limit their rows have taken other kernels than they were given.
void Lowering::eraseUnusedKernels() {
  llvm::StringSet<> used;
  for (auto step : program.getOps<InvokeOp>())
    used.insert(step.getKernel());
  for (KernelOp kernel : llvm::make_early_inc_range(module.getOps<KernelOp>()))
    if (!used.contains(kernel.getSymName()))
      kernel.erase();
}

/// Those whose condition is at its pointer.
DenseBoolArrayAttr Lowering::guardsOf(Operation *op, SmallVectorImpl<Value> &pointers) {
  SmallVector<bool> taken;
  for (const Guard &guard : guards->of(op))
    if (Place at = places->place(guard.condition); at.view.offset == 0) {
      pointers.push_back(at.pointer);
      taken.push_back(guard.taken);
    }
  return taken.empty() ? DenseBoolArrayAttr() : DenseBoolArrayAttr::get(op->getContext(), taken);
}

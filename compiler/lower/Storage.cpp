//===- Storage.cpp - Where each tensor lies -------------------------------===//

#include "compiler/lower/Storage.h"

#include "compiler/kernels/move/Move.h"
#include "dialects/Constants.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::lower;

void Border::widenTo(const Border &other) {
  top = std::max(top, other.top);
  left = std::max(left, other.left);
  bottom = std::max(bottom, other.bottom);
  right = std::max(right, other.right);
}

Type lower::storageType(Type type) {
  if (auto quantised = dyn_cast<quant::QuantizedType>(type)) {
    unsigned width = quantised.getStorageTypeIntegralWidth();
    auto sign = quantised.isSigned() ? IntegerType::Signless : IntegerType::Unsigned;
    return IntegerType::get(type.getContext(), width, sign);
  }
  return type;
}

int64_t lower::storageBytes(Type element) { return llvm::divideCeil(element.getIntOrFloatBitWidth(), 8); }

bool Place::isDense() const {
  return view.strides == kernels::View::rowMajor(view.element, view.shape).strides;
}

Place Place::reshaped(ArrayRef<int64_t> shape) const {
  Place result = *this;
  result.view = kernels::View::rowMajor(view.element, shape);
  result.view.offset = view.offset;
  result.border = {};
  return result;
}

bool lower::isAlias(Operation *op) {
  return isa<ReshapeOp, FlattenOp, SqueezeOp, UnsqueezeOp, IdentityOp, ScastOp>(op);
}

bool lower::isReadInPlace(Operation *op) {
  return isa<TransposeOp, SliceOp, SplitOp, ExpandOp>(op) &&
         !isa_and_nonnull<ConstantOp>(op->getOperand(0).getDefiningOp()) &&
         llvm::all_of(op->getUsers(),
                      [](Operation *user) { return isa<AttentionOp>(user) || isReadInPlace(user); });
}

namespace {
/// ConvTranspose runs as one convolution per output phase; each reads at most
/// this many rows and columns around the input.
Border convTransposeBorder(ConvTransposeOp op) {
  ArrayRef<int64_t> kernel = *op.getKernelShape(), strides = *op.getStrides(), dilations = *op.getDilations();
  auto taps = [&](int i) { return ((kernel[i] - 1) * dilations[i]) / strides[i] + 1; };
  return {taps(0), taps(1), taps(0), taps(1)};
}

bool isNhwc(Operation *op) {
  auto layout = op->getAttrOfType<StringAttr>("layout");
  return layout && layout.getValue() == "nhwc";
}
} // namespace

Border lower::neededBorder(OpOperand &use) {
  Operation *op = use.getOwner();
  if (use.getOperandNumber() != 0 || !isNhwc(op) ||
      cast<RankedTensorType>(use.get().getType()).getRank() != 4)
    return {};
  if (auto conv = dyn_cast<ConvOp>(op)) {
    ArrayRef<int64_t> pads = *conv.getPads();
    return {std::max<int64_t>(pads[0], 0), std::max<int64_t>(pads[1], 0), std::max<int64_t>(pads[2], 0),
            std::max<int64_t>(pads[3], 0)};
  }
  if (auto conv = dyn_cast<ConvTransposeOp>(op))
    return convTransposeBorder(conv);
  return {};
}

Storage::Storage(func::FuncOp source, ValueRange arguments, OpBuilder builder, Blob &blob)
    : inputExtents(extentsOf(source, inputExtentsAttr, source.getArgumentTypes())),
      outputExtents(extentsOf(source, outputExtentsAttr, source.getResultTypes())), source(source),
      arguments(arguments), builder(builder), blob(blob) {}

Place Storage::place(Value value) {
  auto it = places.find(value);
  if (it == places.end()) {
    Place decided = decide(value);
    it = places.try_emplace(value, std::move(decided)).first;
  }
  return it->second;
}

Value Storage::weights(int64_t offset) {
  Value &pointer = weightPointers[offset];
  if (!pointer)
    pointer = WeightsOp::create(builder, source.getLoc(), LLVM::LLVMPointerType::get(builder.getContext()),
                                "weights", offset);
  return pointer;
}

Place Storage::constant(ElementsAttr value, Type tensorType) {
  auto type = cast<RankedTensorType>(tensorType);
  reference::Tensor tensor = toTensor(value);
  Place place;
  place.pointer = weights(blob.add(tensor.bytes));
  place.view = kernels::View::rowMajor(storageType(type.getElementType()), type.getShape());
  place.isOwn = true;
  return place;
}

Place Storage::scratch(Type element, ArrayRef<int64_t> shape, Border border, StringRef name) {
  Place place;
  SmallVector<int64_t> outer(shape);
  // An image (N, H, W, C), or a line (N, W, C).
  size_t width = shape.size() == 4 ? 2 : 1;
  if (border)
    outer[width] += border.left + border.right;
  if (border && width == 2)
    outer[1] += border.top + border.bottom;
  place.view = kernels::View::rowMajor(element, outer);
  int64_t bytes = storageBytes(element);
  for (int64_t extent : outer)
    bytes *= extent;
  if (border)
    place.view.offset =
        border.left * place.view.strides[width] + (width == 2 ? border.top * place.view.strides[1] : 0);
  place.view.shape.assign(shape.begin(), shape.end());
  place.border = border;
  place.isOwn = true;
  place.pointer = BufferOp::create(builder, source.getLoc(), LLVM::LLVMPointerType::get(builder.getContext()),
                                   bytes + Blob::slack, IntegerAttr(), builder.getStringAttr(name));
  return place;
}

std::optional<int64_t> Storage::returnedAs(Value value) {
  Operation *terminator = source.getBody().front().getTerminator();
  for (OpOperand &use : value.getUses())
    // One of bounded shape lies elsewhere until its length is known.
    if (use.getOwner() == terminator && !anyBounded(outputExtents[use.getOperandNumber()]))
      return use.getOperandNumber();
  return std::nullopt;
}

/// An input of a concatenation is written straight into its part of the result.
std::optional<Place> Storage::insideConcat(Value value) {
  Operation *op = value.getDefiningOp();
  if (!value.hasOneUse() || (op && (isa<ConstantOp>(op) || isAlias(op))))
    return std::nullopt;
  OpOperand &use = *value.getUses().begin();
  auto concat = dyn_cast<ConcatOp>(use.getOwner());
  if (!concat || returnedAs(value))
    return std::nullopt;
  Place whole = place(concat.getResult());
  int64_t axis = concat.getAxis(), start = 0;
  for (unsigned i = 0; i < use.getOperandNumber(); ++i)
    start += cast<RankedTensorType>(concat.getInputs()[i].getType()).getDimSize(axis);
  whole.view.offset += start * whole.view.strides[axis];
  whole.view.shape[axis] = cast<RankedTensorType>(value.getType()).getDimSize(axis);
  whole.border = {}; // the concatenation fills it, once
  return whole;
}

/// What a run has of an input is spread into its part of a concatenation, where that is made of rows.
std::optional<Place> Storage::boundedInsideConcat(BlockArgument argument) {
  auto concat = argument.hasOneUse() ? dyn_cast<ConcatOp>(*argument.getUsers().begin()) : ConcatOp();
  const Extents &extents = inputExtents[argument.getArgNumber()];
  auto last = static_cast<int64_t>(extents.size()) - 1;
  while (last >= 0 && extents[last].isFixed())
    --last;
  return concat && static_cast<int64_t>(concat.getAxis()) <= last ? insideConcat(argument) : std::nullopt;
}

/// Rows are put into a concatenation where it lies.
std::optional<Place> Storage::withinCache(Value value) {
  auto scatter = value.getDefiningOp<TensorScatterOp>();
  if (!scatter || returnedAs(value) || !scatter.getInput().hasOneUse() ||
      !isa_and_nonnull<ConcatOp, TensorScatterOp>(scatter.getInput().getDefiningOp()))
    return std::nullopt;
  Place cache = place(scatter.getInput());
  return cache.isOwn && !cache.border ? std::optional<Place>(cache) : std::nullopt;
}

/// Quantising and transposing are one step: the numbers are written where the transposed tensor lies.
std::optional<Place> Storage::behindTranspose(Value value) {
  if (!value.hasOneUse() || !value.getDefiningOp<QuantizeOp>())
    return std::nullopt;
  auto transpose = dyn_cast<TransposeOp>(*value.getUsers().begin());
  if (!transpose || !transpose.getPerm() || isReadInPlace(transpose)) // the latter lies within this value
    return std::nullopt;
  Place result = place(transpose.getResult());
  result.view = result.view.permuted(invertPermutationVector(*transpose.getPerm()));
  result.border = {}; // the transposed tensor's
  return result;
}

std::optional<Place> Storage::withinOperand(OpResult value) {
  Operation *op = value.getOwner();
  if (!isReadInPlace(op))
    return std::nullopt;
  Place from = place(op->getOperand(0));
  SmallVector<Attribute> views{from.view.toAttr()};
  for (Type type : op->getResultTypes())
    views.push_back(
        kernels::View::rowMajor(from.view.element, cast<RankedTensorType>(type).getShape()).toAttr());
  NamedAttrList spec;
  spec.set("kind", builder.getStringAttr(op->getName().stripDialect()));
  spec.set("attrs", op->getAttrDictionary());
  spec.set("views", builder.getArrayAttr(views));
  auto within = kernels::viewsWithinOperand(spec.getDictionary(op->getContext()));
  if (!within)
    llvm_unreachable("a transpose, slice, split or expand is a view");
  return Place{from.pointer, (*within)[value.getResultNumber()], false, {}};
}

/// A mark right behind the step that writes what it marks needs no copy.
std::optional<Place> Storage::observedInPlace(Value value) {
  auto mark = value.getDefiningOp<ObserveOp>();
  Operation *writer = mark ? mark.getInput().getDefiningOp() : nullptr;
  if (!writer || writer != mark->getPrevNode() || writer->getNumResults() != 1 ||
      !mark.getInput().hasOneUse() || isAlias(writer) || isa<ConstantOp, ConcatOp, ObserveOp>(writer))
    return std::nullopt;
  Place written = place(mark.getInput());
  return written.isOwn && written.isDense() ? std::optional<Place>(written) : std::nullopt;
}

/// A tensor whose only user gives the same bytes another shape and is returned
/// goes straight into the caller's buffer.
std::optional<Place> Storage::behindAlias(Value value) {
  if (!value.hasOneUse())
    return std::nullopt;
  Operation *user = *value.getUsers().begin();
  if (!isAlias(user) ||
      storageBytes(storageType(cast<RankedTensorType>(value.getType()).getElementType())) !=
          storageBytes(storageType(cast<RankedTensorType>(user->getResult(0).getType()).getElementType())))
    return std::nullopt;
  Value result = user->getResult(0);
  if (!returnedAs(result) && !behindAlias(result))
    return std::nullopt;
  auto type = cast<RankedTensorType>(value.getType());
  Place whole = returnedAs(result)
                    ? Place{arguments[source.getNumArguments() + *returnedAs(result)], {}, false, {}}
                    : *behindAlias(result);
  whole.view = kernels::View::rowMajor(storageType(type.getElementType()), type.getShape());
  return whole;
}

Place Storage::decide(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  Type element = storageType(type.getElementType());
  kernels::View dense = kernels::View::rowMajor(element, type.getShape());
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (anyBounded(inputExtents[argument.getArgNumber()])) { // the caller's has the shape of the run
      std::optional<Place> inside = boundedInsideConcat(argument);
      return inside ? *inside : scratch(element, type.getShape(), {}, "input");
    }
    return {arguments[argument.getArgNumber()], dense, false, {}};
  }
  Operation *op = value.getDefiningOp();
  if (auto constantOp = dyn_cast<ConstantOp>(op))
    return constant(constantOp.getValue(), type);
  if (isAlias(op) && !isa<ConstantOp>(op)) {
    Place from = place(op->getOperand(0));
    bool toCaller = returnedAs(value).has_value() &&
                    from.pointer != arguments[source.getNumArguments() + *returnedAs(value)];
    if (from.isDense() && !toCaller) {
      Place result = from.reshaped(type.getShape());
      result.view.element = element;
      return result;
    }
  }
  if (std::optional<Place> within = withinOperand(cast<OpResult>(value)))
    return *within;
  if (std::optional<int64_t> index = returnedAs(value))
    return {arguments[source.getNumArguments() + *index], dense, false, {}};
  if (std::optional<Place> written = observedInPlace(value))
    return *written;
  if (std::optional<Place> inside = behindAlias(value))
    return *inside;
  if (std::optional<Place> inside = insideConcat(value))
    return *inside;
  if (std::optional<Place> cache = withinCache(value))
    return *cache;
  if (std::optional<Place> turned = behindTranspose(value))
    return *turned;
  Border border;
  if (!isa<ObserveOp>(op)) // calibration reads it as one dense array
    for (OpOperand &use : value.getUses())
      border.widenTo(neededBorder(use));
  StringRef name = "";
  if (auto loc = op->getLoc()->findInstanceOf<NameLoc>())
    name = loc.getName();
  return scratch(element, type.getShape(), border, name);
}

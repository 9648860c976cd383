//===- SetOuterTypes.cpp - Inputs and outputs of 8 bits, as --io asks -----===//
//
// Runs behind the stage, on QDQ form: the outer tensor gets its new type, and
// what is between it and the old values stands in the IR as a dequantize, a
// quantize, a table or a transpose. Stages layout and fuse make these vanish.
//
//===----------------------------------------------------------------------===//

#include "compiler/quantize/OuterTypes.h"
#include "compiler/quantize/Passes.h"
#include "compiler/quantize/Role.h"
#include "compiler/support/Rewrite.h"

namespace qcc::quantize {
#define GEN_PASS_DEF_SETOUTERTYPES
#include "compiler/quantize/Passes.h.inc"

using namespace mlir;

namespace {
using quant::UniformQuantizedType;

UniformQuantizedType byteType(Value value) {
  auto type = dyn_cast<UniformQuantizedType>(tensorType(value).getElementType());
  return type && type.getStorageTypeIntegralWidth() == 8 ? type : UniformQuantizedType();
}

/// The same numbers in signed or unsigned bytes: each byte changes by 0x80.
UniformQuantizedType withSign(UniformQuantizedType type, bool isSigned) {
  if (type.isSigned() == isSigned)
    return type;
  int64_t shift = isSigned ? -128 : 128;
  return UniformQuantizedType::get(isSigned ? quant::QuantizationFlags::Signed : 0, type.getStorageType(),
                                   type.getExpressedType(), type.getScale(), type.getZeroPoint() + shift,
                                   type.getStorageTypeMin() + shift, type.getStorageTypeMax() + shift);
}

/// Hands its first operand's values on, whatever they stand for.
bool isMove(Operation *op) {
  auto interface = dyn_cast<QccOpInterface>(op);
  if (!interface || interface.quantRule() != QuantRule::SameScale || isa<GatherOp>(op))
    return false;
  return isFloatTensor(op->getResult(0)) ? roleOf(op).form == Form::Move : !isa<ResizeOp, PadOp>(op);
}

/// The one type that all readers of an input take its values in.
UniformQuantizedType typeReadAs(Value value) {
  UniformQuantizedType common;
  for (Operation *user : value.getUsers()) {
    UniformQuantizedType type;
    if (isa<QuantizeOp, ScastOp>(user))
      type = byteType(user->getResult(0));
    else if (isMove(user) && user->getNumResults() == 1)
      type = typeReadAs(user->getResult(0));
    if (!type || (common && common != type))
      return {};
    common = type;
  }
  return common;
}

/// The type that an output's values are computed in.
UniformQuantizedType typeWrittenAs(Value value) {
  Operation *op = value.getDefiningOp();
  while (op && isMove(op)) {
    value = op->getOperand(0);
    op = value.getDefiningOp();
  }
  return isa_and_nonnull<DequantizeOp, ScastOp>(op) ? byteType(op->getOperand(0)) : UniformQuantizedType();
}

/// Images of models from frameworks with channels last: (N, H, W, C), where C is 1 or 3.
bool isChannelsLast(RankedTensorType type) {
  auto isChannels = [](int64_t extent) { return extent == 1 || extent == 3; };
  return type.getRank() == 4 && isChannels(type.getDimSize(3)) && !isChannels(type.getDimSize(1));
}

class Rewriter {
public:
  Rewriter(func::FuncOp function, const OuterTypes &outer)
      : function(function), outer(outer), builder(function.getContext()) {}

  LogicalResult run() {
    for (const OuterType &tensor : outer.tensors) {
      std::optional<Port> port = findPort(function, tensor.name);
      if (!port)
        return function.emitError(tensor.text() + " names no input or output");
      if (failed(port->isInput ? setInput(tensor, port->index) : setOutput(tensor, port->index)))
        return failure();
    }
    auto end = cast<func::ReturnOp>(function.front().getTerminator());
    function.setFunctionType(
        builder.getFunctionType(function.front().getArgumentTypes(), end.getOperandTypes()));
    return success();
  }

private:
  LogicalResult refuse(const OuterType &tensor, StringRef kind, RankedTensorType type) {
    InFlightDiagnostic error = function.emitError(tensor.text())
                               << ": " << kind << " '" << tensor.name << "' ";
    if (!isFloat32(type) && !isBytes(type))
      return error << "has elements of type " << type.getElementType()
                   << "; f32 and integers of 8 bits can change";
    error << "has no quantisation: ";
    if (kind == "input")
      return error << "its readers do not all take it in one 8-bit type. --calib makes one; --mean and --std "
                      "fold the normalisation of an image into it";
    return error << "it is computed in float. --calib makes it 8-bit integers";
  }

  static bool isFloat32(RankedTensorType type) { return type.getElementType().isF32(); }
  static bool isBytes(RankedTensorType type) {
    return type.getElementType().isUnsignedInteger(8) || type.getElementType().isSignlessInteger(8);
  }

  LogicalResult setInput(const OuterType &tensor, unsigned index) {
    Block &block = function.front();
    Value old = block.getArgument(index);
    RankedTensorType type = tensorType(old);
    bool normalise = outer.normalise();
    UniformQuantizedType inner = normalise ? UniformQuantizedType() : typeReadAs(old);
    if (normalise ? !isFloat32(type) : !inner)
      return refuse(tensor, "input", type);
    Type pixel = tensor.isSigned ? builder.getI8Type() : builder.getIntegerType(8, /*isSigned=*/false);
    Type element = normalise ? pixel : withSign(inner, tensor.isSigned);
    bool turn = tensor.channelsLast && !(normalise && isChannelsLast(type));
    SmallVector<int64_t> shape(type.getShape());
    if (turn)
      applyPermutation(shape, permToLast(type.getRank()));
    Value value = block.insertArgument(index, RankedTensorType::get(shape, element), old.getLoc());
    builder.setInsertionPointToStart(&block);
    if (turn)
      value = createTranspose(builder, old.getLoc(), value, permToFirst(type.getRank()));
    replace(old, normalise ? normalised(value, type) : value);
    block.eraseArgument(index + 1);
    return success();
  }

  static void applyPermutation(SmallVector<int64_t> &shape, ArrayRef<int64_t> perm) {
    SmallVector<int64_t> old(shape);
    for (auto [to, from] : llvm::zip_equal(shape, perm))
      to = old[from];
  }

  /// Every reader gets `value`, quantised or already real, in its own type.
  void replace(Value old, Value value) {
    if (value.getType() == old.getType())
      return old.replaceAllUsesWith(value);
    Location loc = old.getLoc();
    auto real = RankedTensorType::get(tensorType(old).getShape(), builder.getF32Type());
    if (isFloat32(tensorType(old)))
      return old.replaceAllUsesWith(DequantizeOp::create(builder, loc, real, value).getResult());
    RankedTensorType inner = tensorType(old).clone(typeReadAs(old));
    if (inner != value.getType())
      value = QuantizeOp::create(builder, loc, inner, DequantizeOp::create(builder, loc, real, value));
    for (Operation *user : llvm::make_early_inc_range(old.getUsers()))
      if (isa<ScastOp>(user) && user->getResult(0).getType() == inner) {
        user->getResult(0).replaceAllUsesWith(value);
        user->erase();
      }
    if (!old.use_empty())
      old.replaceAllUsesWith(ScastOp::create(builder, loc, old.getType(), value).getResult());
  }

  /// (value - mean) / std of each channel, each step in fp32 (q12).
  Value normalised(Value bytes, RankedTensorType type) {
    Location loc = bytes.getLoc();
    int64_t toF32 = 1; // ONNX's TensorProto.FLOAT
    Value value = CastOp::create(builder, loc, type, bytes, toF32);
    if (!outer.mean.empty())
      value = SubOp::create(builder, loc, type, value, channels(outer.mean, type, loc));
    if (!outer.std.empty())
      value = DivOp::create(builder, loc, type, value, channels(outer.std, type, loc));
    return value;
  }

  /// One number, or one along the axis of the channels.
  Value channels(ArrayRef<float> numbers, RankedTensorType type, Location loc) {
    auto count = static_cast<int64_t>(numbers.size());
    std::vector<int64_t> shape(type.getRank(), 1);
    if (count > 1)
      shape[type.getDimSize(1) == count ? 1 : type.getRank() - 1] = count;
    reference::Tensor tensor(reference::DType::F32, shape);
    for (int64_t i = 0; i < count; ++i)
      tensor.setDouble(i, numbers[i]);
    return createConstant(builder, loc, tensor, RankedTensorType::get(shape, builder.getF32Type()));
  }

  LogicalResult setOutput(const OuterType &tensor, unsigned index) {
    auto end = cast<func::ReturnOp>(function.front().getTerminator());
    Value value = end.getOperand(index);
    RankedTensorType type = tensorType(value);
    UniformQuantizedType inner = typeWrittenAs(value);
    if (!inner || (!isFloat32(type) && !isBytes(type)))
      return refuse(tensor, "output", type);
    builder.setInsertionPoint(end);
    Location loc = value.getLoc();
    Type stored = type.clone(withSign(inner, tensor.isSigned));
    if (isBytes(type)) {
      value = ScastOp::create(builder, loc, type.clone(inner), value);
      if (stored != value.getType())
        value = DequantizeOp::create(builder, loc, type.clone(builder.getF32Type()), value);
    }
    if (stored != value.getType())
      value = QuantizeOp::create(builder, loc, stored, value);
    if (tensor.channelsLast)
      value = createTranspose(builder, loc, value, permToLast(type.getRank()));
    end.setOperand(index, value);
    return success();
  }

  func::FuncOp function;
  const OuterTypes &outer;
  OpBuilder builder;
};

struct SetOuterTypes : impl::SetOuterTypesBase<SetOuterTypes> {
  using SetOuterTypesBase::SetOuterTypesBase;

  OuterTypes outer; ///< from the driver; else from the options

  LogicalResult readOptions() {
    SmallVector<StringRef> words;
    StringRef(tensors).split(words, ';', -1, /*KeepEmpty=*/false);
    std::string error;
    for (StringRef word : words) {
      std::optional<OuterType> tensor = OuterType::parse(word, error);
      if (!tensor)
        return getOperation().emitError(error);
      outer.tensors.push_back(*tensor);
    }
    llvm::append_range(outer.mean, mean);
    llvm::append_range(outer.std, std);
    return success();
  }

  void runOnOperation() override {
    if (failed(readOptions()) || failed(Rewriter(getOperation(), outer).run()))
      signalPassFailure();
  }
};
} // namespace

std::unique_ptr<Pass> createSetOuterTypes(const OuterTypes &outer) {
  auto pass = std::make_unique<SetOuterTypes>();
  pass->outer = outer;
  return pass;
}

} // namespace qcc::quantize

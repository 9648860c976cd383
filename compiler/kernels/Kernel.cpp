//===- Kernel.cpp - From a kernel's specification to its code ---------------===//
#include "compiler/kernels/Kernel.h"
#include "compiler/kernels/LoopNest.h"
#include "compiler/kernels/RowUnits.h"
#include "compiler/kernels/gemm/Epilogue.h"
#include "compiler/kernels/gemm/Tiling.h"
#include "compiler/kernels/gpu/Gpu.h"
#include "compiler/target/Target.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include <limits>

using namespace mlir;

namespace qcc::kernels {

View View::permuted(ArrayRef<int64_t> perm) const {
  View result{element, {}, {}, offset};
  for (int64_t axis : perm) {
    result.shape.push_back(shape[axis]);
    result.strides.push_back(strides[axis]);
  }
  return result;
}

View View::rowMajor(Type element, ArrayRef<int64_t> shape) {
  View view{element, SmallVector<int64_t>(shape), SmallVector<int64_t>(shape.size(), 1), 0};
  for (size_t i = shape.size(); i-- > 1;)
    view.strides[i - 1] = view.strides[i] * shape[i];
  return view;
}

DictionaryAttr View::toAttr() const {
  Builder builder(element.getContext());
  return builder.getDictionaryAttr({
      builder.getNamedAttr("element", TypeAttr::get(element)),
      builder.getNamedAttr("offset", builder.getI64IntegerAttr(offset)),
      builder.getNamedAttr("shape", builder.getDenseI64ArrayAttr(shape)),
      builder.getNamedAttr("strides", builder.getDenseI64ArrayAttr(strides)),
  });
}

View View::fromAttr(DictionaryAttr attr) {
  auto shape = attr.getAs<DenseI64ArrayAttr>("shape").asArrayRef();
  auto strides = attr.getAs<DenseI64ArrayAttr>("strides").asArrayRef();
  return View{attr.getAs<TypeAttr>("element").getValue(), SmallVector<int64_t>(shape),
              SmallVector<int64_t>(strides), attr.getAs<IntegerAttr>("offset").getInt()};
}

#define QCC_KERNEL(kind, emitter, units)                                                                     \
  LogicalResult emitter(OpBuilder &, func::FuncOp, DictionaryAttr, const target::Variant &);                 \
  int64_t units(DictionaryAttr);
#include "compiler/kernels/Kernels.def"

namespace {
struct Entry {
  Emitter emitter = nullptr;
  UnitCounter units = nullptr;
};
} // namespace

static Entry find(StringRef kind) {
  return llvm::StringSwitch<Entry>(kind)
#define QCC_KERNEL(name, emitter, units) .Case(#name, Entry{emitter, units})
#include "compiler/kernels/Kernels.def"
      .Default(Entry());
}

static StringRef kindOf(DictionaryAttr spec) {
  auto kind = spec.getAs<StringAttr>("kind");
  return kind ? kind.getValue() : StringRef();
}

bool isKernelKind(StringRef kind) { return find(kind).emitter != nullptr; }

bool worksTogether(DictionaryAttr spec) { return spec.contains("together"); }

int64_t kernelUnits(DictionaryAttr spec) {
  Entry entry = find(kindOf(spec));
  return entry.units ? entry.units(spec) : 1;
}

/// The elements of both are at the same places.
static bool haveOneForm(const View &a, const View &b) {
  return a.shape == b.shape && a.strides == b.strides && a.offset == b.offset &&
         storageBytes(a.element) == storageBytes(b.element);
}

bool mayOverwrite(DictionaryAttr spec, unsigned operand) {
  auto views = spec.getAs<ArrayAttr>("views");
  auto viewAt = [&](size_t index) { return View::fromAttr(cast<DictionaryAttr>(views[index])); };
  size_t written = views.size() - 1;
  if (operand >= written || !haveOneForm(viewAt(operand), viewAt(written)))
    return false;
  StringRef kind = kindOf(spec);
  if (kind == "gemm" || kind == "depthwise") {
    // The residual, before the table.
    auto epilogue = Epilogue::fromAttr(spec.getAs<DictionaryAttr>("epilogue"));
    return epilogue.hasResidual() && operand + 1 + epilogue.table == written;
  }
  UnitCounter units = find(kind).units;
  if (units == lookupUnits)
    return operand == 0;
  return units == mapUnits || units == quantizeUnits; // element by element
}

/// Whether the axes of a view lie one within the other, in their order.
static bool isInOrder(const View &view) {
  int64_t last = std::numeric_limits<int64_t>::max();
  for (auto [size, stride] : llvm::zip(view.shape, view.strides)) {
    if (size != 1 && stride > last)
      return false;
    last = size != 1 ? stride : last;
  }
  return true;
}

std::optional<RowUnits> rowUnits(DictionaryAttr spec) {
  StringRef kind = kindOf(spec);
  if (kind == "gemm") {
    Tiling tiling(GemmSpec::fromAttr(spec));
    return tiling.byPanels ? RowUnits{tiling.panels, tiling.tiles()} : RowUnits{1, tiling.tiles()};
  }
  if (kind == "depthwise") {
    auto depthwise = DepthwiseSpec::fromAttr(spec);
    int64_t lines = std::max<int64_t>(depthwise.batch * depthwise.outH, 1);
    return RowUnits{depthwiseUnits(depthwise) / lines, lines};
  }
  auto views =
      llvm::map_to_vector(spec.getAs<ArrayAttr>("views").getAsRange<DictionaryAttr>(), View::fromAttr);
  int64_t units = kernelUnits(spec);
  if (kind == "attention") {
    // One head's queries after another's.
    int64_t lines = views[0].shape[0] == 1 ? views[0].shape[2] : 1;
    return RowUnits{lines, units / lines};
  }
  UnitCounter counter = find(kind).units;
  bool walksRows = llvm::is_contained<UnitCounter>(
      {dynamicQuantizeUnits, layerNormalizationUnits, gatherUnits, poolUnits, reduceUnits}, counter);
  // Where vectors run along the last axis of all tensors, no blocks are turned.
  auto inVectors = [](const View &view) { return view.strides.empty() || view.strides.back() <= 1; };
  bool walksResult = (counter == mapUnits || counter == quantizeUnits || kind == "identity") &&
                     isInOrder(views.back()) && llvm::all_of(views, inVectors);
  if (!walksRows && !walksResult)
    return std::nullopt;
  return RowUnits{1, units};
}

int64_t pixelsToLimit(DictionaryAttr spec, int64_t rows) {
  if (kindOf(spec) == "attention") {
    auto query = View::fromAttr(cast<DictionaryAttr>(spec.getAs<ArrayAttr>("views")[0]));
    return query.shape[0] == 1 && query.shape[1] == rows;
  }
  if (kindOf(spec) == "dynamic_quantize" || kindOf(spec) == "layer_normalization") {
    auto input = View::fromAttr(cast<DictionaryAttr>(spec.getAs<ArrayAttr>("views")[0]));
    auto leading = llvm::find_if(input.shape, [](int64_t size) { return size != 1; });
    return isInOrder(input) && leading != input.shape.end() && *leading == rows;
  }
  if (kindOf(spec) != "gemm")
    return 0;
  Tiling tiling(GemmSpec::fromAttr(spec));
  bool isOneRow = tiling.rows == 1 && tiling.images == 1 && tiling.width % rows == 0;
  return isOneRow && tiling.height > 1 ? tiling.width / rows : 0;
}

FailureOr<func::FuncOp> emitKernel(ModuleOp module, Location loc, StringRef name, DictionaryAttr spec,
                                   const target::Variant &variant) {
  Entry entry = find(kindOf(spec));
  if (!entry.emitter)
    return emitError(loc, "no kernel of kind '") << kindOf(spec) << "'", failure();
  if (variant.isGpu)
    return gpu::emitKernel(module, loc, name, spec, variant, entry.emitter);
  OpBuilder builder(module.getContext());
  builder.setInsertionPointToEnd(module.getBody());
  auto pointer = LLVM::LLVMPointerType::get(module.getContext());
  SmallVector<Type> inputs(spec.getAs<ArrayAttr>("views").size(), pointer);
  inputs.append(2, builder.getI64Type());
  if (worksTogether(spec))
    inputs.append({pointer, pointer, builder.getI32Type()});
  if (spec.contains(limitKey))
    inputs.push_back(builder.getI64Type());
  auto function = func::FuncOp::create(builder, loc, name, builder.getFunctionType(inputs, {}));
  function.setPrivate();
  builder.setInsertionPointToEnd(function.addEntryBlock());
  if (failed(entry.emitter(builder, function, spec, variant)))
    return function.erase(), failure();
  builder.setInsertionPointToEnd(&function.getBody().back());
  func::ReturnOp::create(builder, loc);
  return function;
}

} // namespace qcc::kernels

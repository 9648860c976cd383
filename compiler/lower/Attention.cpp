//===- Attention.cpp - Attention as one kernel ----------------------------===//

#include "compiler/kernels/attention/Attention.h"
#include "compiler/lower/Lowering.h"

using namespace mlir;
using namespace qcc;
using namespace qcc::lower;

/// A kernel that reads keys as they lie has an instruction for each few numbers of a query.
static constexpr int64_t deepestToRead = 512;

/// Where the numbers of heads lie side by side, and pairs of them on even places.
static Place inRows(Lowering &lowering, AttentionOp op, const Place &from) {
  ArrayRef<int64_t> strides = from.view.strides;
  auto isOdd = [](int64_t number) { return number % 2 != 0; };
  if (strides.back() == 1 && !isOdd(from.view.offset) && llvm::none_of(strides.drop_back(), isOdd))
    return from;
  Place dense = lowering.storage().scratch(from.view.element, from.view.shape, {}, "heads");
  lowering.copy(op, from, dense);
  return dense;
}

/// Pairs of numbers of heads as elements.
static Place inPairs(Place place) {
  kernels::View &view = place.view;
  view.element = IntegerType::get(view.element.getContext(), 32);
  view.shape.back() /= 2;
  for (int64_t &stride : MutableArrayRef(view.strides).drop_back())
    stride /= 2;
  view.offset /= 2;
  return place;
}

/// Keys are turned once, so that the kernel's vectors run along them, but for a few queries; everything
/// else is read and written where it lies. Of bf16 pairs are turned where instructions take such.
LogicalResult lower::lowerAttention(Lowering &lowering, AttentionOp op) {
  Storage &storage = lowering.storage();
  Builder builder(op.getContext());
  auto turned = [](Place place) {
    ArrayRef<int64_t> shape = place.view.shape, strides = place.view.strides;
    kernels::View view = place.view;
    view.shape = {shape[0], shape[2], shape[3], shape[1]};
    view.strides = {strides[0], strides[2], strides[3], strides[1]};
    place.view = view;
    return place;
  };
  Place query = storage.place(op.getQuery()), from = storage.place(op.getKey()),
        value = storage.place(op.getValue());
  bool isBf16 = query.view.element.isBF16();
  if (isBf16 && lowering.packing() != target::Packing::Rows) {
    query = inRows(lowering, op, query);
    from = inRows(lowering, op, from);
    value = inRows(lowering, op, value);
  }
  from = turned(isBf16 && lowering.packing() == target::Packing::Quads ? inPairs(from) : from);
  Place key = from;
  bool isRead = cast<RankedTensorType>(op.getQuery().getType()).getDimSize(1) < kernels::queriesToTurnFor &&
                from.view.strides[2] == 1 && query.view.strides[3] == 1 && from.view.shape[2] > 1 &&
                from.view.shape[2] <= deepestToRead && from.view.shape[3] > 1 && !isBf16 &&
                lowering.packing() != target::Packing::Rows;
  if (!isRead) {
    key = storage.scratch(from.view.element, from.view.shape, {}, "keys");
    if (op.getCount()) // else all are read
      lowering.copyTurned(op, op.getKey(), from, key);
    else
      lowering.copy(op, from, key);
  }

  SmallVector<Place> places{query, key, value};
  SmallVector<Type> types;
  if (op.getMask())
    places.push_back(storage.place(op.getMask()));
  if (op.getCount())
    places.push_back(storage.place(op.getCount()));
  places.push_back(storage.place(op.getResult()));
  for (const Place &place : places)
    types.push_back(RankedTensorType::get(place.view.shape, place.view.element));
  NamedAttrList spec;
  spec.set("kind", builder.getStringAttr("attention"));
  spec.set("types", builder.getTypeArrayAttr(types));
  spec.set("operands", builder.getDenseI64ArrayAttr({1, 1, 1, op.getMask() ? 1 : 0, op.getCount() ? 1 : 0}));
  spec.set("attrs", builder.getDictionaryAttr({builder.getNamedAttr("scale", op.getScaleAttr()),
                                               builder.getNamedAttr("softcap", op.getSoftcapAttr())}));
  auto queries = cast<RankedTensorType>(op.getQuery().getType());
  int64_t keys = cast<RankedTensorType>(op.getKey().getType()).getDimSize(1);
  int64_t width = cast<RankedTensorType>(op.getValue().getType()).getDimSize(3);
  int64_t rows = queries.getNumElements() / std::max<int64_t>(queries.getDimSize(3), 1);
  lowering.invoke(op, spec, places, 1, rows * keys * (queries.getDimSize(3) + width));
  return success();
}

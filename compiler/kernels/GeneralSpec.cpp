//===- GeneralSpec.cpp - Asking for a general kernel ------------------------===//
#include "compiler/kernels/GeneralSpec.h"

using namespace mlir;

DictionaryAttr qcc::kernels::generalSpec(Builder &builder, StringRef kind, ArrayRef<View> views,
                                         ArrayRef<NamedAttribute> attributes) {
  SmallVector<Type> types;
  SmallVector<Attribute> places;
  for (const View &view : views) {
    types.push_back(RankedTensorType::get(view.shape, view.element));
    places.push_back(view.toAttr());
  }
  NamedAttrList spec;
  spec.set("kind", builder.getStringAttr(kind));
  spec.set("types", builder.getTypeArrayAttr(types));
  spec.set("attrs", builder.getDictionaryAttr(attributes));
  spec.set("views", builder.getArrayAttr(places));
  spec.set("units", builder.getI64IntegerAttr(kernelUnits(spec.getDictionary(builder.getContext()))));
  return spec.getDictionary(builder.getContext());
}

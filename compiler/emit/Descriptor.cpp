//===- Descriptor.cpp - qcc_model as data ---------------------------------===//
//
// Writes the structures of qcc/runtime.h, field by field in their order; LLVM's
// unpacked structs have C's layout. Calibration (Jit.cpp) and every test that
// runs a model would notice a slip.
//
//===----------------------------------------------------------------------===//

#include "compiler/emit/Descriptor.h"

#include "compiler/emit/Steps.h"
#include "runtime/cuda.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"

using namespace llvm;
using namespace qcc;
using namespace qcc::emit;

namespace {
class Writer {
public:
  Writer(Module &module, const Program &program, const DescriptorOptions &options)
      : module(module), context(module.getContext()), program(program), options(options),
        pointer(PointerType::get(context, 0)) {}

  void run() {
    addBlob();
    auto *modelType = structOf(modelFields(nullptr, nullptr));
    auto *model = new GlobalVariable(module, modelType, true, GlobalValue::ExternalLinkage, nullptr,
                                     options.prefix + "_model");
    Function *entry = addRun(model);
    model->setInitializer(cast<ConstantStruct>(ConstantStruct::getAnon(context, modelFields(entry, model))));
    if (options.device)
      addRunAsync(model);
    if (options.withRuntime)
      addGetModel(model);
  }

private:
  Constant *u32(uint64_t value) { return ConstantInt::get(Type::getInt32Ty(context), value); }
  Constant *u64(uint64_t value) { return ConstantInt::get(Type::getInt64Ty(context), value); }
  Constant *null() { return ConstantPointerNull::get(pointer); }
  Constant *record(ArrayRef<Constant *> fields) { return ConstantStruct::getAnon(context, fields); }
  StructType *structOf(ArrayRef<Constant *> fields) {
    SmallVector<Type *> types;
    for (Constant *field : fields)
      types.push_back(field->getType());
    return StructType::get(context, types);
  }

  /// A private constant; null for an empty array.
  Constant *array(ArrayRef<Constant *> elements, const Twine &name) {
    if (elements.empty())
      return null();
    auto *type = ArrayType::get(elements[0]->getType(), elements.size());
    auto *value = ConstantArray::get(type, elements);
    return new GlobalVariable(module, type, true, GlobalValue::InternalLinkage, value, name);
  }

  Constant *text(StringRef value) {
    Constant *&known = texts[value];
    if (!known) {
      auto *data = ConstantDataArray::getString(context, value, /*AddNull=*/true);
      auto *global =
          new GlobalVariable(module, data->getType(), true, GlobalValue::PrivateLinkage, data, "text");
      global->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
      global->setAlignment(Align(1));
      known = global;
    }
    return known;
  }

  void addBlob() {
    auto *data = ConstantDataArray::getRaw(StringRef(program.blob.data(), program.blob.size()),
                                           program.blob.size(), Type::getInt8Ty(context));
    GlobalVariable *blob = module.getNamedGlobal(blobSymbol);
    if (!blob)
      blob = new GlobalVariable(module, data->getType(), true, GlobalValue::ExternalLinkage, nullptr,
                                blobSymbol);
    blob->setInitializer(data);
    blob->setConstant(true);
    blob->setVisibility(GlobalValue::HiddenVisibility);
    blob->setAlignment(Align(64));
  }

  Constant *ports(ArrayRef<Port> list, StringRef name) {
    SmallVector<Constant *> rows;
    for (const Port &port : list) {
      SmallVector<Constant *> shape;
      for (int64_t extent : port.type.getShape())
        shape.push_back(u64(extent));
      SmallVector<Constant *> bounds;
      for (int64_t number :
           llvm::concat<const int64_t>(port.least, port.lengths, port.more, port.offsets, port.steps))
        bounds.push_back(u64(number));
      rows.push_back(record({text(port.name), text(port.cName), u32(port.abiType), u32(shape.size()),
                             array(shape, "shape"), array(bounds, "bounds"), u64(port.bytes),
                             ConstantFP::get(Type::getDoubleTy(context), port.scale), u64(port.zeroPoint)}));
    }
    return array(rows, name);
  }

  Constant *stepInfos() {
    SmallVector<Constant *> rows;
    for (InvokeOp step : program.steps) {
      StringRef kernel = step.getKernel();
      rows.push_back(
          record({text(step.getLayer()), text(kernel.substr(0, kernel.rfind('_'))), u64(step.getMacs()),
                  u32(step.getNoBarrier() ? QCC_STEP_NO_BARRIER : 0), u32(0)}));
    }
    return array(rows, "steps");
  }

  /// A step that may be code of another object.
  Constant *step(const std::string &name) {
    auto *type = FunctionType::get(Type::getVoidTy(context),
                                   {pointer, Type::getInt32Ty(context), Type::getInt32Ty(context)}, false);
    auto *function = cast<Function>(module.getOrInsertFunction(name, type).getCallee());
    function->setVisibility(GlobalValue::HiddenVisibility);
    return function;
  }

  Constant *variants() {
    SmallVector<Constant *> rows;
    for (const target::Variant *variant : options.variants) {
      SmallVector<Constant *> steps;
      for (size_t i = 0; i < program.steps.size(); ++i)
        steps.push_back(step(stepName(i) + "." + variant->name));
      rows.push_back(record(
          {text(variant->name), u64(variant->cpuBits), array(steps, "steps_" + Twine(variant->name))}));
    }
    return array(rows, "variants");
  }

  /// qcc_model, in the order of runtime.h. Without an entry: only for the types.
  SmallVector<Constant *> modelFields(Function *entry, GlobalVariable *model) {
    Constant *runtime = null();
    if (options.withRuntime && entry)
      runtime = module.getOrInsertGlobal("qcc_rt_runtime", Type::getInt8Ty(context));
    bool final = entry != nullptr;
    return {u32(program.inputShapes.empty() ? QCC_ABI_VERSION : QCC_ABI_VERSION_BOUNDED),
            u32(sizeof(qcc_model)),
            final ? text(options.prefix) : null(),
            final ? text(options.manifest) : null(),
            final ? static_cast<Constant *>(entry) : null(),
            runtime,
            u32(program.inputs.size()),
            u32(program.outputs.size()),
            final ? ports(program.inputs, "inputs") : null(),
            final ? ports(program.outputs, "outputs") : null(),
            u64(program.workspaceBytes),
            u64(program.blob.size()),
            u32(program.steps.size()),
            u32(options.variants.size()),
            final ? stepInfos() : null(),
            final ? variants() : null(),
            u32(options.device ? QCC_DEVICE_CUDA : QCC_DEVICE_CPU),
            u32(QCC_MODEL_IN_PLACE),
            final && options.device ? deviceData() : null()};
  }

  //--- Device data, in the order of runtime/cuda.h -----------------------------//

  Constant *single(ArrayRef<Constant *> fields, const Twine &name) {
    Constant *value = record(fields);
    return new GlobalVariable(module, value->getType(), true, GlobalValue::InternalLinkage, value, name);
  }

  Constant *cubin(const DeviceCode::Image &image) {
    auto *data = ConstantDataArray::getRaw(image.cubin, image.cubin.size(), Type::getInt8Ty(context));
    auto *global = new GlobalVariable(module, data->getType(), true, GlobalValue::InternalLinkage, data,
                                      "cubin_" + image.variant->name);
    global->setAlignment(Align(64));
    return global;
  }

  Constant *images() {
    SmallVector<Constant *> rows;
    for (const DeviceCode::Image &image : options.device->images)
      rows.push_back(record({u32(image.variant->sm), u32(0), text(image.variant->name), text(image.ptx),
                             image.cubin.empty() ? null() : cubin(image)}));
    return array(rows, "images");
  }

  Constant *devicePointer(const Program &device, mlir::Value value) {
    auto place = [&](uint32_t space, uint32_t index, uint64_t offset) {
      return record({u32(space), u32(index), u64(offset)});
    };
    if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(value)) {
      auto port = [&](size_t index, size_t ports, ArrayRef<int64_t> shapes, uint32_t tensor, uint32_t shape) {
        return index < ports ? place(tensor, index, 0) : place(shape, shapes[index - ports], 0);
      };
      size_t index = argument.getArgNumber(), arguments = device.argumentCount();
      return index < arguments
                 ? port(index, device.inputs.size(), device.shapeInputs, QCC_CUDA_INPUT, QCC_CUDA_INPUT_SHAPE)
                 : port(index - arguments, device.outputs.size(), device.shapeOutputs, QCC_CUDA_OUTPUT,
                        QCC_CUDA_OUTPUT_SHAPE);
    }
    if (auto buffer = value.getDefiningOp<BufferOp>())
      return place(QCC_CUDA_WORKSPACE, 0, *buffer.getOffset());
    return place(QCC_CUDA_CONSTANT, 0, value.getDefiningOp<WeightsOp>().getOffset());
  }

  Constant *deviceSteps(const Program &device) {
    SmallVector<Constant *> rows;
    for (auto [step, launch] : llvm::zip_equal(device.steps, options.device->launches)) {
      SmallVector<Constant *> pointers;
      for (mlir::Value pointer : InvokeOp(step).getPointers())
        pointers.push_back(devicePointer(device, pointer));
      rows.push_back(record({text(InvokeOp(step).getKernel()), array(pointers, "pointers"),
                             u32(pointers.size()), u32(launch.blocks), u32(launch.threads), u32(0)}));
    }
    return array(rows, "device_steps");
  }

  Constant *deviceConstants(const Program &device) {
    if (&device == &program)
      return module.getNamedGlobal(blobSymbol);
    auto *data = ConstantDataArray::getRaw(StringRef(device.blob.data(), device.blob.size()),
                                           device.blob.size(), Type::getInt8Ty(context));
    auto *global = new GlobalVariable(module, data->getType(), true, GlobalValue::InternalLinkage, data,
                                      "device_constants");
    global->setAlignment(Align(64));
    return global;
  }

  Constant *deviceData() {
    const Program &device = *options.device->program;
    auto *type = FunctionType::get(Type::getInt32Ty(context), {pointer, pointer}, false);
    auto *run = cast<Function>(module.getOrInsertFunction("qcc_rt_cuda_run", type).getCallee());
    auto *asyncType = FunctionType::get(Type::getInt32Ty(context), {pointer, pointer, pointer}, false);
    auto *runAsync =
        cast<Function>(module.getOrInsertFunction("qcc_rt_cuda_run_async", asyncType).getCallee());
    return single({run, u32(options.device->images.size()), u32(device.steps.size()), images(),
                   deviceSteps(device), deviceConstants(device), u64(device.blob.size()),
                   u64(device.workspaceBytes), runAsync},
                  "device_program");
  }

  /// name(in, out, work, pool), before its body.
  Function *declareRun(const Twine &name, GlobalValue::LinkageTypes linkage) {
    auto *type = FunctionType::get(Type::getInt32Ty(context), {pointer, pointer, pointer, pointer}, false);
    return Function::Create(type, linkage, name, module);
  }

  /// qcc_rt_run(&PREFIX_model, in, out, work, SIZE_MAX, pool)
  void callRuntime(IRBuilder<> &builder, GlobalVariable *model, Value *in, Value *out, Function *from) {
    Type *i32 = Type::getInt32Ty(context), *i64 = Type::getInt64Ty(context);
    auto *runType = FunctionType::get(i32, {pointer, pointer, pointer, pointer, i64, pointer}, false);
    auto *call = builder.CreateCall(
        module.getOrInsertFunction("qcc_rt_run", runType),
        {model, in, out, from->getArg(2), ConstantInt::get(i64, ~uint64_t(0)), from->getArg(3)});
    if (program.inputShapes.empty())
      call->setTailCall();
    builder.CreateRet(call);
  }

  /// The function of qcc_model.run. Where all shapes are fixed it is PREFIX_run, too: the structures of the
  /// header are arrays of pointers.
  Function *addRun(GlobalVariable *model) {
    bool isBounded = !program.inputShapes.empty();
    Function *function = declareRun(options.prefix + (isBounded ? "_run_pointers" : "_run"),
                                    isBounded ? GlobalValue::InternalLinkage : GlobalValue::ExternalLinkage);
    IRBuilder<> builder(BasicBlock::Create(context, "entry", function));
    callRuntime(builder, model, function->getArg(0), function->getArg(1), function);
    if (isBounded)
      addRunOnStructures(model);
    return function;
  }

  /// PREFIX_run: a structure has a pointer for each tensor, then the shape if it is bounded.
  void addRunOnStructures(GlobalVariable *model) {
    Function *function = declareRun(options.prefix + "_run", GlobalValue::ExternalLinkage);
    IRBuilder<> builder(context);
    auto [in, out] = pointersOf(builder, function);
    callRuntime(builder, model, in, out, function);
  }

  /// Arrays of the pointers in the two structures that a function gets, which ends where there are none.
  std::pair<Value *, Value *> pointersOf(IRBuilder<> &builder, Function *function) {
    auto *check = BasicBlock::Create(context, "entry", function),
         *wrong = BasicBlock::Create(context, "", function),
         *fine = BasicBlock::Create(context, "", function);
    builder.SetInsertPoint(check);
    Value *in = function->getArg(0), *out = function->getArg(1);
    builder.CreateCondBr(builder.CreateOr(builder.CreateIsNull(in), builder.CreateIsNull(out)), wrong, fine);
    builder.SetInsertPoint(wrong);
    builder.CreateRet(ConstantInt::get(Type::getInt32Ty(context), QCC_ERR_ARGUMENT));
    builder.SetInsertPoint(fine);
    return {pointersIn(builder, program.inputs, in), pointersIn(builder, program.outputs, out)};
  }

  /// The tensors' pointers, then those to their shapes.
  Value *pointersIn(IRBuilder<> &builder, ArrayRef<Port> ports, Value *structure) {
    Value *array = builder.CreateAlloca(pointer, builder.getInt32(2 * ports.size() + 1));
    auto set = [&](size_t index, Value *value) {
      builder.CreateStore(value, builder.CreateConstGEP1_64(pointer, array, index));
    };
    size_t slot = 0; // of 8 bytes
    for (auto [i, port] : llvm::enumerate(ports)) {
      auto member = [&] { return builder.CreateConstGEP1_64(pointer, structure, slot); };
      set(i, builder.CreateLoad(pointer, member()));
      ++slot;
      set(ports.size() + i, port.isBounded() ? member() : null());
      slot += port.isBounded() ? port.type.getRank() : 0;
    }
    return array;
  }

  /// PREFIX_run_async(in, out, stream) = qcc_run_async(&PREFIX_model, in, out, stream)
  void addRunAsync(GlobalVariable *model) {
    Type *i32 = Type::getInt32Ty(context);
    auto *type = FunctionType::get(i32, {pointer, pointer, pointer}, false);
    auto *runType = FunctionType::get(i32, {pointer, pointer, pointer, pointer}, false);
    auto *function =
        Function::Create(type, GlobalValue::ExternalLinkage, options.prefix + "_run_async", module);
    IRBuilder<> builder(context);
    Value *in = function->getArg(0), *out = function->getArg(1);
    bool isBounded = !program.inputShapes.empty();
    if (isBounded)
      std::tie(in, out) = pointersOf(builder, function);
    else
      builder.SetInsertPoint(BasicBlock::Create(context, "entry", function));
    auto *call = builder.CreateCall(module.getOrInsertFunction("qcc_run_async", runType),
                                    {model, in, out, function->getArg(2)});
    if (!isBounded)
      call->setTailCall();
    builder.CreateRet(call);
  }

  void addGetModel(GlobalVariable *model) {
    auto *type = FunctionType::get(pointer, false);
    auto *function = Function::Create(type, GlobalValue::ExternalLinkage, "qcc_get_model", module);
    IRBuilder<> builder(BasicBlock::Create(context, "entry", function));
    builder.CreateRet(model);
  }

  Module &module;
  LLVMContext &context;
  const Program &program;
  const DescriptorOptions &options;
  PointerType *pointer;
  StringMap<Constant *> texts;
};
} // namespace

void emit::addDescriptor(Module &module, const Program &program, const DescriptorOptions &options) {
  Writer(module, program, options).run();
}

//===- LoopsRunner.cpp - Kernels and tensors in the test -----------===//
#include "test/kernels/LoopsRunner.h"
#include "compiler/emit/Codegen.h"
#include "compiler/emit/LowerToLlvm.h"
#include "compiler/kernels/Expr.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;

namespace qcc::test {

bool KernelLibrary::add(MLIRContext &context, llvm::StringRef name, DictionaryAttr spec) {
  Location loc = UnknownLoc::get(&context);
  if (!module)
    module = ModuleOp::create(loc);
  auto function = kernels::emitKernel(*module, loc, name, spec, variant);
  if (failed(function))
    return false;
  function->setPublic();
  names.push_back(name.str());
  return true;
}

static std::string messageOf(llvm::Error error) { return llvm::toString(std::move(error)); }

std::string KernelLibrary::compile() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  if (failed(mlir::verify(*module)) || failed(emit::lowerToLlvm(*module)))
    return "the module does not lower";
  llvm::LLVMContext context;
  auto llvmModule = emit::translateToLlvm(*module, context);
  if (!llvmModule)
    return "the module does not translate";
  if (const char *path = getenv("QCC_TEST_DUMP")) {
    std::error_code code;
    llvm::raw_fd_ostream stream(std::string(path) + "." + variant.name + ".ll", code);
    llvmModule->print(stream, nullptr);
  }
  auto object = emit::compileToObject(*llvmModule, variant, 2);
  if (!object)
    return messageOf(object.takeError());
  if (Emulator::isNeededFor(variant)) {
    emulator = std::make_unique<Emulator>(variant, llvm::StringRef(object->data(), object->size()), names);
    return "";
  }
  auto created = llvm::orc::LLJITBuilder().create();
  if (!created)
    return messageOf(created.takeError());
  jit = std::move(*created);
  auto buffer = llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(object->data(), object->size()));
  if (auto error = jit->addObjectFile(std::move(buffer)))
    return messageOf(std::move(error));
  return "";
}

Buffer::Buffer(const kernels::View &view, uint8_t fill)
    : view(view), elementBytes(kernels::storageBytes(view.element)), fill(fill) {
  int64_t last = view.offset;
  for (auto [size, stride] : llvm::zip_equal(view.shape, view.strides))
    last += std::max<int64_t>(size - 1, 0) * stride;
  bytes.assign(static_cast<size_t>((last + 1) * elementBytes) + 2 * guard, fill);
}

template <typename Visit> void Buffer::forEach(Visit visit) const {
  SmallVector<int64_t> position(view.shape.size(), 0);
  int64_t count = 1;
  for (int64_t size : view.shape)
    count *= size;
  for (int64_t i = 0; i < count; ++i) {
    int64_t offset = view.offset;
    for (size_t axis = 0; axis < position.size(); ++axis)
      offset += position[axis] * view.strides[axis];
    visit(i, guard + static_cast<size_t>(offset * elementBytes));
    for (size_t axis = position.size(); axis-- > 0;) {
      if (++position[axis] < view.shape[axis])
        break;
      position[axis] = 0;
    }
  }
}

void Buffer::write(const reference::Tensor &tensor) {
  forEach([&](int64_t i, size_t at) { memcpy(&bytes[at], &tensor.bytes[i * elementBytes], elementBytes); });
}

reference::Tensor Buffer::read(reference::DType type) const {
  reference::Tensor tensor(type, std::vector<int64_t>(view.shape.begin(), view.shape.end()));
  forEach([&](int64_t i, size_t at) { memcpy(&tensor.bytes[i * elementBytes], &bytes[at], elementBytes); });
  return tensor;
}

bool Buffer::restIsUntouched() const {
  std::vector<bool> inside(bytes.size());
  forEach([&](int64_t, size_t at) { std::fill_n(inside.begin() + at, elementBytes, true); });
  for (size_t i = 0; i < bytes.size(); ++i)
    if (!inside[i] && bytes[i] != fill)
      return false;
  return true;
}

template <size_t... I>
static void callWith(void *code, llvm::ArrayRef<void *> p, int64_t begin, int64_t end,
                     std::index_sequence<I...>) {
  using Kernel = void (*)(decltype((void)I, (void *)nullptr)..., int64_t, int64_t);
  reinterpret_cast<Kernel>(code)(p[I]..., begin, end);
}

static void callKernel(void *code, llvm::ArrayRef<void *> pointers, int64_t begin, int64_t end) {
  switch (pointers.size()) {
  case 1:
    return callWith(code, pointers, begin, end, std::make_index_sequence<1>());
  case 2:
    return callWith(code, pointers, begin, end, std::make_index_sequence<2>());
  case 3:
    return callWith(code, pointers, begin, end, std::make_index_sequence<3>());
  case 4:
    return callWith(code, pointers, begin, end, std::make_index_sequence<4>());
  case 5:
    return callWith(code, pointers, begin, end, std::make_index_sequence<5>());
  case 6:
    return callWith(code, pointers, begin, end, std::make_index_sequence<6>());
  default:
    llvm::report_fatal_error("too many pointers for a test");
  }
}

bool KernelLibrary::call(llvm::StringRef name, llvm::ArrayRef<Buffer *> buffers, int64_t begin, int64_t end) {
  if (emulator) {
    SmallVector<Emulator::Memory> memory;
    for (Buffer *buffer : buffers)
      memory.push_back(buffer->memory());
    return emulator->call(llvm::find(names, name) - names.begin(), memory, begin, end);
  }
  auto symbol = jit->lookup(name);
  if (!symbol) {
    llvm::errs() << messageOf(symbol.takeError()) << "\n";
    return false;
  }
  SmallVector<void *> pointers;
  for (Buffer *buffer : buffers)
    pointers.push_back(buffer->pointer());
  callKernel(symbol->toPtr<void *>(), pointers, begin, end);
  return true;
}

kernels::View makeView(Type element, ArrayRef<int64_t> shape, bool padded) {
  kernels::View view = kernels::View::rowMajor(element, shape);
  if (!padded)
    return view;
  int64_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    view.strides[axis] = stride;
    stride *= shape[axis] + (axis + 1 == shape.size() ? 3 : 1);
  }
  view.offset = 5;
  return view;
}

} // namespace qcc::test

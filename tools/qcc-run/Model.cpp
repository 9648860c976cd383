//===- Model.cpp - loads a shared object and runs it ----------------------===//
#include "tools/qcc-run/Model.h"

#include <chrono>
#include <cstdlib>
#include <dlfcn.h>
#include <new>

namespace qcc::run {

Buffer::Buffer(size_t size) : count(size) {
  void *memory = nullptr;
  if (size > SIZE_MAX - 64 || ::posix_memalign(&memory, 64, size ? size : 1) != 0)
    throw std::bad_alloc();
  bytes.reset(static_cast<uint8_t *>(memory));
}

void Buffer::Free::operator()(void *pointer) const { std::free(pointer); }

Model::~Model() {
  if (pool)
    runtime->pool_destroy(pool);
  if (handle)
    ::dlclose(handle);
}

bool Model::load(const std::string &path, std::string &error) {
  // Without a slash dlopen would search the system's folders.
  handle =
      ::dlopen((path.find('/') == std::string::npos ? "./" + path : path).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    error = std::string("cannot load: ") + ::dlerror();
    return false;
  }
  void *symbol = ::dlsym(handle, "qcc_get_model");
  if (!symbol) {
    error = "is not a model: no function 'qcc_get_model'; compile it with qcc --emit=shared";
    return false;
  }
  descriptor = reinterpret_cast<const qcc_model *(*)(void)>(symbol)();
  return check(error);
}

bool Model::check(std::string &error) const {
  auto isKnown = [](uint32_t version) {
    return version == QCC_ABI_VERSION || version == QCC_ABI_VERSION_BOUNDED;
  };
  if (!descriptor || !isKnown(descriptor->abi_version) || descriptor->struct_bytes < sizeof(qcc_model)) {
    error = "was compiled for runtime version " + std::to_string(descriptor ? descriptor->abi_version : 0) +
            ", this is version " + std::to_string(QCC_ABI_VERSION) + "; compile it again";
    return false;
  }
  for (uint32_t i = 0; i < descriptor->n_inputs; ++i)
    if (!checkInfo(descriptor->inputs[i], error))
      return false;
  for (uint32_t o = 0; o < descriptor->n_outputs; ++o)
    if (!checkInfo(descriptor->outputs[o], error))
      return false;
  return true;
}

bool Model::open(const std::string &path, int threads, std::string &error) {
  if (!load(path, error))
    return false;
  // The shared object's own runtime, as a caller from Python would use it.
  runtime = descriptor->runtime ? descriptor->runtime : &qcc_rt_runtime;
  if (descriptor->device == QCC_DEVICE_CPU) {
    qcc_status status = runtime->select_variant(descriptor, &selected);
    if (status != QCC_OK) {
      error = runtime->status_string(status);
      return false;
    }
  }
  if (threads != 1 && !(pool = runtime->pool_create(threads))) {
    error = "cannot start " + std::to_string(threads) + " threads";
    return false;
  }
  makeBuffers();
  work.emplace_back(descriptor->workspace_bytes);
  return true;
}

void Model::makeBuffers() {
  for (uint32_t i = 0; i < descriptor->n_inputs; ++i) {
    inputs.emplace_back(descriptor->inputs[i].bytes);
    inputPointers.push_back(inputs[i].data());
    inputShapes.push_back(shapeOf(descriptor->inputs[i]));
    fillPseudoRandom(descriptor->inputs[i], i, inputs[i].data());
  }
  for (uint32_t o = 0; o < descriptor->n_outputs; ++o) {
    outputs.emplace_back(descriptor->outputs[o].bytes);
    outputPointers.push_back(outputs[o].data());
    outputShapes.push_back(shapeOf(descriptor->outputs[o]));
  }
  for (const std::vector<int64_t> &shape : inputShapes)
    inputPointers.push_back(shape.data());
  for (std::vector<int64_t> &shape : outputShapes)
    outputPointers.push_back(shape.data());
}

qcc_tensor_info Model::infoOf(const qcc_tensor_info &info, const std::vector<int64_t> &shape) {
  qcc_tensor_info here = info;
  here.shape = shape.data();
  if (info.min_shape) // whose elements have whole bytes
    here.bytes = elementsOf(here) * (findType(info.type)->bits / 8);
  return here;
}

/// What the extent adds to its lengths, and those: -1 where there is none.
static int64_t boundOf(const qcc_tensor_info &info, uint32_t row, uint32_t axis) {
  return info.min_shape[info.rank * row + axis];
}

void Model::setShape(uint32_t i, const std::vector<int64_t> &shape) {
  const qcc_tensor_info &given = descriptor->inputs[i];
  for (uint32_t axis = 0; given.min_shape && axis < given.rank; ++axis) {
    inputShapes[i][axis] = shape[axis];
    if (boundOf(given, 1, axis) >= 0 && boundOf(given, 2, axis) < 0)
      lengths[boundOf(given, 1, axis)] = shape[axis] - boundOf(given, 3, axis);
  }
  // All that have these lengths alone, or whose every length is known.
  for (uint32_t k = 0; k < descriptor->n_inputs; ++k) {
    const qcc_tensor_info &other = descriptor->inputs[k];
    for (uint32_t a = 0; other.min_shape && a < other.rank; ++a) {
      auto one = lengths.find(boundOf(other, 1, a)), more = lengths.find(boundOf(other, 2, a));
      if (one != lengths.end() && (boundOf(other, 2, a) < 0 || more != lengths.end()))
        inputShapes[k][a] = one->second + (more == lengths.end() ? 0 : more->second) + boundOf(other, 3, a);
    }
  }
}

qcc_status Model::run() const {
  return runtime->run(descriptor, inputPointers.data(), outputPointers.data(), work[0].data(), work[0].size(),
                      pool);
}

void Model::runSteps(std::vector<double> &milliseconds) const {
  using Clock = std::chrono::steady_clock;
  qcc_frame frame = {inputPointers.data(), outputPointers.data(), work[0].data(), nullptr, nullptr};
  for (uint32_t i = 0; i < descriptor->n_steps; ++i) {
    Clock::time_point start = Clock::now();
    selected->steps[i](&frame, 0, 1);
    double time = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    milliseconds[i] = std::min(milliseconds[i], time);
  }
}

bool Model::splitPair(const std::string &pair, const qcc_tensor_info *infos, uint32_t count, uint32_t &index,
                      std::string &file) {
  for (size_t end = pair.find('='); end != std::string::npos; end = pair.find('=', end + 1)) {
    for (index = 0; index < count; ++index) {
      if (pair.compare(0, end, infos[index].name) == 0 &&
          std::char_traits<char>::length(infos[index].name) == end) {
        file = pair.substr(end + 1);
        return true;
      }
    }
  }
  return false;
}

} // namespace qcc::run

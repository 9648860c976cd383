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
  if (!descriptor || descriptor->abi_version != QCC_ABI_VERSION ||
      descriptor->struct_bytes < sizeof(qcc_model)) {
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
  for (uint32_t i = 0; i < descriptor->n_inputs; ++i) {
    inputs.emplace_back(descriptor->inputs[i].bytes);
    inputPointers.push_back(inputs[i].data());
    fillPseudoRandom(descriptor->inputs[i], i, inputs[i].data());
  }
  for (uint32_t o = 0; o < descriptor->n_outputs; ++o) {
    outputs.emplace_back(descriptor->outputs[o].bytes);
    outputPointers.push_back(outputs[o].data());
  }
  work.emplace_back(descriptor->workspace_bytes);
  return true;
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

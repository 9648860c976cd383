//===- NpyFile.cpp - .npy files on disk -----------------------------------===//
#include "compiler/support/Npy.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qcc::support {
namespace {

bool failErrno(const std::string &path, const char *doing, std::string &error) {
  error = path + ": cannot " + doing + ": " + std::strerror(errno);
  return false;
}

class File {
public:
  explicit File(int fd) : fd(fd) {}
  ~File() {
    if (fd >= 0)
      ::close(fd);
  }
  File(const File &) = delete;
  File &operator=(const File &) = delete;

  explicit operator bool() const { return fd >= 0; }
  int get() const { return fd; }
  bool close() {
    int old = fd;
    fd = -1;
    return ::close(old) == 0;
  }

private:
  int fd;
};

bool writeAll(int fd, const void *bytes, size_t size) {
  const char *pos = static_cast<const char *>(bytes);
  while (size) {
    ssize_t done = ::write(fd, pos, size);
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return false;
    pos += done;
    size -= static_cast<size_t>(done);
  }
  return true;
}

/// A new file beside `path`. Not mkstemp: its mode 0600 would stay.
int createBeside(const std::string &path, std::string &name) {
  for (int attempt = 0;; ++attempt) {
    name = path + ".tmp" + std::to_string(::getpid()) + "." + std::to_string(attempt);
    int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST || attempt == 100)
      return fd;
  }
}

bool writeArray(File &file, const NpyArray &array) {
  std::string header = npyFileHeader(array.type, array.shape);
  return writeAll(file.get(), header.data(), header.size()) &&
         writeAll(file.get(), array.data.data(), array.data.size()) && file.close();
}

} // namespace

bool readNpyFile(const std::string &path, NpyArray &array, std::string &error) {
  // Without O_NONBLOCK the open of a FIFO would wait for its writer.
  File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info;
  if (!file || ::fstat(file.get(), &info) != 0)
    return failErrno(path, "open", error);
  if (!S_ISREG(info.st_mode)) {
    error = path + ": not a regular file";
    return false;
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(info.st_size));
  size_t have = 0;
  while (have < bytes.size()) {
    ssize_t got = ::read(file.get(), bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno != EINTR)
      return failErrno(path, "read", error);
    if (got == 0)
      break;
    have += got > 0 ? static_cast<size_t>(got) : 0;
  }
  if (readNpy(bytes.data(), have, array, error))
    return true;
  error = path + ": " + error;
  return false;
}

bool writeNpyFile(const std::string &path, const NpyArray &array, std::string &error) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    File direct(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    return (direct && writeArray(direct, array)) || failErrno(path, "write", error);
  }
  std::string temporary;
  File file(createBeside(path, temporary));
  if (!file)
    return failErrno(path, "create", error);
  if (writeArray(file, array) && std::rename(temporary.c_str(), path.c_str()) == 0)
    return true;
  failErrno(path, "write", error);
  ::unlink(temporary.c_str());
  return false;
}

} // namespace qcc::support

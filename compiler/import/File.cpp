//===- File.cpp - Reading files that may be hostile -----------------------===//

#include "compiler/import/File.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

using namespace qcc::import;

namespace {

/// A file descriptor that closes itself.
struct Descriptor {
  int fd;
  explicit Descriptor(int fd) : fd(fd) {}
  ~Descriptor() {
    if (fd >= 0)
      close(fd);
  }
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  int release() { return std::exchange(fd, -1); }
};

const char *kindOfFile(mode_t mode) {
  if (S_ISDIR(mode))
    return "a folder";
  if (S_ISFIFO(mode))
    return "a pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode))
    return "a device";
  return S_ISSOCK(mode) ? "a socket" : "not a regular file";
}

/// Reads `text.size()` bytes at `offset`. Files are read, not mapped: one that
/// shrinks under our hands must give an error, not a signal.
bool readAt(int fd, int64_t offset, std::string &text, std::string &error) {
  size_t done = 0;
  while (done < text.size()) {
    ssize_t n = pread(fd, &text[done], text.size() - done, offset + static_cast<int64_t>(done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      error = n < 0 ? std::string("cannot be read: ") + strerror(errno) : "became shorter while it was read";
      return false;
    }
    done += static_cast<size_t>(n);
  }
  return true;
}

/// O_NONBLOCK keeps a pipe without a writer from stopping us.
constexpr int readFlags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;

/// Opens `location` below `folder` where the kernel has no openat2: one component
/// at a time, none of which may be a symbolic link or lead upwards.
int openStepwise(int folder, const std::string &location) {
  int current = dup(folder);
  size_t begin = 0;
  while (current >= 0) {
    size_t end = location.find('/', begin);
    bool last = end == std::string::npos;
    std::string part = location.substr(begin, last ? end : end - begin);
    Descriptor parent(current);
    if (part == ".." || (last && part.empty())) {
      errno = EXDEV;
      return -1;
    }
    begin = end + 1;
    if (!last && (part.empty() || part == ".")) {
      parent.release();
      continue;
    }
    current = openat(parent.fd, part.c_str(), readFlags | O_NOFOLLOW | (last ? 0 : O_DIRECTORY));
    if (last)
      return current;
  }
  return -1;
}

int openBeneath(int folder, const std::string &location) {
  open_how how = {};
  how.flags = readFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  int fd = static_cast<int>(syscall(SYS_openat2, folder, location.c_str(), &how, sizeof(how)));
  if (fd < 0 && (errno == ENOSYS || errno == EPERM))
    return openStepwise(folder, location);
  return fd;
}

std::string whyNotOpened(int code) {
  if (code == EXDEV)
    return "leads out of the model's folder";
  if (code == ELOOP)
    return "goes through a symbolic link";
  return std::string("cannot be opened: ") + strerror(code);
}

} // namespace

Bytes qcc::import::readFile(const std::string &path, uint64_t limit, std::string &error) {
  Descriptor file(open(path.c_str(), readFlags));
  struct stat info = {};
  if (file.fd < 0 || fstat(file.fd, &info) != 0) {
    error = std::string("cannot be opened: ") + strerror(errno);
    return nullptr;
  }
  if (!S_ISREG(info.st_mode)) {
    error = std::string("is ") + kindOfFile(info.st_mode) + "; a file is expected";
    return nullptr;
  }
  if (info.st_size == 0) {
    error = "is empty";
    return nullptr;
  }
  if (static_cast<uint64_t>(info.st_size) > limit) {
    error = "has " + std::to_string(info.st_size) + " bytes, but one file can hold at most " +
            std::to_string(limit) + ": save the weights as external data";
    return nullptr;
  }
  auto bytes = std::make_shared<std::string>(static_cast<size_t>(info.st_size), '\0');
  return readAt(file.fd, 0, *bytes, error) ? bytes : nullptr;
}

Folder::Folder(const std::string &modelPath) {
  size_t slash = modelPath.rfind('/');
  std::string folder = slash == std::string::npos ? "." : modelPath.substr(0, slash + 1);
  fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

Folder::~Folder() {
  for (auto &entry : files)
    close(entry.second.fd);
  if (fd >= 0)
    close(fd);
}

const Folder::File *Folder::open(const std::string &location, std::string &error) {
  auto found = files.find(location);
  if (found != files.end())
    return &found->second;
  if (location.empty() || location[0] == '/' || location.find('\0') != std::string::npos) {
    error = location.empty() ? "has an empty name" : "must be named relative to the model";
    return nullptr;
  }
  Descriptor file(openBeneath(fd, location));
  struct stat info = {};
  if (file.fd < 0 || fstat(file.fd, &info) != 0) {
    error = whyNotOpened(errno);
    return nullptr;
  }
  if (!S_ISREG(info.st_mode)) {
    error = std::string("is ") + kindOfFile(info.st_mode) + "; a file is expected";
    return nullptr;
  }
  // A second name could be one outside the folder.
  if (info.st_nlink > 1) {
    error = "has " + std::to_string(info.st_nlink) + " hard links; only 1 is accepted";
    return nullptr;
  }
  File &entry = files[location];
  entry = {file.release(), info.st_size};
  return &entry;
}

Bytes Folder::read(const std::string &location, int64_t offset, int64_t length, std::string &error) {
  const File *file = open(location, error);
  if (!file)
    return nullptr;
  if (length == -1 && offset <= file->size)
    length = file->size - offset;
  if (offset < 0 || length < 0 || offset > file->size || length > file->size - offset) {
    error = "has " + std::to_string(file->size) + " bytes, but offset " + std::to_string(offset) +
            " and length " + std::to_string(length) + " are asked for";
    return nullptr;
  }
  auto bytes = std::make_shared<std::string>(static_cast<size_t>(length), '\0');
  return readAt(file->fd, offset, *bytes, error) ? bytes : nullptr;
}

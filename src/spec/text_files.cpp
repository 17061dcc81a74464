#include "text_files.h"

#include <cerrno>
#include <cstring>
#include <vector>

#include <sys/stat.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/text.h"
#include "mishap/base/unique_fd.h"

namespace mishap::spec {
namespace {

namespace fs = std::filesystem;

/// The name in the same directory that is most like the one that is missing.
std::string near_name(const fs::path& path) {
  constexpr size_t kMostNames = 1000;
  std::vector<std::string> names;
  std::error_code error;
  fs::path directory = path.has_parent_path() ? path.parent_path() : fs::path(".");
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (names.size() >= kMostNames) break;
    names.push_back(entry->path().filename().string());
  }
  return did_you_mean(path.filename().string(), names);
}

Error problem(const fs::path& path, int error) {
  if (error == ENOENT) {
    std::error_code ignored;
    if (fs::is_symlink(path, ignored)) return Error{"it is a link to a file that does not exist"};
    return Error{"no such file" + near_name(path)};
  }
  if (error == ELOOP) return Error{"it is a link that leads back to itself"};
  if (error == ENOTDIR) return Error{"a part of the path is not a directory"};
  return Error{to_lower(std::strerror(error))};
}

Result<UniqueFd> open_file(const fs::path& path, uint64_t most_bytes, struct stat& status) {
  // A FIFO must not be waited for.
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (fd.get() < 0) return tl::unexpected(problem(path, errno));
  if (fstat(fd.get(), &status) != 0) return tl::unexpected(problem(path, errno));
  if (S_ISDIR(status.st_mode)) return fail("it is a directory");
  if (!S_ISREG(status.st_mode)) return fail("it is not a regular file");
  if (static_cast<uint64_t>(status.st_size) > most_bytes)
    return fail(fmt::format("larger than {} bytes", most_bytes));
  return fd;
}

}  // namespace

Result<void> require_readable(const fs::path& path, uint64_t most_bytes) {
  struct stat status{};
  return open_file(path, most_bytes, status).map([](const auto&) {});
}

Result<std::string> read_text_file(const fs::path& path, uint64_t most_bytes) {
  struct stat status{};
  MISHAP_ASSIGN(UniqueFd fd, open_file(path, most_bytes, status));
  std::string text(static_cast<size_t>(status.st_size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    ssize_t got = read(fd.get(), text.data() + done, text.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected(problem(path, errno));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  text.resize(done);
  return text;
}

}  // namespace mishap::spec

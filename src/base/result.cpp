#include "mishap/base/result.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace mishap {

tl::unexpected<Error> fail_errno(std::string_view what) { return fail_errno(what, errno); }

tl::unexpected<Error> fail_errno(std::string_view what, int errno_value) {
  // generic_category().message is strerror without its shared buffer.
  return fail(fmt::format("{}: {}", what, std::generic_category().message(errno_value)),
              errno_value);
}

}  // namespace mishap

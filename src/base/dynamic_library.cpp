#include "mishap/base/dynamic_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace mishap {

Result<DynamicLibrary> DynamicLibrary::load(const char* file, std::string what,
                                            std::string package) {
  DynamicLibrary library;
  library.what_ = std::move(what);
  library.package_ = std::move(package);
  library.handle_ = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (library.handle_ == nullptr) return library.problem();
  return library;
}

Result<void*> DynamicLibrary::symbol(const char* name) const {
  void* found = dlsym(handle_, name);
  if (found == nullptr) return problem();
  return found;
}

tl::unexpected<Error> DynamicLibrary::problem() const {
  const char* why = dlerror();
  return fail(fmt::format("the {} could not be loaded (apt install {}): {}", what_, package_,
                          why != nullptr ? why : "unknown reason"));
}

}  // namespace mishap

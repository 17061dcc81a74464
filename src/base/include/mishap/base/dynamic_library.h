// Libraries that few runs need, loaded by the first use instead of with the program.
#pragma once

#include <string>

#include "mishap/base/result.h"

namespace mishap {

/// A shared library that stays loaded until the program ends. Any thread.
class DynamicLibrary {
 public:
  /// `file` is its soname, `what` its name for people, `package` where it comes from. Error: "the
  /// WHAT could not be loaded (apt install PACKAGE): …".
  static Result<DynamicLibrary> load(const char* file, std::string what, std::string package);

  /// Finds a function or a variable. Error: as above.
  template <class T>
  Result<void> find(const char* name, T*& pointer) const {
    MISHAP_ASSIGN(void* found, symbol(name));
    pointer = reinterpret_cast<T*>(found);
    return {};
  }

 private:
  Result<void*> symbol(const char* name) const;
  tl::unexpected<Error> problem() const;

  std::string what_, package_;
  void* handle_ = nullptr;
};

}  // namespace mishap

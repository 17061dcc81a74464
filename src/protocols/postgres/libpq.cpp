#include "libpq.h"

#include <string>

#include <dlfcn.h>

namespace mishap::protocols::postgres {
namespace {

Result<Libpq> open_library() {
  void* library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  auto failure = [] {
    const char* why = dlerror();
    return fail(
        std::string("the PostgreSQL client library could not be loaded (apt install libpq5): ") +
        (why ? why : "unknown reason"));
  };
  if (!library) return failure();
  Libpq functions;
#define MISHAP_LIBPQ_LOAD(name)                                                       \
  functions.name = reinterpret_cast<decltype(functions.name)>(dlsym(library, #name)); \
  if (!functions.name) return failure();
  MISHAP_LIBPQ_FUNCTIONS(MISHAP_LIBPQ_LOAD)
#undef MISHAP_LIBPQ_LOAD
  return functions;
}

}  // namespace

Result<const Libpq*> load_libpq() {
  static const Result<Libpq> loaded = open_library();
  if (!loaded) return fail(loaded.error());
  return &*loaded;
}

}  // namespace mishap::protocols::postgres

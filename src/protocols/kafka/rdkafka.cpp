#include "rdkafka.h"

#include <string>

#include <dlfcn.h>

namespace mishap::protocols::kafka {
namespace {

Result<Rdkafka> open_library() {
  void* library = dlopen("librdkafka.so.1", RTLD_NOW | RTLD_LOCAL);
  auto failure = [] {
    const char* why = dlerror();
    return fail(
        std::string("the Kafka client library could not be loaded (apt install librdkafka1): ") +
        (why ? why : "unknown reason"));
  };
  if (!library) return failure();
  Rdkafka functions;
#define MISHAP_RDKAFKA_LOAD(name)                                                     \
  functions.name = reinterpret_cast<decltype(functions.name)>(dlsym(library, #name)); \
  if (!functions.name) return failure();
  MISHAP_RDKAFKA_FUNCTIONS(MISHAP_RDKAFKA_LOAD)
#undef MISHAP_RDKAFKA_LOAD
  return functions;
}

}  // namespace

Result<const Rdkafka*> load_rdkafka() {
  static const Result<Rdkafka> loaded = open_library();
  if (!loaded) return fail(loaded.error());
  return &*loaded;
}

}  // namespace mishap::protocols::kafka

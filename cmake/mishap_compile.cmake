# Flags that every target of ours has.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(shadow -Wshadow=local)  # which clang does not know
endif()
add_compile_options(-Wall -Wextra -Wpedantic ${shadow} -Wno-missing-field-initializers -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of g++ 12 in the standard library's own headers when sanitizers or -O2 inline them.
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict $<$<COMPILE_LANGUAGE:CXX>:-Wno-dangling-pointer>
                      -Wno-stringop-overflow -Wno-array-bounds)
endif()
if(MISHAP_SANITIZE)
  add_compile_options(-fsanitize=${MISHAP_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MISHAP_SANITIZE})
endif()

# mishap_not_sanitized(TARGET...): programs that a sanitizer's runtime would disturb by calls of its own, or that live in a library that is
# not built for it.
function(mishap_not_sanitized)
  foreach(target ${ARGN})
    target_compile_options(${target} PRIVATE -fno-sanitize=all)
    target_link_options(${target} PRIVATE -fno-sanitize=all)
  endforeach()
endfunction()

# What loads librdkafka links this where there is need of it: tests/tsan/c11_threads.c says why.
add_library(mishap_c11_threads INTERFACE)
if(MISHAP_SANITIZE MATCHES "thread")
  add_library(c11_threads STATIC ${PROJECT_SOURCE_DIR}/tests/tsan/c11_threads.c)
  target_link_libraries(mishap_c11_threads INTERFACE c11_threads)
  target_link_options(mishap_c11_threads INTERFACE LINKER:--undefined=thrd_create LINKER:--export-dynamic-symbol=thrd_*
                      LINKER:--export-dynamic-symbol=mtx_* LINKER:--export-dynamic-symbol=cnd_* LINKER:--export-dynamic-symbol=call_once)
endif()

# mishap_optimized(TARGET...): optimized in builds, too, that otherwise are not, to compile in half the time: what tests keep busy for minutes.
function(mishap_optimized)
  foreach(target ${ARGN})
    if(CMAKE_CXX_FLAGS_DEBUG MATCHES "-O0")
      target_compile_options(${target} PRIVATE $<$<CONFIG:Debug>:-O1>)
    endif()
  endforeach()
endfunction()

# Flags that every target of ours has.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow=local -Wno-missing-field-initializers -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of g++ 12 in the standard library's own headers when sanitizers or -O2 inline them.
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict $<$<COMPILE_LANGUAGE:CXX>:-Wno-dangling-pointer>
                      -Wno-stringop-overflow -Wno-array-bounds)
endif()
if(MISHAP_SANITIZE)
  add_compile_options(-fsanitize=${MISHAP_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MISHAP_SANITIZE})
endif()

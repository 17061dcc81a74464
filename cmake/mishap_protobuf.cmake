# mishap_grpc_library(NAME FILE.proto)
#
# The static library NAME: what protoc and gRPC's plugin make of the file, with the libraries it needs, and `FILE.pb.h` and
# `FILE.grpc.pb.h` to include. Made code is none of ours: it is compiled without warnings, and nothing lints it.
find_package(Protobuf REQUIRED)
pkg_check_modules(grpcpp REQUIRED IMPORTED_TARGET grpc++)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

function(mishap_grpc_library name proto)
  get_filename_component(proto ${proto} ABSOLUTE)
  get_filename_component(folder ${proto} DIRECTORY)
  get_filename_component(stem ${proto} NAME_WE)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${name})
  file(MAKE_DIRECTORY ${out})
  set(sources ${out}/${stem}.pb.cc ${out}/${stem}.grpc.pb.cc)
  add_custom_command(
    OUTPUT ${sources} ${out}/${stem}.pb.h ${out}/${stem}.grpc.pb.h
    COMMAND protobuf::protoc -I ${folder} --cpp_out=${out} --grpc_out=${out}
            --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN} ${proto}
    DEPENDS ${proto}
    VERBATIM)
  add_library(${name} STATIC ${sources})
  set_target_properties(${name} PROPERTIES CXX_CLANG_TIDY "")
  target_compile_options(${name} PRIVATE -w)
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_link_libraries(${name} PUBLIC PkgConfig::grpcpp protobuf::libprotobuf)
endfunction()

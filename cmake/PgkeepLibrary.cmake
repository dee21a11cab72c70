# One function for every folder of src/: a library, its public headers, and the folders it may use.
#
#   pgkeep_library(lint UNITY 8 DEPS pgkeep::postgres pgkeep::catalog LIBS fmt::fmt PUBLIC lint.h)
#
# Sources are all *.cc below the folder but *_test.cc, which go into the one unit test program. UNITY: see pgkeep_unity().

# ccache must be told that a precompiled header is as good as its text.
find_program(PGKEEP_CCACHE ccache)
if(PGKEEP_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${PGKEEP_CCACHE})
endif()

# -Wrestrict of g++ 12 warns of std::string's own operator+ at -O2 (GCC bug 105651); three more of its kind do so of moves of
# strings once the standard headers are precompiled.
add_library(pgkeep_warnings INTERFACE)
add_library(pgkeep::warnings ALIAS pgkeep_warnings)
target_compile_options(pgkeep_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict$<SEMICOLON>-Wno-array-bounds$<SEMICOLON>-Wno-stringop-overflow$<SEMICOLON>-Wno-stringop-overread>
                       $<$<BOOL:${PGKEEP_WERROR}>:-Werror>)

set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)

# What nearly every file includes, parsed once: a third of a clean build. The tidy preset and the check of headers do
# without, so a missing include is still an error.
option(PGKEEP_PCH "Precompile the standard headers" ON)
file(WRITE ${CMAKE_BINARY_DIR}/pch/empty.cc "")
add_library(pgkeep_pch OBJECT ${CMAKE_BINARY_DIR}/pch/empty.cc)
target_link_libraries(pgkeep_pch PRIVATE fmt::fmt pgkeep::warnings)
if(PGKEEP_PCH)
  target_compile_options(pgkeep_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  target_precompile_headers(pgkeep_pch PRIVATE <algorithm> <array> <chrono> <cstdint> <expected> <filesystem> <functional> <map>
    <memory> <optional> <set> <span> <string> <string_view> <utility> <variant> <vector> <fmt/format.h>)
endif()
function(pgkeep_precompiled target)
  if(PGKEEP_PCH)
    target_precompile_headers(${target} REUSE_FROM pgkeep_pch)
  endif()
endfunction()

# The sources in so many groups, each one file to the compiler: a clean build takes two thirds of the time. Two files of a
# group must not define one name in their anonymous namespaces: what both need belongs into a header anyway. A file's
# group comes from its name, so that a new file moves no other. Not with PGKEEP_UNITY=OFF, as in the dev preset.
function(pgkeep_unity target groups)
  foreach(source IN LISTS ARGN)
    get_filename_component(name ${source} NAME)
    string(MD5 hash ${name})
    string(SUBSTRING ${hash} 0 6 digits)
    math(EXPR group "0x${digits} % ${groups}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP group_${group})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${PGKEEP_UNITY} UNITY_BUILD_MODE GROUP)
endfunction()

function(pgkeep_library name)
  cmake_parse_arguments(LIB "" "UNITY" "DEPS;LIBS;PUBLIC" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  add_library(pgkeep_${name} STATIC ${sources})
  add_library(pgkeep::${name} ALIAS pgkeep_${name})
  list(TRANSFORM LIB_PUBLIC PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  target_sources(pgkeep_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/src FILES ${LIB_PUBLIC})
  target_link_libraries(pgkeep_${name} PUBLIC ${LIB_DEPS} PRIVATE ${LIB_LIBS} pgkeep::warnings)
  pgkeep_precompiled(pgkeep_${name})
  if(LIB_UNITY)
    pgkeep_unity(pgkeep_${name} ${LIB_UNITY} ${sources})
  endif()
  set_property(GLOBAL APPEND PROPERTY PGKEEP_UNIT_TESTS ${tests})
  set_property(GLOBAL APPEND PROPERTY PGKEEP_LIBRARIES pgkeep::${name})
endfunction()

# Writes <name>.cc into the build folder: the *.sql files of a folder, in order of their names, as one table of texts.
function(pgkeep_embed_sql name folder)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/*.sql)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} "-DFILES=${files}" -DNAME=${name} -P ${CMAKE_SOURCE_DIR}/cmake/EmbedSql.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/EmbedSql.cmake VERBATIM COMMENT "Embedding the SQL of ${folder}")
endfunction()

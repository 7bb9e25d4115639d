# SPDX-License-Identifier: Apache-2.0
# One folder is one target. Its headers are visible only to those who name it in USES, so an include that goes
# against the order of the house does not compile.

add_library(station_flags INTERFACE)
target_compile_options(station_flags INTERFACE
	-Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes
	-Wformat=2 -Wvla -Wundef -Wwrite-strings -Wcast-qual -Wswitch-enum -Wnull-dereference
	-fno-common -fstack-protector-strong -fPIE)
target_compile_definitions(station_flags INTERFACE _GNU_SOURCE)
target_link_options(station_flags INTERFACE -pie -Wl,-z,relro,-z,now)
target_link_libraries(station_flags INTERFACE Threads::Threads)
if(STATION_SANITIZE)
	target_compile_options(station_flags INTERFACE -fsanitize=${STATION_SANITIZE}
		-fno-sanitize-recover=all -fno-omit-frame-pointer)
	target_link_options(station_flags INTERFACE -fsanitize=${STATION_SANITIZE})
else()
	target_compile_definitions(station_flags INTERFACE
		$<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()

if(STATION_FUZZERS) # what is fuzzed has to tell the fuzzer where it went
	target_compile_options(station_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# station_module(name SOURCES a.c b.c [USES modules whose headers ours include] [PRIVATE libraries])
function(station_module name)
	cmake_parse_arguments(M "" "" "SOURCES;USES;PRIVATE" ${ARGN})
	add_library(${name} STATIC ${M_SOURCES})
	target_compile_options(${name} INTERFACE "SHELL:-iquote ${CMAKE_CURRENT_SOURCE_DIR}"
		PRIVATE "SHELL:-iquote ${CMAKE_CURRENT_SOURCE_DIR}")
	target_link_libraries(${name} PUBLIC ${M_USES} PRIVATE station_flags ${M_PRIVATE})
endfunction()

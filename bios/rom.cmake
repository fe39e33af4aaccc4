# gnomon_rom(NAME SIZE_KB LINKER_SCRIPT FLAGS … LINK_FLAGS … SOURCES …): an option ROM, built by gcc for a 386 whatever compiler
# builds the rest. The image is ${CMAKE_BINARY_DIR}/NAME.bin, its target NAME_image.
find_program(GNOMON_ROM_GCC NAMES x86_64-linux-gnu-gcc i686-linux-gnu-gcc gcc REQUIRED)
find_program(GNOMON_ROM_OBJCOPY NAMES objcopy REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)

function(gnomon_rom name size_kb script)
  cmake_parse_arguments(ARG "" "" "FLAGS;LINK_FLAGS;SOURCES;HEADERS" ${ARGN})
  set(objects)
  foreach(source ${ARG_SOURCES})
    get_filename_component(stem ${source} NAME_WE)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}-${stem}.o)
    if(NOT IS_ABSOLUTE ${source})
      set(source ${CMAKE_CURRENT_SOURCE_DIR}/${source})
    endif()
    add_custom_command(OUTPUT ${object}
      COMMAND ${GNOMON_ROM_GCC} -march=i386 -Os -std=gnu17 -ffreestanding -fno-pic -fno-stack-protector -fcf-protection=none
              -fno-asynchronous-unwind-tables -fomit-frame-pointer -mregparm=3 -mpreferred-stack-boundary=2
              -fno-strict-aliasing -Wall -Wextra -Werror ${ARG_FLAGS} -c ${source} -o ${object}
      DEPENDS ${source} ${ARG_HEADERS} VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  set(linked ${CMAKE_CURRENT_BINARY_DIR}/${name}.elf)
  set(image ${CMAKE_BINARY_DIR}/${name}.bin)
  add_custom_command(OUTPUT ${image}
    COMMAND ${GNOMON_ROM_GCC} -m32 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-T,${CMAKE_CURRENT_SOURCE_DIR}/${script}
            ${ARG_LINK_FLAGS} -o ${linked} ${objects}
    COMMAND ${GNOMON_ROM_OBJCOPY} -O binary ${linked} ${linked}.raw
    COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/bios/finish_rom.py ${linked}.raw ${image} ${size_kb}
    DEPENDS ${objects} ${CMAKE_CURRENT_SOURCE_DIR}/${script} ${PROJECT_SOURCE_DIR}/bios/finish_rom.py VERBATIM)
  add_custom_target(${name}_image ALL DEPENDS ${image})
endfunction()

# qcc_add_model(NAME model.onnx [CALIB path] [OPTIONS option...] [DEPENDS file...])
#
# A library NAME with the compiled model, for target_link_libraries; its header is
# NAME.h and its functions begin with NAME_. CALIB is --calib's file or folder;
# OPTIONS are passed to qcc as they are. It is compiled again when the model, the
# calibration data or a file of DEPENDS (external weights, say) changes.
function(qcc_add_model name model)
  cmake_parse_arguments(ARG "" "CALIB" "OPTIONS;DEPENDS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR ARG_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "qcc_add_model(${name}): cannot use '${ARG_UNPARSED_ARGUMENTS}${ARG_KEYWORDS_MISSING_VALUES}'; "
                        "options of qcc go behind OPTIONS")
  endif()
  get_filename_component(model ${model} ABSOLUTE)
  set(inputs ${model})
  set(options ${ARG_OPTIONS})
  if(ARG_CALIB)
    get_filename_component(calib ${ARG_CALIB} ABSOLUTE)
    list(APPEND options --calib=${calib})
    if(IS_DIRECTORY ${calib})
      file(GLOB samples CONFIGURE_DEPENDS ${calib}/*)
      list(APPEND inputs ${samples})
    else()
      list(APPEND inputs ${calib})
    endif()
  endif()
  foreach(file IN LISTS ARG_DEPENDS)
    get_filename_component(file ${file} ABSOLUTE)
    list(APPEND inputs ${file})
  endforeach()

  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name}.qcc)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(
    OUTPUT ${folder}/${name}.o ${folder}/${name}.h
    COMMAND qcc::qcc --prefix=${name} ${options} ${model} -o ${folder}/${name}.o
    DEPENDS ${inputs} qcc::qcc
    COMMENT "Compiling ${model}"
    VERBATIM)
  set_source_files_properties(${folder}/${name}.o PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  add_library(${name} STATIC ${folder}/${name}.o ${folder}/${name}.h)
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C)
  target_include_directories(${name} INTERFACE ${folder})
  target_link_libraries(${name} PUBLIC qcc::runtime)
endfunction()

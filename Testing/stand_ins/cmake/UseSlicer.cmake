# Stand-in for Slicer's macros. As Slicer's: a listed file that does not exist is an error, a file that is not listed is
# left out. Unlike Slicer's: a file from outside the folder, which Slicer leaves out of the package without a word, is
# an error.

include(CTest)

macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MODULE "WITH_GENERIC_TESTS;WITH_SUBDIR" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MODULE_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "Unknown keywords given to slicerMacroBuildScriptedModule(): ${MODULE_UNPARSED_ARGUMENTS}")
  endif()
  set(MODULE_FOLDER ${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR})
  if(MODULE_WITH_SUBDIR)
    get_filename_component(MODULE_SUBDIR ${CMAKE_CURRENT_SOURCE_DIR} NAME)
    set(MODULE_FOLDER ${MODULE_FOLDER}/${MODULE_SUBDIR})
  endif()
  foreach(file IN LISTS MODULE_SCRIPTS MODULE_RESOURCES)
    if(file MATCHES "^\\.\\./" OR IS_ABSOLUTE ${file})
      message(FATAL_ERROR "${file} of ${MODULE_NAME} lies outside its folder: Slicer would not package it")
    endif()
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
      message(FATAL_ERROR "slicerMacroBuildScriptedModule given nonexistent file '${file}'")
    endif()
    get_filename_component(subfolder ${file} DIRECTORY)
    install(FILES ${file} DESTINATION ${MODULE_FOLDER}/${subfolder} COMPONENT RuntimeLibraries)
  endforeach()
endmacro()

macro(slicer_add_python_unittest)
  cmake_parse_arguments(UNITTEST "" "SCRIPT" "" ${ARGN})
  get_filename_component(name ${UNITTEST_SCRIPT} NAME_WE)
  add_test(NAME py_${name} COMMAND Slicer --testing ${CMAKE_CURRENT_SOURCE_DIR}/${UNITTEST_SCRIPT})
endmacro()

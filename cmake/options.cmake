# caviar_options: what every target is compiled with. CAVIAR_WERROR: warnings are errors; CAVIAR_SANITIZE: sanitizers.
add_library(caviar_options INTERFACE)
target_compile_options(caviar_options INTERFACE
    $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra -Wshadow -Wstrict-prototypes -Wpointer-arith -Wvla -ffp-contract=off
                            -fno-math-errno -fno-trapping-math>
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra>
    $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false -Xcompiler=-Wall,-Wextra>)
if(CAVIAR_WERROR)
    target_compile_options(caviar_options INTERFACE
        $<$<COMPILE_LANGUAGE:C,CXX>:-Werror>
        # A kernel that spills registers or takes local memory does not compile either.
        $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings -Xcompiler=-Werror
                                   -Xptxas=-warn-spills,-warn-lmem-usage,-Werror>)
endif()
if(CAVIAR_SANITIZE)
    set(sanitize -fsanitize=${CAVIAR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_compile_options(caviar_options INTERFACE $<$<COMPILE_LANGUAGE:C,CXX>:${sanitize}>)
    target_link_options(caviar_options INTERFACE ${sanitize})
endif()

# An overflow that the tests have missed ends the program rather than to run what it was given. Sanitizers have their own
# ways, and a debug build has no optimiser for FORTIFY_SOURCE.
if(NOT CAVIAR_SANITIZE)
    target_compile_options(caviar_options INTERFACE
        $<$<COMPILE_LANGUAGE:C,CXX>:-fstack-protector-strong>
        $<$<AND:$<COMPILE_LANGUAGE:C,CXX>,$<NOT:$<CONFIG:Debug>>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>)
    target_link_options(caviar_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

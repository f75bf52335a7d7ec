// The compiler of C++ lays the structs out as that of C does.

#define _Static_assert static_assert
#include "../c/layout.c"

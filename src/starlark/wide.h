// Integers of 128 bits, for sums and products that may not fit 64. GCC and Clang have them;
// pedantic ISO C++ has not.
#pragma once

namespace mishap::starlark {

__extension__ using Int128 = __int128;
__extension__ using Uint128 = unsigned __int128;

}  // namespace mishap::starlark

// Waiting until a service can be used.
#pragma once

#include <functional>
#include <string>

#include "mishap/base/result.h"
#include "mishap/engine/native.h"
#include "mishap/net/stream.h"

namespace mishap::cell {

/// Asks again and again, from 1 ms with growing pauses, until the service passes its own
/// healthcheck and, where the catalogue asks for it, answers its protocol. `alive` says whether
/// waiting still makes sense. Errors: `not ready: tcp localhost:5432 after 10s: connection
/// refused`; the empty message when `alive` said no.
Result<void> wait_until_ready(const engine::Service& service, const engine::Launch& launch,
                              const std::function<bool()>& alive, net::Deadline ceiling);

}  // namespace mishap::cell

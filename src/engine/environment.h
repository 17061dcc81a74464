// The environment a service starts with.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mishap/engine/native.h"

namespace mishap::engine {

using Environment = std::vector<std::pair<std::string, std::string>>;

/// Sets a variable: replaces it where it stands, else appends.
void set_variable(Environment& env, const std::string& name, std::string value);

/// The tool's own environment.
Environment inherited_environment();
/// What a program of the user starts with in a cell: the tool's own, but cells of root run as an
/// ordinary user, who may not enter root's home.
Environment users_environment();
/// What a container would start with, whatever the user's shell has.
Environment clean_environment();

/// FAULTBOX_<S>_<I>_{HOST,PORT,ADDR} and the same with MISHAP_; names in upper case, and once more
/// with '_' for what a shell would not accept.
void add_addresses(Environment& env, const std::vector<InterfaceAddress>& addresses);

/// `__FB_PROXY_ADDR_<svc>__<iface>__` and its like replaced; unknown ones stay.
std::string replace_placeholders(std::string text, const std::vector<InterfaceAddress>& addresses);

/// A word of the spec for this consumer: placeholders replaced, and `localhost:P` or `127.0.0.1:P`
/// become `<name>:P` where P is a port behind the gateway and none of the consumer's own.
std::string as_consumer_sees(std::string text, const Service& consumer,
                             const std::vector<InterfaceAddress>& addresses);

/// `base`, then addresses, then the spec's own env, which wins.
Environment service_environment(Environment base, const Service& service,
                                const std::vector<InterfaceAddress>& addresses);

}  // namespace mishap::engine

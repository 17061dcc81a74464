#include "replication.h"

#include <charconv>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

namespace mishap::protocols::postgres {
namespace {

uint64_t read_u64(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

void put_u64(std::string& out, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

// Lengths of what stands before the content ("Streaming Replication Protocol").
constexpr size_t kDataHeader = 1 + 8 + 8 + 8;
constexpr size_t kKeepalive = 1 + 8 + 8 + 1;

constexpr const char* kDuplicateObject = "42710";

constexpr const char* kNoPermission = "42501";

/// Texts that can be read back, whatever the server is set to; and no lines about slots in its log,
/// which are nothing that a service did. Only a superuser may ask for silence.
Result<Connection> connect(Parameters parameters, net::Deadline deadline,
                           const net::Cancel* cancel) {
  const std::string readable = "-c TimeZone=UTC -c DateStyle=ISO -c extra_float_digits=1";
  parameters.insert(parameters.end(), {{"replication", "database"},
                                       {"options", readable + " -c log_min_messages=fatal"}});
  auto silent = Connection::open(parameters, deadline, cancel);
  if (silent || Connection::open_sqlstate() != kNoPermission) return silent;
  parameters.back().second = readable;
  return Connection::open(parameters, deadline, cancel);
}

}  // namespace

std::string lsn_text(Lsn lsn) { return fmt::format("{:X}/{:X}", lsn >> 32, lsn & 0xffffffff); }

std::optional<Lsn> parse_lsn(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  uint32_t high = 0, low = 0;
  const char* begin = std::to_address(text.begin());
  const char* end = std::to_address(text.end());
  auto first = std::from_chars(begin, begin + slash, high, 16);
  auto second = std::from_chars(begin + slash + 1, end, low, 16);
  if (first.ec != std::errc() || first.ptr != begin + slash) return std::nullopt;
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  return Lsn{high} << 32 | low;
}

Result<Replication> Replication::start(Parameters parameters, const std::string& slot, Lsn from,
                                       net::Deadline deadline, const net::Cancel* cancel) {
  MISHAP_ASSIGN(Connection connection, connect(std::move(parameters), deadline, cancel));
  auto made = connection.run(
      fmt::format("CREATE_REPLICATION_SLOT {} LOGICAL test_decoding NOEXPORT_SNAPSHOT", slot));
  if (!made && connection.sqlstate() != kDuplicateObject) return fail(made.error());
  MISHAP_TRY(connection.start_copy(
      fmt::format("START_REPLICATION SLOT {} LOGICAL {} (\"include-timestamp\" 'on', "
                  "\"skip-empty-xacts\" 'on')",
                  slot, lsn_text(from))));
  Replication started(std::move(connection));
  started.position_ = from;
  return started;
}

Result<std::vector<Transaction>> Replication::take() {
  std::vector<Transaction> done;
  while (true) {
    MISHAP_ASSIGN(auto message, connection_.take_copy());
    if (!message) return done;
    MISHAP_TRY(on_message(*message, done));
  }
}

Result<void> Replication::on_message(std::string_view message, std::vector<Transaction>& done) {
  if (message.starts_with('w') && message.size() >= kDataHeader)
    return on_text(read_u64(message.substr(1)), message.substr(kDataHeader), done);
  if (message.starts_with('k') && message.size() >= kKeepalive) {
    position_ = std::max<Lsn>(position_, read_u64(message.substr(1)));
    ++answers_;
    if (message[kKeepalive - 1] != 0) return send_status(false);
    return {};
  }
  return fail("the replication stream holds a message of an unknown kind");
}

Result<void> Replication::on_text(Lsn lsn, std::string_view text, std::vector<Transaction>& done) {
  if (text.starts_with("BEGIN")) {
    open_ = Transaction();
    open_.xid = text.substr(std::min<size_t>(6, text.size()));
    return {};
  }
  if (text.starts_with("COMMIT")) {
    open_.end = lsn;
    open_.at = commit_time(text).value_or(std::chrono::system_clock::now());
    position_ = std::max(position_, lsn);
    done.push_back(std::move(open_));
    open_ = Transaction();
    return {};
  }
  // Messages that somebody wrote with pg_logical_emit_message() are no rows.
  if (text.starts_with("message:")) return {};
  auto change = parse_change(text);
  if (!change) return fail(std::move(change).error().context("decoded change"));
  open_.changes.push_back({lsn, std::move(*change)});
  return {};
}

Result<void> Replication::ask_position() { return send_status(true); }

/// Never says that anything is flushed: the server would note it in a file, and a fault on the
/// server's writes would hit a write that is due to us alone. The slot ends with the cell.
Result<void> Replication::send_status(bool ask_back) {
  std::string status = "r";
  put_u64(status, position_);
  put_u64(status, 0);
  put_u64(status, 0);
  put_u64(status, 0);
  status += static_cast<char>(ask_back);
  return connection_.put_copy(status);
}

}  // namespace mishap::protocols::postgres

#include "wal_stream.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <poll.h>

#include "mishap/base/glob.h"
#include "mishap/net/wake.h"

#include "login.h"
#include "replication.h"

namespace mishap::protocols::postgres {
namespace {

using traffic::FollowRequest;
using traffic::Sighting;

/// What we ask of the server is done in milliseconds, unless somebody's open transaction holds a
/// new slot up.
constexpr auto kServerTime = std::chrono::seconds(5);
/// Between attempts to reach a server that was lost, and between questions how far it is.
constexpr auto kRetry = std::chrono::milliseconds(50);
constexpr auto kAskAgain = std::chrono::milliseconds(1);

constexpr Lsn kWalPage = 8192;
constexpr Lsn kPageHeader = 40;  // SizeOfXLogLongPHD

/// The end of a page and the first byte behind the next one's header are the same position.
Lsn without_page_header(Lsn lsn) {
  const Lsn in_page = lsn % kWalPage;
  return in_page <= kPageHeader ? lsn - in_page : lsn;
}

bool is_wanted(const std::vector<std::string>& globs, const Change::Table& table) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
           return glob_field(glob, table.name) || glob_field(glob, table.schema + "." + table.name);
         });
}

Json row_value(const std::vector<Column>& columns) {
  Json row = Json::object();
  for (const Column& column : columns) {
    if (!column.unchanged) row[column.name] = column.value();
  }
  return row;
}

/// Fields that say what kind of change it is win over columns of the same name; `value` has all
/// columns.
event::Draft draft_of(const std::string& service, const std::string& database,
                      const Transaction& transaction, const Transaction::Item& item,
                      const Change::Table& table) {
  const std::string action(to_string(item.change.action));
  event::Draft draft{.type = "wal", .service = service};
  draft.fields = {{"action", action},       {"op", action},         {"table", table.name},
                  {"schema", table.schema}, {"database", database}, {"lsn", lsn_text(item.lsn)},
                  {"xid", transaction.xid}};
  auto add = [&](const std::string& prefix, const std::vector<Column>& columns) {
    for (const Column& column : columns) {
      if (column.unchanged || draft.fields.find(prefix + column.name) != nullptr) continue;
      draft.fields.set(prefix + column.name, column.text.value_or(""));
    }
  };
  const bool removed = item.change.action == Change::Action::remove;
  add("", removed ? item.change.old_columns : item.change.row);
  add("old_", item.change.old_columns);
  draft.value = row_value(removed ? item.change.old_columns : item.change.row);
  return draft;
}

/// While it lives, the server's process at the other end of a connection counts as ours.
class OurProcess {
 public:
  OurProcess(const FollowRequest& request, int pid) : request_(request), pid_(pid) { tell(true); }
  ~OurProcess() { tell(false); }
  OurProcess(const OurProcess&) = delete;
  OurProcess& operator=(const OurProcess&) = delete;

 private:
  void tell(bool ours) const {
    if (request_.server_process) request_.server_process(pid_, ours);
  }
  const FollowRequest& request_;
  const int pid_;
};

class WalFollower final : public traffic::Follower {
 public:
  explicit WalFollower(FollowRequest request) : request_(std::move(request)) {}

  Result<void> start(net::Deadline deadline) {
    MISHAP_TRY(connect_control(deadline));
    MISHAP_ASSIGN(auto names, databases());
    for (const std::string& name : names) MISHAP_TRY(begin(name, deadline));
    thread_ = std::thread([this] { run(); });
    return {};
  }

  ~WalFollower() override {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    cancel_.set();
    wake_.set();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> catch_up(net::Deadline deadline) override {
    auto waiting = std::make_shared<CatchUp>();
    waiting->deadline = deadline;
    post([this, waiting] { waiting->finish(read_up_to_now(waiting->deadline)); });
    return waiting->wait();
  }

  bool admit(const std::string& database, const std::function<void()>& go) override {
    {
      std::lock_guard lock(mutex_);
      if (followed_.contains(database)) return true;
    }
    post([this, database, go] {
      admit_now(database);
      go();
    });
    return false;
  }

 private:
  struct Database {
    std::string name, slot;
    std::optional<Replication> stream;
    std::unique_ptr<OurProcess> process;  ///< that serves the stream
    Lsn delivered = 0;                    ///< where a new stream has to go on
  };

  struct CatchUp {
    net::Deadline deadline;
    std::mutex mutex;
    std::condition_variable done;
    std::optional<Result<void>> outcome;

    void finish(Result<void> result) {
      std::lock_guard lock(mutex);
      outcome = std::move(result);
      done.notify_all();
    }
    Result<void> wait() {
      std::unique_lock lock(mutex);
      if (!done.wait_until(lock, deadline + kRetry, [this] { return outcome.has_value(); }))
        return fail("the server did not answer in time", ETIMEDOUT);
      return *outcome;
    }
  };

  void post(std::function<void()> task) {
    {
      std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    wake_.set();
  }

  // --- the thread -------------------------------------------------------------------------------

  void run() {
    while (true) {
      std::deque<std::function<void()>> tasks;
      {
        std::lock_guard lock(mutex_);
        if (stop_) return;
        tasks.swap(tasks_);
      }
      for (auto& task : tasks) task();
      deliver_all();
      if (tasks.empty()) wait_for_something();
    }
  }

  void wait_for_something() {
    std::vector<pollfd> fds = {{wake_.fd(), POLLIN, 0}};
    bool lost = false;
    for (const Database& database : databases_) {
      if (database.stream) fds.push_back({database.stream->socket(), POLLIN, 0});
      lost = lost || !database.stream;
    }
    ::poll(fds.data(), fds.size(), lost ? static_cast<int>(kRetry.count()) : -1);
    if (fds.front().revents != 0) wake_.clear();
    if (lost) reconnect();
  }

  void deliver_all() {
    for (Database& database : databases_) deliver(database);
  }

  void deliver(Database& database) {
    if (!database.stream) return;
    database.stream->set_deadline(net::Clock::now() + kServerTime);
    auto transactions = database.stream->take();
    if (!transactions) return lose(database, transactions.error());
    for (const Transaction& transaction : *transactions) {
      database.delivered = transaction.end;
      std::vector<Sighting> seen;
      for (const auto& item : transaction.changes) {
        for (const auto& table : item.change.tables) {
          if (!is_wanted(request_.tables, table)) continue;
          seen.push_back({draft_of(request_.service, database.name, transaction, item, table),
                          transaction.at});
        }
      }
      if (!seen.empty()) request_.deliver(std::move(seen));
    }
  }

  void attach(Database& database, Replication stream) const {
    database.process = std::make_unique<OurProcess>(request_, stream.server_pid());
    database.stream.emplace(std::move(stream));
  }

  void lose(Database& database, const Error& why) {
    database.stream.reset();
    database.process.reset();
    if (!std::exchange(interrupted_, true)) request_.interrupted(why);
  }

  /// Slots outlive a crash of the server, so what was committed meanwhile is not lost.
  void reconnect() {
    if (!request_.alive()) return;
    for (Database& database : databases_) {
      if (database.stream) continue;
      auto again = Replication::start(parameters(database.name), database.slot, database.delivered,
                                      net::Clock::now() + kServerTime, &cancel_);
      if (!again) return;
      attach(database, std::move(*again));
    }
    interrupted_ = false;
  }

  /// Everything that is flushed now has been delivered.
  Result<void> read_up_to_now(net::Deadline deadline) {
    MISHAP_ASSIGN(const Lsn target, flushed(deadline));
    for (Database& database : databases_) MISHAP_TRY(read_up_to(database, target, deadline));
    return {};
  }

  Result<void> read_up_to(Database& database, Lsn target, net::Deadline deadline) {
    while (true) {
      if (!database.stream) reconnect();
      deliver(database);
      if (database.stream && database.stream->position() >= target) return {};
      if (!database.stream && !request_.alive()) return fail("the server is gone");
      if (net::Clock::now() >= deadline)
        return fail(fmt::format("database \"{}\": the server has not sent all of its log in time",
                                database.name),
                    ETIMEDOUT);
      if (!database.stream) {
        std::this_thread::sleep_for(kRetry);
      } else if (auto asked = database.stream->ask_position(); !asked) {
        lose(database, asked.error());
      } else {
        wait_for_answer(database, target, deadline);
      }
    }
  }

  /// One question at a time: under a fault the server may be slow to hear.
  void wait_for_answer(Database& database, Lsn target, net::Deadline deadline) {
    const uint64_t before = database.stream->answers();
    while (net::Clock::now() < deadline) {
      (void)net::wait_ready(database.stream->socket(), POLLIN, deadline, &cancel_);
      deliver(database);
      if (!database.stream || database.stream->position() >= target || cancel_.is_set()) return;
      if (database.stream->answers() != before) {
        std::this_thread::sleep_for(kAskAgain);  // it is at work on what we wait for
        return;
      }
    }
  }

  Result<Lsn> flushed(net::Deadline deadline) {
    Result<Answer> answer = fail("");
    while (true) {
      if (!control_) {
        if (!request_.alive()) return fail("the server is gone");
        auto connected = connect_control(deadline);
        if (!connected && net::Clock::now() + kRetry >= deadline) return fail(connected.error());
        if (!connected) {
          std::this_thread::sleep_for(kRetry);
          continue;
        }
      }
      control_->set_deadline(deadline);
      answer = control_->run("SELECT pg_current_wal_flush_lsn()::text AS lsn");
      if (answer) break;
      drop_control();
      if (net::Clock::now() >= deadline) return fail(answer.error());
    }
    auto lsn = parse_lsn(answer->rows.at(0).at("lsn").get<std::string>());
    if (!lsn) return fail("the server does not say how far its log is");
    return without_page_header(*lsn);
  }

  void admit_now(const std::string& name) {
    if (known(name)) return;  // another conversation was first
    auto there = exists(name);
    if (there && !*there) return;  // its conversation will fail, too
    auto begun = there ? begin(name, net::Clock::now() + kServerTime) : fail(there.error());
    if (!begun) {
      request_.interrupted(
          Error{fmt::format("database \"{}\" cannot be followed: {}", name, begun.error().message),
                begun.error().code});
    }
  }

  // --- the server -------------------------------------------------------------------------------

  Parameters parameters(const std::string& database) const {
    return login(request_.endpoint, "", "", database, request_.service_env);
  }

  void drop_control() {
    control_.reset();
    control_process_.reset();
  }

  Result<void> connect_control(net::Deadline deadline) {
    MISHAP_ASSIGN(auto connection, Connection::open(parameters(""), deadline, &cancel_));
    control_process_ = std::make_unique<OurProcess>(request_, connection.server_pid());
    control_.emplace(std::move(connection));
    return {};
  }

  Result<std::vector<std::string>> databases() {
    MISHAP_ASSIGN(auto answer,
                  control_->run("SELECT datname::text AS name FROM pg_database WHERE datallowconn "
                                "AND NOT datistemplate ORDER BY datname"));
    std::vector<std::string> names;
    for (const auto& row : answer.rows) names.push_back(row.at("name").get<std::string>());
    return names;
  }

  Result<bool> exists(const std::string& name) {
    if (!control_) MISHAP_TRY(connect_control(net::Clock::now() + kServerTime));
    control_->set_deadline(net::Clock::now() + kServerTime);
    auto names = databases();
    if (!names) {
      drop_control();
      return fail(names.error());
    }
    return std::find(names->begin(), names->end(), name) != names->end();
  }

  bool known(const std::string& name) const {
    return std::any_of(databases_.begin(), databases_.end(),
                       [&](const Database& database) { return database.name == name; });
  }

  Result<void> begin(const std::string& name, net::Deadline deadline) {
    Database database{.name = name,
                      .slot = fmt::format("mishap_{}", databases_.size() + 1),
                      .stream = {},
                      .process = {}};
    MISHAP_ASSIGN(auto stream,
                  Replication::start(parameters(name), database.slot, 0, deadline, &cancel_));
    attach(database, std::move(stream));
    databases_.push_back(std::move(database));
    std::lock_guard lock(mutex_);
    followed_.insert(name);
    return {};
  }

  const FollowRequest request_;
  net::Cancel cancel_;  ///< of all waits for the server
  // The thread's, once it runs.
  std::optional<Connection> control_;
  std::unique_ptr<OurProcess> control_process_;
  std::deque<Database> databases_;
  bool interrupted_ = false;

  net::Wake wake_;
  std::mutex mutex_;
  std::deque<std::function<void()>> tasks_;
  std::set<std::string> followed_;  ///< names of databases_
  bool stop_ = false;
  std::thread thread_;
};

/// What a server that is not of the catalogue may lack.
Error with_remedy(Error error) {
  if (error.message.find("wal_level") != std::string::npos)
    error.message += "; start the server with -c wal_level=logical";
  if (error.message.find("must be superuser or replication role") != std::string::npos)
    error.message += "; give the user REPLICATION";
  return error;
}

}  // namespace

Result<std::unique_ptr<traffic::Follower>> follow_wal(FollowRequest request,
                                                      net::Deadline deadline) {
  auto follower = std::make_unique<WalFollower>(std::move(request));
  if (auto started = follower->start(deadline); !started) return fail(with_remedy(started.error()));
  return follower;
}

}  // namespace mishap::protocols::postgres

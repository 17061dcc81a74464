#include "mishap/monitor/property.h"

#include <gtest/gtest.h>

namespace mishap::monitor {
namespace {

using std::chrono::seconds;

event::Draft draft(std::string type) {
  event::Draft made;
  made.type = std::move(type);
  made.service = "db";
  return made;
}

Anchor at(std::string type) {
  return {.event = [type = std::move(type)](const event::Event& e) { return e.type == type; }};
}
Anchor at(Moment moment) { return {.moment = moment}; }

/// A log and its properties, advanced after every step as a test that is watched closely is.
class Properties : public testing::Test {
 protected:
  using Predicate = std::function<Answer(size_t)>;
  using Role = PropertySet::Role;

  PropertySpec eventually(Predicate predicate, Anchor anchor = {}) {
    return {.id = ++ids_,
            .name = "eventually(f)",
            .kind = PropertyKind::eventually,
            .predicate = std::move(predicate),
            .from = std::move(anchor)};
  }
  PropertySpec always(Predicate predicate, Anchor from = {}, Anchor to = {}) {
    return {.id = ++ids_,
            .name = "always(f)",
            .kind = PropertyKind::always,
            .predicate = std::move(predicate),
            .from = std::move(from),
            .to = std::move(to)};
  }
  /// Whether an event of the type is among the first `count`.
  Predicate has(std::string type) {
    return [this, type = std::move(type)](size_t count) -> Answer {
      for (size_t i = 0; i < count; ++i) {
        if (log.at(i).type == type) return true;
      }
      return false;
    };
  }
  /// The last event is not of the type; notes when it was asked.
  Predicate last_is_not(std::string type) {
    return [this, type = std::move(type)](size_t count) -> Answer {
      asked.push_back(count);
      return count == 0 || log.at(count - 1).type != type;
    };
  }

  void begin() {
    set.signal(Moment::body_start);
    set.advance();
  }
  void happen(std::string type) {
    log.append(draft(std::move(type)));
    set.advance();
  }
  void signal(Moment moment) {
    set.signal(moment);
    set.advance();
  }
  void add(PropertySpec spec, Role role = Role::expectation) {
    set.add(std::move(spec), role);
    set.advance();
  }
  PropertyOutcome only(Cause cause = Cause::returned) {
    auto all = set.outcomes(cause, seconds(2));
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? PropertyOutcome{} : all[0];
  }

  event::Log log;
  PropertySet set{log};
  std::vector<size_t> asked;

 private:
  uint64_t ids_ = 0;
};

TEST_F(Properties, EventuallyLatches) {
  add(eventually([this](size_t count) -> Answer { return log.at(count - 1).type == "blink"; }));
  happen("start");
  begin();
  happen("blink");
  happen("dark");
  set.finish();
  EXPECT_EQ(only().state, PropertyState::satisfied);
  EXPECT_EQ(only().verdict, PropertyVerdict::pass);
  EXPECT_EQ(only().why, "");
}

TEST_F(Properties, EventuallySeesWhatHappenedBeforeItWasAdded) {
  happen("early");
  begin();
  happen("x");
  add(eventually(has("early")));
  EXPECT_TRUE(set.settled());
}

TEST_F(Properties, EventuallyIgnoresAllBeforeItsAnchor) {
  begin();
  add(eventually([](size_t) -> Answer { return true; }, at("anchor")));
  happen("x");
  EXPECT_FALSE(set.settled());
  EXPECT_EQ(only().why, "not satisfied within 2s; no event matched its anchor");
  happen("anchor");
  EXPECT_TRUE(set.settled());
}

TEST_F(Properties, AnAnchorMayBeInThePast) {
  happen("anchor");
  begin();
  add(eventually([](size_t) -> Answer { return true; }, at("anchor")));
  EXPECT_TRUE(set.settled());
}

TEST_F(Properties, EventuallyWhosePredicateRaisesIsAskedAgain) {
  begin();
  add(eventually([this](size_t count) -> Answer {
    if (count == 0)
      return tl::unexpected(Objection{.message = "None has no .x", .pos = {"s", 3, 1}});
    return log.at(count - 1).type == "x";
  }));
  EXPECT_EQ(only().verdict, PropertyVerdict::fail);
  EXPECT_EQ(only().why, "predicate raised: None has no .x");
  EXPECT_EQ(only().pos.line, 3);
  EXPECT_EQ(only(Cause::timeout).verdict, PropertyVerdict::fail);
  happen("y");
  EXPECT_EQ(only().why, "not satisfied within 2s");
  happen("x");
  EXPECT_EQ(only().verdict, PropertyVerdict::pass);
}

TEST_F(Properties, AlwaysIsAskedAfterEveryEventFromTheBodysStart) {
  add(always(last_is_not("bad")));
  happen("bad");
  happen("fine");
  EXPECT_TRUE(asked.empty());
  begin();
  happen("a");
  happen("b");
  EXPECT_EQ(asked, (std::vector<size_t>{2, 3, 4}));
  set.finish();
  EXPECT_EQ(asked.size(), 4u);
  EXPECT_EQ(only().state, PropertyState::held_unbounded);
}

TEST_F(Properties, EventsThatCameAtOnceAreJudgedOneByOne) {
  add(always(last_is_not("bad")));
  set.signal(Moment::body_start);
  for (const char* type : {"a", "bad", "b"}) log.append(draft(type));
  set.advance();
  EXPECT_EQ(only().why, "violated at event seq=2 type=bad service=db");
  EXPECT_EQ(asked, (std::vector<size_t>{0, 1, 2}));
}

TEST_F(Properties, TheFirstFalsyAnswerViolates) {
  int told = 0;
  set.listen({.violated = [&] { ++told; }, .terminated = nullptr});
  begin();
  EXPECT_FALSE(set.any());
  add(always(last_is_not("bad")));
  EXPECT_TRUE(set.any());
  EXPECT_TRUE(set.any_to_hold());
  happen("bad");
  happen("fine");
  happen("bad");
  set.finish();
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(set.violated());
  EXPECT_TRUE(set.settled());
  EXPECT_FALSE(set.any_to_hold());
  EXPECT_EQ(only().why, "violated at event seq=1 type=bad service=db");
}

TEST_F(Properties, AnAlwaysIsAskedWhenItIsAdded) {
  begin();
  add(always([](size_t) -> Answer { return false; }));
  EXPECT_EQ(only().why, "violated before any event");
}

TEST_F(Properties, AnAlwaysWhosePredicateRaisesIsViolated) {
  begin();
  happen("x");
  add(always([](size_t) -> Answer { return tl::unexpected(Objection{.message = "oh"}); }));
  EXPECT_EQ(only().why, "violated at event seq=1 type=x service=db: predicate raised: oh");
}

TEST_F(Properties, AWindowTakesItsFirstEventInAndLeavesItsLastOut) {
  begin();
  add(always(last_is_not("bad"), at("open"), at("close")));
  happen("bad");
  happen("close");  // before it opened: no end
  happen("open");
  happen("x");
  happen("close");
  happen("bad");
  set.finish();
  EXPECT_EQ(asked, (std::vector<size_t>{3, 4}));
  EXPECT_EQ(only(Cause::timeout).verdict, PropertyVerdict::pass);
  EXPECT_EQ(only().state, PropertyState::held_to_its_end);
}

TEST_F(Properties, AWindowMayBeOpenWhenThePropertyIsAdded) {
  begin();
  happen("open");
  happen("bad");
  add(always(last_is_not("bad"), at("open"), at("close")));
  EXPECT_EQ(only().why, "violated at event seq=2 type=bad service=db");
}

TEST_F(Properties, AWindowThatWasOverIsVacuous) {
  begin();
  happen("open");
  happen("close");
  add(always(last_is_not("bad"), at("open"), at("close")));
  happen("bad");
  set.finish();
  EXPECT_TRUE(asked.empty());
  EXPECT_EQ(only().verdict, PropertyVerdict::pass);
  EXPECT_EQ(only().vacuous, "its window was over when it was registered");
  EXPECT_EQ(only(Cause::timeout).verdict, PropertyVerdict::pass);
}

TEST_F(Properties, AWindowThatNeverOpenedIsVacuous) {
  begin();
  add(always(last_is_not("bad"), at("open"), at(Moment::body_end)));
  happen("bad");
  signal(Moment::body_end);
  set.finish();
  EXPECT_TRUE(asked.empty());
  EXPECT_EQ(only().vacuous, "its window never opened");
}

TEST_F(Properties, MomentsOpenAndCloseWindows) {
  add(always(last_is_not("bad"), at(Moment::stable), at(Moment::body_end)));
  begin();
  happen("bad");
  signal(Moment::stable);
  EXPECT_EQ(only().why, "violated at event seq=1 type=bad service=db");
}

TEST_F(Properties, TheBodysEndClosesAndOpens) {
  add(always(last_is_not("bad"), at(Moment::body_start), at(Moment::body_end)));
  add(always(last_is_not("late"), at(Moment::body_end), at("never")));
  begin();
  happen("late");
  happen("x");
  signal(Moment::body_end);
  happen("bad");
  happen("late");
  auto all = set.outcomes(Cause::returned, seconds(1));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].state, PropertyState::held_to_its_end);
  EXPECT_EQ(all[1].why, "violated at event seq=4 type=late service=db");
}

TEST_F(Properties, OneThatIsAddedLateKnowsTheMomentsThatWere) {
  begin();
  signal(Moment::stable);
  happen("x");
  add(always(last_is_not("bad"), at(Moment::stable), at(Moment::body_end)));
  EXPECT_EQ(asked, (std::vector<size_t>{1}));
  add(always(last_is_not("bad"), at(Moment::body_start), at(Moment::stable)));
  EXPECT_EQ(set.outcomes(Cause::returned, seconds(1))[1].vacuous,
            "its window was over when it was registered");
  // A second stable ends what the first began.
  add(always(last_is_not("bad"), at(Moment::stable), at(Moment::stable)));
  signal(Moment::stable);
  EXPECT_EQ(set.outcomes(Cause::returned, seconds(1))[2].state, PropertyState::held_to_its_end);
}

TEST_F(Properties, ATerminatorEndsTheTestAndIsNoExpectation) {
  int told = 0;
  set.listen({.violated = nullptr, .terminated = [&] { ++told; }});
  begin();
  add(eventually(has("done")), Role::terminator);
  add(always(last_is_not("x"), at("open"), at("close")), Role::terminator);
  EXPECT_TRUE(set.settled());
  EXPECT_FALSE(set.any_to_hold());
  happen("open");
  EXPECT_EQ(told, 0);
  happen("done");
  happen("close");
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(set.outcomes(Cause::terminate_when, seconds(1)).empty());
}

TEST_F(Properties, AViolatedTerminatorNeverSaysPass) {
  int told = 0;
  set.listen({.violated = [&] { ++told; }, .terminated = [&] { ++told; }});
  begin();
  add(always(last_is_not("bad"), at("open"), at("close")), Role::terminator);
  for (const char* type : {"open", "bad", "close"}) happen(type);
  EXPECT_EQ(told, 0);
  EXPECT_FALSE(set.violated());
}

TEST_F(Properties, ATerminatorThatRaisesIsNamed) {
  begin();
  add(eventually([](size_t) -> Answer { return tl::unexpected(Objection{.message = "oh"}); }),
      Role::terminator);
  EXPECT_EQ(set.broken_terminator(), "eventually(f): predicate raised: oh");
}

TEST_F(Properties, TheSameOneCountsOnce) {
  begin();
  PropertySpec spec = always(last_is_not("bad"));
  set.add(spec, Role::expectation);
  set.add(spec, Role::expectation);
  EXPECT_EQ(set.outcomes(Cause::returned, seconds(1)).size(), 1u);
}

TEST_F(Properties, PredicatesMayAppendAndAdd) {
  begin();
  add(always([this](size_t count) -> Answer {
    if (count < 3) log.append(draft("more"));
    if (count == 1) set.add(eventually(has("more")), Role::expectation);
    return true;
  }));
  EXPECT_EQ(log.size(), 3u);
  EXPECT_EQ(set.outcomes(Cause::returned, seconds(1)).size(), 2u);
  EXPECT_TRUE(set.settled());
}

/// The table, every state with every cause.
TEST(PropertyVerdicts, EveryStateWithEveryCause) {
  using State = PropertyState;
  using Is = PropertyVerdict;
  constexpr Cause kCauses[] = {Cause::returned, Cause::terminate_when, Cause::timeout,
                               Cause::failed};
  struct Row {
    State state;
    Is verdicts[4];
  };
  const Row rows[] = {
      {State::satisfied, {Is::pass, Is::pass, Is::pass, Is::pass}},
      {State::unsatisfied, {Is::fail, Is::fail, Is::pending, Is::fail}},
      {State::broken, {Is::fail, Is::fail, Is::fail, Is::fail}},
      {State::violated, {Is::fail, Is::fail, Is::fail, Is::fail}},
      {State::held_unbounded, {Is::pass, Is::pass, Is::pending, Is::pass}},
      {State::held_to_its_end, {Is::pass, Is::pass, Is::pass, Is::pass}},
      {State::held_so_far, {Is::pass, Is::pass, Is::pending, Is::pass}},
      {State::never_opened, {Is::pass, Is::pass, Is::pending, Is::pass}},
  };
  for (const Row& row : rows) {
    for (size_t i = 0; i < std::size(kCauses); ++i) {
      EXPECT_EQ(verdict_of(row.state, kCauses[i]), row.verdicts[i])
          << "state " << int(row.state) << ", cause " << i;
    }
  }
}

TEST_F(Properties, WhatIsPendingSaysWhy) {
  begin();
  add(eventually(has("x")));
  add(always(last_is_not("bad")));
  add(always(last_is_not("bad"), {.moment = Moment::body_start}, at("close")));
  add(always(last_is_not("bad"), at("open"), at("close")));
  std::vector<std::string> whys;
  for (const auto& outcome : set.outcomes(Cause::timeout, seconds(1))) whys.push_back(outcome.why);
  EXPECT_EQ(whys, (std::vector<std::string>{"not satisfied yet", "it has no end",
                                            "the end of its window was not reached",
                                            "its window never opened"}));
  EXPECT_EQ(set.outcomes(Cause::terminate_when, seconds(1))[0].why,
            "not satisfied when terminate_when ended the test");
  EXPECT_EQ(set.outcomes(Cause::failed, seconds(1))[0].why, "not satisfied");
}

}  // namespace
}  // namespace mishap::monitor

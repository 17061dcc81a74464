#include <algorithm>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>

#include "running.h"

namespace mishap::starlark {
namespace {

using testing_support::Running;

class Values : public testing::Test {
 protected:
  Running running_;
  Heap& heap_ = running_.interpreter.heap();
};

TEST_F(Values, CountReferences) {
  Value list = heap_.list();
  EXPECT_EQ(list.object()->references(), 1U);
  {
    const Value other = list;  // NOLINT: the copy is the point
    EXPECT_EQ(list.object()->references(), 2U);
  }
  EXPECT_EQ(list.object()->references(), 1U);
  const Value moved = std::move(list);
  EXPECT_FALSE(list.is_valid());  // NOLINT: what a moved-from value is
  EXPECT_EQ(moved.object()->references(), 1U);
}

TEST_F(Values, MemoryIsGivenBack) {
  const uint64_t before = heap_.used();
  {
    Value list = heap_.list();
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(list.as<List>().append(heap_.string("some text")));
    }
    EXPECT_GT(heap_.used(), before + 1000 * sizeof(Value));
  }
  EXPECT_EQ(heap_.used(), before);
}

TEST_F(Values, MemoryOfDictsIsGivenBack) {
  const uint64_t before = heap_.used();
  for (int size = 0; size < 40; ++size) {
    Value dict = heap_.dict();
    for (int i = 0; i < size; ++i)
      ASSERT_TRUE(dict.as<Dict>().set(Value::integer(i), heap_.string("value")));
    for (int i = 0; i < size; i += 2) ASSERT_TRUE(dict.as<Dict>().remove(Value::integer(i)));
  }
  EXPECT_EQ(heap_.used(), before);
}

// A dict of changing size beside a plain list of its entries.
TEST_F(Values, DictsGrowAndShrink) {
  Value dict = heap_.dict();
  auto& table = dict.as<Dict>();
  std::vector<std::pair<int, int>> expected;
  uint32_t random = 1;
  for (int step = 0; step < 20000; ++step) {
    random = random * 1664525 + 1013904223;
    // Mostly few keys, at times many.
    const int range = step / 2500 % 2 == 0 ? 12 : 200;
    const int key = static_cast<int>(random >> 16) % range;
    const auto known = std::find_if(expected.begin(), expected.end(),
                                    [&](const auto& each) { return each.first == key; });
    const Value name = heap_.string(fmt::format("key{}", key));
    if ((random >> 8 & 1) == 0) {
      ASSERT_TRUE(table.set(name, Value::integer(step)));
      if (known == expected.end()) {
        expected.emplace_back(key, step);
      } else {
        known->second = step;
      }
    } else {
      const auto removed = table.remove(name);
      ASSERT_TRUE(removed);
      ASSERT_EQ(removed->is_valid(), known != expected.end());
      if (known != expected.end()) expected.erase(known);
    }
    ASSERT_EQ(table.size(), expected.size());
    const Value* found = table.get_text(fmt::format("key{}", key));
    ASSERT_EQ(found != nullptr, (random >> 8 & 1) == 0);
  }
  std::string text;
  for (const auto& [key, value] : expected) {
    text += fmt::format("{}\"key{}\": {}", text.empty() ? "" : ", ", key, value);
  }
  EXPECT_EQ(repr(dict), "{" + text + "}");
}

TEST_F(Values, PiecesOfThePoolAreUsedAgain) {
  Pool pool;
  const uint8_t size_class = Pool::size_class(40);
  void* first = pool.allocate(40, size_class);
  void* second = pool.allocate(40, size_class);
  EXPECT_NE(first, second);
  pool.release(first, size_class);
  if (size_class != 0) {
    EXPECT_EQ(pool.allocate(48, Pool::size_class(48)), first);
  } else {
    pool.release(pool.allocate(48, 0), 0);
  }
  pool.release(second, size_class);
  // More than a block of each size, all of it written to.
  for (size_t bytes = 1; bytes < 600; bytes += 37) {
    std::vector<void*> pieces;
    const uint8_t its_class = Pool::size_class(bytes);
    for (int i = 0; i < 3000; ++i) {
      pieces.push_back(pool.allocate(bytes, its_class));
      std::memset(pieces.back(), i, bytes);
    }
    for (size_t i = 0; i < pieces.size(); ++i) {
      ASSERT_EQ(static_cast<unsigned char*>(pieces[i])[bytes - 1], i & 0xFF);
      pool.release(pieces[i], its_class);
    }
  }
}

TEST_F(Values, CyclesAreFreedOnRequest) {
  const uint64_t before = heap_.used();
  {
    Value a = heap_.list();
    Value b = heap_.list({a});
    ASSERT_TRUE(a.as<List>().append(b));
  }
  EXPECT_GT(heap_.used(), before);
  EXPECT_EQ(heap_.collect_cycles(), 2U);
  EXPECT_EQ(heap_.used(), before);
}

TEST_F(Values, CollectingKeepsWhatIsInUse) {
  Value outer = heap_.list();
  ASSERT_TRUE(outer.as<List>().append(outer));
  ASSERT_TRUE(outer.as<List>().append(heap_.tuple({heap_.string("kept")})));
  heap_.collect_cycles();
  EXPECT_EQ(repr(outer), "[[...], (\"kept\",)]");
}

TEST_F(Values, OutliveTheirHeapEmptied) {
  Value list;
  Value text;
  {
    Heap heap;
    text = heap.string("text");
    list = heap.list({text});
    ASSERT_TRUE(list.as<List>().append(list));
  }
  EXPECT_EQ(text.text(), "text");
  for (const Value& item : list.as<List>().items()) EXPECT_FALSE(item.is_valid());
}

TEST_F(Values, NestedDeeplyAreFreedWithoutRecursion) {
  Value list = heap_.list();
  for (int i = 0; i < 1'000'000; ++i) list = heap_.list({list});
  list = Value();
  EXPECT_FALSE(list.is_valid());
}

TEST_F(Values, Print) {
  EXPECT_EQ(running_.value("[None, True, 1, 1.5, \"a\\n\", b\"x\", (1,), (), {1: 2}, set([1])]"),
            "[None, True, 1, 1.5, \"a\\n\", b\"x\", (1,), (), {1: 2}, set([1])]");
  EXPECT_EQ(running_.value("[range(3), range(1, 3), range(0, 9, 2), len, [].append]"),
            "[range(3), range(1, 3), range(0, 9, 2), <built-in function len>, "
            "<built-in method append of list value>]");
  EXPECT_EQ(running_.result("def f(): pass\nresult = (f, lambda: 1)"),
            "(<function f>, <function lambda>)");
  EXPECT_EQ(running_.result("l = [1]\nl.append(l)\nd = {}\nd[1] = d\nresult = (l, d)"),
            "([1, [...]], {1: {...}})");
  EXPECT_EQ(
      running_.result("x = []\nfor i in range(100000): x = [x]\nresult = len(repr(x)) < 5000"),
      "True");
}

TEST_F(Values, Compare) {
  EXPECT_EQ(running_.value("[1 == 1.0, 1 == True, \"a\" == b\"a\", [1] == (1,), (1, 2) == (1, 2)]"),
            "[True, False, False, False, True]");
  EXPECT_EQ(running_.value("[(1, 2) < (1, 3), [] < [0], \"a\" < \"b\", 1 < 1.5, False < True]"),
            "[True, True, True, True, True]");
  EXPECT_EQ(running_.value("[2 << 70 > 1.0, float(\"nan\") > float(\"+inf\"), 9007199254740993 == "
                           "9007199254740992.0]"),
            "[True, True, False]");
  EXPECT_EQ(running_.value("[set([1]) < set([1, 2]), set([1]) <= set([2]), set([3]) > set([2])]"),
            "[True, False, False]");
  EXPECT_EQ(running_.value("range(0) == range(5, 5), range(0, 5, 3) == range(0, 4, 3)"),
            "(True, True)");
  EXPECT_EQ(running_.value("1 < \"a\""), "error: 1:3: int < string not implemented");
  EXPECT_EQ(running_.value("None >= None"), "error: 1:6: NoneType >= NoneType not implemented");
  EXPECT_EQ(running_.error("a = []\na.append(a)\nb = []\nb.append(b)\na == b"),
            "comparison exceeded maximum recursion depth");
}

TEST_F(Values, HashAsTheyCompare) {
  EXPECT_EQ(running_.value("{1: \"a\"}[1.0]"), "\"a\"");
  EXPECT_EQ(running_.value("{(1, \"x\"): 2}[(1.0, \"x\")]"), "2");
  EXPECT_EQ(running_.value("{1 << 80: 1}[float(1 << 80)]"), "1");
  EXPECT_EQ(running_.value("{[]: 1}"), "error: 1:4: unhashable type: list");
  EXPECT_EQ(running_.value("{({},): 1}"), "error: 1:7: unhashable type: dict");
  EXPECT_EQ(running_.value("{range(1): 1}"), "error: 1:10: unhashable: range");
  EXPECT_EQ(running_.result("x = []\nd = {x.append: 1}\nresult = (x.append in d, [].append in d)"),
            "(True, False)");
}

TEST_F(Values, TablesKeepOrderThroughChanges) {
  Value dict = heap_.dict();
  auto& table = dict.as<Dict>();
  for (int64_t i = 0; i < 1000; ++i) ASSERT_TRUE(table.set(Value::integer(i), Value::integer(-i)));
  for (int64_t i = 0; i < 1000; i += 3) ASSERT_TRUE(table.remove(Value::integer(i)));
  for (int64_t i = 0; i < 1000; i += 3)
    ASSERT_TRUE(table.set(Value::integer(i), Value::integer(i)));
  EXPECT_EQ(table.size(), 1000U);
  std::vector<int64_t> keys;
  for (const Value& key : table.keys()) keys.push_back(key.as_int64());
  EXPECT_EQ(keys[0], 1);
  EXPECT_EQ(keys[665], 998);
  EXPECT_EQ(keys[666], 0);
  for (int64_t i = 0; i < 1000; ++i) {
    const auto found = table.get(Value::integer(i));
    ASSERT_TRUE(found && *found != nullptr);
    EXPECT_EQ((*found)->as_int64(), i % 3 == 0 ? i : -i);
  }
}

TEST_F(Values, TablesAsQueuesStaySmall) {
  Value dict = heap_.dict();
  auto& table = dict.as<Dict>();
  for (int64_t i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(table.set(Value::integer(i), Value::none()));
    if (i >= 10) {
      ASSERT_TRUE(table.remove(table.table().first()->key));
    }
  }
  EXPECT_EQ(table.size(), 10U);
  EXPECT_LT(table.table().byte_size(), 5000U);
}

TEST_F(Values, FrozenRefuseChanges) {
  Value list = heap_.list({heap_.dict(), heap_.tuple({heap_.set()})});
  freeze(list);
  EXPECT_EQ(list.as<List>().append(Value::none()).error().message, "cannot append to frozen list");
  EXPECT_EQ(list.as<List>().clear().error().message, "cannot clear frozen list");
  EXPECT_EQ(list.as<List>().set(0, Value::none()).error().message,
            "cannot assign to element of frozen list");
  auto& dict = list.as<List>()[0].as<Dict>();
  EXPECT_EQ(dict.set(Value::none(), Value::none()).error().message,
            "cannot insert into frozen hash table");
  EXPECT_EQ(dict.remove(Value::none()).error().message, "cannot delete from frozen hash table");
  auto& set = list.as<List>()[1].as<Tuple>()[0].as<Set>();
  EXPECT_EQ(set.add(Value::none()).error().message, "cannot insert into frozen hash table");
}

TEST_F(Values, ConvertToAndFromJson) {
  const Json json =
      Json::parse(R"({"b":[1,2.5,null,true],"a":{"x":"y"},"big":18446744073709551615})");
  const Value value = from_json(heap_, json);
  EXPECT_EQ(repr(value),
            "{\"b\": [1, 2.5, None, True], \"a\": {\"x\": \"y\"}, \"big\": 18446744073709551615}");
  const auto back =
      to_json(from_json(heap_, Json::parse(R"({"b":[1,2.5,null,true,18446744073709551615]})")));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->dump(), R"({"b":[1,2.5,null,true,18446744073709551615]})");
  const Outcome odd =
      running_.interpreter.evaluate(running_.thread, {"f", "{\"a\": [1, (2, len)]}"});
  EXPECT_EQ(to_json(*odd).error().message,
            "at .a[1][1]: cannot convert builtin_function_or_method to JSON");
  const Outcome keys = running_.interpreter.evaluate(running_.thread, {"f", "{1: 2}"});
  EXPECT_EQ(to_json(*keys).error().message, "dict has int key, want string");
}

}  // namespace
}  // namespace mishap::starlark

#include "pool/console_command.h"

#include <gtest/gtest.h>

namespace pgkeep::pool {
namespace {

using Kind = ConsoleCommand::Kind;

TEST(ConsoleCommand, IsReadAsPgbouncerReadsIt) {
  struct Typed {
    std::string text;
    Kind kind;
    std::string_view name;
    std::string_view argument;
  };
  const Typed cases[] = {
      {"SHOW POOLS", Kind::command, "show", "POOLS"},
      {"  show\n pools ; ", Kind::command, "show", "pools"},
      {"reload;", Kind::command, "reload", ""},
      {"PAUSE \"odd \"\"name\"\"\"", Kind::command, "pause", "odd \"name\""},
      {"\"SHOW\" stats", Kind::command, "show", "stats"},
      {"show", Kind::command, "show", ""},
      {"KILL_CLIENT 17", Kind::command, "kill_client", "17"},
      {"", Kind::invalid, "", ""},
      {";", Kind::invalid, "", ""},
      {"show pools; show stats", Kind::invalid, "", ""},
      {"show pools;;", Kind::invalid, "", ""},
      {"show a-b", Kind::invalid, "", ""},
      {"pause \"open", Kind::invalid, "", ""},
      {"a_name_of_16_chars", Kind::bad_arguments, "", ""},
      {"show " + std::string(64, 'x'), Kind::bad_arguments, "", ""},
      {"SET verbose = 2", Kind::set, "verbose", "2"},
      {"set verbose=2;", Kind::set, "verbose", "2"},
      {"set verbose to 2", Kind::set, "verbose", "2"},
      {"set \"verbose\" = \"2\"", Kind::set, "verbose", "2"},
      {"set server_check_query = 'select ''x'''", Kind::set, "server_check_query", "select 'x'"},
      {"set server_check_query = ''", Kind::set, "server_check_query", ""},
      {"set x = -1", Kind::invalid, "", ""},
      {"set x = 'open", Kind::invalid, "", ""},
      {"set x", Kind::command, "set", "x"},
      {"set x = '" + std::string(256, 'y') + "'", Kind::bad_arguments, "", ""},
  };
  for (const Typed& each : cases) {
    const ConsoleCommand read = console_command_of(each.text);
    EXPECT_EQ(read.kind, each.kind) << each.text;
    EXPECT_EQ(read.name, each.name) << each.text;
    EXPECT_EQ(read.argument, each.argument) << each.text;
  }
}

TEST(ConsoleCommand, ListsOfUsers) {
  EXPECT_TRUE(is_listed("a, b ,c", "b"));
  EXPECT_FALSE(is_listed("ab", "a"));
  EXPECT_FALSE(is_listed("", "a"));
}

} // namespace
} // namespace pgkeep::pool

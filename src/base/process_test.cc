#include "base/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

#include "base/scratch_test.h"
#include "base/text.h"

namespace pgkeep::base {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

ProcessOptions shell(std::string script) {
  return {.argv = {"sh", "-c", std::move(script)}};
}

TEST(ProcessTest, collects_output_and_exit_status) {
  const struct {
    const char* script;
    int exit_status;
    const char* out;
    const char* err;
  } kCases[] = {
      {"echo out; echo err >&2", 0, "out\n", "err\n"},
      {"exit 7", 7, "", ""},
      {"kill -TERM $$", 128 + SIGTERM, "", ""},
      {"printf 'no line end'", 0, "no line end", ""},
      {"exec >&-; exec 2>&-; exit 3", 3, "", ""},
      {"cat", 0, "", ""}, // Standard input is empty.
  };
  for (const auto& test : kCases) {
    const Result<ProcessOutput> output = run_process(shell(test.script));
    ASSERT_TRUE(output.has_value()) << to_line(output.error());
    EXPECT_EQ(output->exit_status, test.exit_status) << test.script;
    EXPECT_EQ(output->out, test.out) << test.script;
    EXPECT_EQ(output->err, test.err) << test.script;
  }
}

TEST(ProcessTest, standard_input_arrives_whole_however_long) {
  ProcessOptions options{.argv = {"cat"}, .stdin_text = std::string(3'000'000, 'x') + "end"};
  const Result<ProcessOutput> output = run_process(options);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->out, options.stdin_text);
  // A child that does not read is no reason to stop, nor for SIGPIPE.
  options.argv = {"true"};
  ASSERT_TRUE(run_process(options).has_value());
  options.argv = {"cat", "/dev/stdin"};
  options.stdin_text = "by name";
  EXPECT_EQ(run_checked(options).value_or(""), "by name");
}

TEST(ProcessTest, environment_is_built_from_nothing) {
  ASSERT_EQ(::setenv("PGKEEP_TEST_SECRET", "must not be seen", 1), 0);
  ProcessOptions options{.argv = {"env"}, .environment = {"ADDED=yes", "LANG=C"}};
  const Result<std::string> out = run_checked(options);
  ::unsetenv("PGKEEP_TEST_SECRET");
  ASSERT_TRUE(out.has_value());
  std::vector<std::string> names;
  for (const std::string& line : split(trim(*out), '\n')) {
    const std::string name = line.substr(0, line.find('='));
    if (name != "TZ") names.push_back(name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"PATH", "ADDED", "LANG"}));
  EXPECT_NE(out->find("\nLANG=C\n"), std::string::npos);
}

TEST(ProcessTest, no_descriptor_and_no_signal_setting_is_inherited) {
  const Fd open_to_children(
      ::open("/dev/null", O_RDONLY)); // NOLINT(android-cloexec-open): that is the point.
  ASSERT_TRUE(open_to_children.is_open());
  const auto before = std::signal(SIGUSR1, SIG_IGN);
  const Result<std::string> out =
      run_checked(shell("ls /proc/$$/fd; grep -E 'SigIgn|SigBlk' /proc/self/status"));
  std::signal(SIGUSR1, before);
  ASSERT_TRUE(out.has_value());
  for (const std::string& word : split_words(*out)) {
    const bool is_descriptor =
        word.size() <= 3 && word.find_first_not_of("0123456789") == std::string::npos;
    EXPECT_TRUE(!is_descriptor || std::stoi(word) <= 2) << *out;
  }
  EXPECT_NE(out->find("SigBlk:\t0000000000000000"), std::string::npos) << *out;
  EXPECT_NE(out->find("SigIgn:\t0000000000000000"), std::string::npos) << *out;
}

TEST(ProcessTest, time_limit_kills_the_child_and_its_children) {
  const Scratch scratch;
  ProcessOptions options = shell("sleep 300 & echo $! > pid; wait");
  options.working_directory = scratch.path();
  options.time_limit = 300ms;
  const Result<ProcessOutput> output = run_process(options);
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().code, Code::timeout);
  EXPECT_EQ(output.error().what, "sh did not finish within 300 ms");
  const std::string written = read_file(scratch.path() / "pid").value_or("");
  ASSERT_FALSE(written.empty());
  const pid_t grandchild = std::stoi(written);
  EXPECT_TRUE(wait_until(10s, [&] { return !identify_process(grandchild); }));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a zombie is left";
}

TEST(ProcessTest, daemon_left_behind_does_not_hold_us_up) {
  const Result<ProcessOutput> output = run_process(shell("sleep 300 & echo $!"));
  ASSERT_TRUE(output.has_value());
  const pid_t daemon = std::stoi(output->out);
  EXPECT_TRUE(identify_process(daemon).has_value());
  ::kill(daemon, SIGKILL);
}

TEST(ProcessTest, output_has_a_limit) {
  const Result<ProcessOutput> output = run_process({.argv = {"yes"}});
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().code, Code::io);
  EXPECT_EQ(output.error().what, "yes wrote more than 16 MB");
}

TEST(ProcessTest, says_why_a_program_cannot_be_started) {
  const Scratch scratch;
  ASSERT_TRUE(write_file_durably(scratch.path() / "text", "no program").has_value());
  const std::string text = (scratch.path() / "text").string();
  const struct {
    ProcessOptions options;
    std::string what;
    std::string where;
  } kCases[] = {
      {{.argv = {}}, "no program to run", ""},
      {{.argv = {""}}, "no program to run", ""},
      {{.argv = {"no-such-program-here"}},
       "cannot run no-such-program-here: not found in PATH",
       ""},
      {{.argv = {"/no/such/program"}},
       "cannot run program: no such file or directory",
       "/no/such/program"},
      {{.argv = {text}}, "cannot run text: permission denied", text},
      {{.argv = {"true"}, .working_directory = "/no/such/folder"},
       "cannot enter the working folder of true: no such file or directory",
       "/no/such/folder"},
  };
  for (const auto& test : kCases) {
    const Result<ProcessOutput> output = run_process(test.options);
    ASSERT_FALSE(output.has_value()) << test.what;
    EXPECT_EQ(output.error().code, Code::io);
    EXPECT_EQ(output.error().what, test.what);
    EXPECT_EQ(output.error().where, test.where);
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a zombie is left";
}

TEST(ProcessTest, checked_run_names_the_program_and_its_last_words) {
  const Result<std::string> failed =
      run_checked(shell("echo first >&2; printf 'initdb: \\033[31mlast\\n\\n' >&2; exit 2"));
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().what, "sh failed with exit status 2: initdb: \\x1b[31mlast");
  const Result<std::string> silent = run_checked({.argv = {"false"}});
  ASSERT_FALSE(silent.has_value());
  EXPECT_EQ(silent.error().what, "false failed with exit status 1");
  EXPECT_EQ(run_checked({.argv = {"echo", "x"}}).value_or(""), "x\n");
}

TEST(ProcessTest, runs_as_another_account) {
  const std::optional<Account> nobody = find_account("nobody");
  if (!is_root() || !nobody) GTEST_SKIP() << "needs root and an account nobody";
  ProcessOptions options =
      shell("id -u; id -g; id -G; echo $HOME; cat /dev/stdin; grep ^Cap[PE] /proc/self/status");
  options.run_as = nobody;
  options.stdin_text = "secret\n";
  const Result<std::string> out = run_checked(options);
  ASSERT_TRUE(out.has_value()) << to_line(out.error());
  const std::vector<std::string> lines = split(*out, '\n');
  ASSERT_GE(lines.size(), 7U);
  EXPECT_EQ(lines[0], std::to_string(nobody->uid));
  EXPECT_EQ(lines[1], std::to_string(nobody->gid));
  EXPECT_EQ(lines[2], std::to_string(nobody->gid)); // None of root's groups.
  EXPECT_EQ(lines[3], "/nonexistent");
  EXPECT_EQ(lines[4], "secret");
  EXPECT_EQ(lines[5], "CapPrm:\t0000000000000000");
  EXPECT_EQ(lines[6], "CapEff:\t0000000000000000");
}

TEST(ProcessTest, another_account_needs_root) {
  if (is_root()) GTEST_SKIP() << "runs as root, which may";
  const Result<ProcessOutput> output =
      run_process({.argv = {"true"}, .run_as = Account{.uid = 0, .gid = 0, .name = "root"}});
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().code, Code::unsupported);
}

TEST(ProcessTest, spawned_process_lives_on_appends_and_can_be_waited_for) {
  const Scratch scratch;
  const fs::path log = scratch.path() / "log";
  ASSERT_TRUE(write_file_durably(log, "before\n").has_value());
  const Result<pid_t> pid = spawn_process(
      {.argv = {"sh", "-c", "echo out; echo err >&2; echo $PWD; read line; exec sleep 300"},
       .working_directory = scratch.path(),
       .output_file = log});
  ASSERT_TRUE(pid.has_value()) << to_line(pid.error());
  const std::string want = "before\nout\nerr\n" + scratch.path().string() + "\n";
  EXPECT_TRUE(wait_until(10s, [&] { return read_file(log).value_or("") == want; }))
      << read_file(log).value_or("");
  EXPECT_EQ(::getsid(*pid), *pid);
  const std::optional<ProcessId> id = identify_process(*pid);
  ASSERT_TRUE(id.has_value());
  EXPECT_TRUE(is_running(*id));
  ASSERT_EQ(::kill(*pid, SIGKILL), 0);
  EXPECT_TRUE(wait_until(10s, [&] { return !is_running(*id); })) << "a zombie does not run";
  int status = 0;
  ASSERT_EQ(::waitpid(*pid, &status, 0), *pid);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST(ProcessTest, spawning_tells_what_failed) {
  const Scratch scratch;
  const Result<pid_t> no_program =
      spawn_process({.argv = {"/no/such/program"}, .output_file = "/dev/null"});
  ASSERT_FALSE(no_program.has_value());
  EXPECT_EQ(no_program.error().what, "cannot run program: no such file or directory");
  const Result<pid_t> no_folder =
      spawn_process({.argv = {"true"}, .output_file = scratch.path() / "absent/log"});
  ASSERT_FALSE(no_folder.has_value());
  EXPECT_EQ(no_folder.error().where, (scratch.path() / "absent/log").string());
}

TEST(ProcessTest, identity_survives_reuse_of_the_number) {
  const std::optional<ProcessId> self = identify_process(::getpid());
  ASSERT_TRUE(self.has_value());
  EXPECT_GT(self->start_ticks, 0);
  EXPECT_TRUE(is_running(*self));
  EXPECT_FALSE(is_running({.pid = self->pid, .start_ticks = self->start_ticks + 1}));
  EXPECT_EQ(identify_process(0), std::nullopt);
  EXPECT_EQ(identify_process(-1), std::nullopt);
  EXPECT_FALSE(is_running({}));
}

TEST(ProcessTest, name_with_brackets_and_spaces_does_not_confuse) {
  const Scratch scratch;
  const fs::path odd = scratch.path() / "a) Z (b";
  fs::copy_file("/bin/sleep", odd);
  const Result<pid_t> pid =
      spawn_process({.argv = {odd.string(), "300"}, .output_file = "/dev/null"});
  ASSERT_TRUE(pid.has_value()) << to_line(pid.error());
  EXPECT_TRUE(identify_process(*pid).has_value());
  ::kill(*pid, SIGKILL);
  ::waitpid(*pid, nullptr, 0);
  EXPECT_EQ(identify_process(*pid), std::nullopt);
}

TEST(ProcessTest, own_program_is_found) {
  EXPECT_TRUE(own_executable().is_absolute());
  EXPECT_TRUE(fs::exists(own_executable()));
}

TEST(ProcessTest, waiting_ends_with_the_condition_or_the_deadline) {
  int calls = 0;
  EXPECT_TRUE(wait_until(10s, [&] { return ++calls == 3; }));
  EXPECT_EQ(calls, 3);
  EXPECT_FALSE(wait_until(0ms, [] { return false; }));
}

} // namespace
} // namespace pgkeep::base

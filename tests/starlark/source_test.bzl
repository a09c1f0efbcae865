"""Tests of what source builds decide: flags, tools, places, the host's tools, the origin."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")

# buildifier: disable=bzl-visibility
load("//rules/private:answer.bzl", "failure_text", "read_answer")

# buildifier: disable=bzl-visibility
load("//rules/private:host_tools.bzl", "field_of", "rustup_toolchains", "search_path")

# buildifier: disable=bzl-visibility
load("//rules/private:origin.bzl", "ORIGINS", "after_failed_fetch", "failed_fetch", "fallback_warning", "origin_error", "origin_of", "source_hint")

# buildifier: disable=bzl-visibility
load("//rules/private:programs.bzl", "candidates")

# buildifier: disable=bzl-visibility
load("//rules/private:source_cores.bzl", "CORES", "resources_of")

# buildifier: disable=bzl-visibility
load("//rules/private:source_flags.bzl", "JOBS", "SETTINGS", "absolute_flag", "absolute_path", "archiver_of", "build_environment", "compile_flags", "in_double_quotes", "link_flags_of_toolchain", "shell_line", "shell_words", "target_flags")

# buildifier: disable=bzl-visibility
load("//rules/private:source_plan.bzl", "build_step", "built_path", "cargo_locks", "channel_of", "check_build", "choose_rust", "command_lines", "cross_arguments", "cross_rust_target", "is_source", "steps_of", "tools_needed")

# buildifier: disable=bzl-visibility
load("//rules/private:source_repository.bzl", "source_values")

# buildifier: disable=bzl-visibility
load("//rules/private:source_tools.bzl", "absent_program_error", "absent_rust_error", "absent_tool_error", "crates_error", "join_path", "missing_tool_error", "other_rust_error", "path_below")
load("//tools/cgo_prebuilt:source/build_tools.bzl", "RUST_TARGETS")
load(":origin_cases.bzl", "AFTER_FAILED_FETCH", SHARED_ORIGINS = "ORIGINS")
load(":source_cases.bzl", "CARGO_LOCKS", "CASES", "NOT_SOURCE", "SOURCE")

def _flags_test_impl(ctx):
    env = unittest.begin(ctx)
    for flag, absolute in {
        "--sysroot=external/sdk": "--sysroot=%execroot%/external/sdk",
        "-I/usr/include": "-I/usr/include",
        "-Iexternal/sdk/include": "-I%execroot%/external/sdk/include",
        "-O2": "-O2",
        "-isystembazel-out/x/include": "-isystem%execroot%/bazel-out/x/include",
        "external/sdk/include": "%execroot%/external/sdk/include",
    }.items():
        asserts.equals(env, absolute, absolute_flag(flag))
    asserts.equals(env, "", absolute_path(""), "no program is none elsewhere, either")
    asserts.equals(
        env,
        ["-O2", "-Wno-array-bounds", "-Wa,--noexecstack"],
        compile_flags(["-O2", "-D__DATE__=\"redacted\"", "-Wall", "-Werror=format", "-Wno-array-bounds", "-Wa,--noexecstack"]),
    )
    kept = ["-fPIC", "-m64", "--sysroot=/sdk", "-ObjC", "-DX=1", "-no-canonical-prefixes"]
    asserts.equals(
        env,
        kept,
        target_flags(kept + ["-O2", "-g0", "-DNDEBUG", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=1", "-fstack-protector-strong"]),
    )
    asserts.equals(
        env,
        ["-B/usr/bin", "-Wl,-z,relro"],
        link_flags_of_toolchain(["-B/usr/bin", "-Wl,-no-as-needed", "-Wl,-z,relro", "-lstdc++"]),
    )
    asserts.equals(env, "-O2 '-DX=\"a b\"' 'it'\\''s'", shell_words(["-O2", "-DX=\"a b\"", "it's"]))
    asserts.equals(env, "\"\\$HOME \\`x\\` \\\"\\\\ $execroot/a\"", in_double_quotes("$HOME `x` \"\\ %execroot%/a"))
    return unittest.end(env)

_flags_test = unittest.make(_flags_test_impl)

def _archiver_test_impl(ctx):
    env = unittest.begin(ctx)
    gnu = archiver_of("/usr/bin/ar", ["rcsD"])
    asserts.equals(env, "/usr/bin/ar", gnu.path)
    asserts.equals(env, "rcsD", gnu.flags)
    asserts.equals(env, "%execroot%/external/llvm/bin/llvm-ar", archiver_of("external/llvm/bin/llvm-ar", []).path)
    asserts.equals(env, "rcs", archiver_of("/usr/bin/ar", ["-static"]).flags)
    asserts.equals(env, None, archiver_of("", []))
    asserts.equals(env, None, archiver_of("external/local_config_cc/libtool", []))
    asserts.equals(env, None, archiver_of("C:\\VC\\bin\\lib.exe", []))
    return unittest.end(env)

_archiver_test = unittest.make(_archiver_test_impl)

def _environment_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(
        env,
        {"A": "own", "B": "tools", "C": "c"},
        build_environment({"A": "c", "B": "c", "C": "c"}, {"A": "tools", "B": "tools"}, {"A": "own"}),
    )
    for c, tools, own, path in [
        ("", "/bin", None, "/bin"),
        ("/cc/bin", "/usr/bin:/bin", None, "/cc/bin:/usr/bin:/bin"),
        ("C:\\VC\\bin", "C:\\a", None, "C:\\VC\\bin;C:\\a"),
        ("NT;C:/VC", "C:\\a", None, "NT;C:/VC;C:\\a"),
        ("/cc/bin", "/bin", "/own", "/own"),
    ]:
        found = build_environment({"PATH": c}, {"PATH": tools}, {"PATH": own} if own else {})
        asserts.equals(env, path, found["PATH"])
    return unittest.end(env)

_environment_test = unittest.make(_environment_test_impl)

def _tools_test_impl(ctx):
    env = unittest.begin(ctx)
    error = missing_tool_error("cmake", "//a:b", "cmake")
    for words in ("//a:b builds with cmake", "no cmake here", "apt install cmake"):
        asserts.true(env, words in error, words)
    error = absent_tool_error("/opt/bin/rustc", "rustc", "//a:b", "cargo")
    for words in ("//a:b builds with cargo", "no /opt/bin/rustc on the machine that this runs on", "apt install rustc"):
        asserts.true(env, words in error, words)
    for words in ("//a:b builds with protoc", "no protoc on the PATH of the build", "apt install protobuf-compiler"):
        asserts.true(env, words in absent_program_error("protoc", "//a:b"), words)
    asserts.true(env, "install odd in /usr/local/bin" in absent_program_error("odd", "//a:b"))
    error = absent_rust_error("1.84", "//a:b", ["stable"])
    for words in ("//a:b builds with Rust 1.84, which is not here; there is stable", "rustup toolchain install 1.84"):
        asserts.true(env, words in error, words)
    asserts.true(env, "no rustup" in absent_rust_error("nightly", "//a:b", []))
    asserts.true(env, "//a:b builds with Rust 1.84, and the rustc here is of another release" in other_rust_error("1.84", "//a:b"))
    asserts.equals(env, None, check_build("make", [], "all"))
    asserts.true(env, "//a:b: 'crates' has 0 files called SHA256SUMS" in crates_error(0, "//a:b"))
    asserts.true(env, "the tool of a step is \"ninja\"" in check_build("ninja", [], ""))
    asserts.true(env, "for make and cmake" in check_build("cargo", [], "all"))
    asserts.true(env, "the command is empty" in check_build("command", [], ""))

    asserts.equals(env, "b.c", path_below("a/b.c", "a"))
    asserts.equals(env, "a/b.c", path_below("../repository/a/b.c", ""))
    asserts.equals(env, None, path_below("ab/c", "a"))
    asserts.equals(env, "a/b/c", join_path("a", ".", "", "b/c/"))
    return unittest.end(env)

_tools_test = unittest.make(_tools_test_impl)

def _host_test_impl(ctx):
    env = unittest.begin(ctx)
    system = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    asserts.equals(env, system, search_path(["/usr/bin/make"], "/home/me/bin", False))
    asserts.equals(env, "/opt/rust/bin:" + system, search_path(["/opt/rust/bin/cargo", "/opt/rust/bin/rustc"], "", False))
    asserts.equals(env, "C:\\a;C:\\b", search_path([], "C:\\a;C:\\b", True))
    asserts.equals(env, ["/a/make", "/b/make"], candidates("make", "/a::/b", False))
    asserts.equals(env, ["C:\\a/make.exe"], candidates("make", "C:\\a", True))
    asserts.equals(
        env,
        {"1.84.0": "/r/1.84.0-x86_64-unknown-linux-gnu"},
        rustup_toolchains(["1.84.0-x86_64-unknown-linux-gnu", "stable-aarch64-apple-darwin"], "/r", "x86_64-unknown-linux-gnu"),
    )
    asserts.equals(env, {}, rustup_toolchains(["stable-x"], "/r", ""))
    asserts.equals(env, "x86_64-unknown-linux-gnu", field_of("rustc 1\nhost: x86_64-unknown-linux-gnu\n", "host"))
    asserts.equals(env, "", field_of("rustc 1\n", "host"))
    return unittest.end(env)

_host_test = unittest.make(_host_test_impl)

def _plan_test_impl(ctx):
    env = unittest.begin(ctx)
    for case in CASES:
        tool = case["tool"]
        args = case["args"]
        asserts.equals(env, case["tools"], tools_needed(tool, args), case["name"])
        target = cross_rust_target(tool, RUST_TARGETS[case["platform"]], RUST_TARGETS[case["host"]])
        lines = command_lines(
            tool,
            args,
            case["target"],
            cross = cross_arguments(tool, case["platform"], case["host"], target),
            settings = ["SETTINGS"],
            jobs = "3",
            offline = case["offline"],
        )
        asserts.equals(env, case["commands"], lines, case["name"])
        asserts.equals(env, case["built"], built_path("target/release/libv.a", target), case["name"])
    asserts.equals(env, [], cross_arguments("cmake", "", "linux_amd64", ""), "a platform that is not known")
    asserts.equals(
        env,
        "\"make\" \"--jobs=$jobs\" ${settings[@]+\"${settings[@]}\"} \"\\$X\"",
        shell_line(["make", "--jobs=" + JOBS, SETTINGS, "$X"]),
    )
    return unittest.end(env)

_plan_test = unittest.make(_plan_test_impl)

def _rust_test_impl(ctx):
    env = unittest.begin(ctx)
    there = {"1.84.0": "/r/1.84.0", "1.84.1": "/r/1.84.1", "stable": "/r/stable"}
    for pinned, channel, toolchains, expected in [
        ("", "", there, ("", "", "")),
        ("1.84.0", "stable", there, ("/r/1.84.0", "", "")),
        ("1.84", "", there, ("/r/1.84.1", "", "")),
        # It may be the usual one's release.
        ("1.85", "", there, ("", "1.85", "")),
        ("nightly", "", there, ("", "", "nightly")),
        ("", "stable", there, ("/r/stable", "", "")),
        ("", "1.85", there, ("", "", "1.85")),
        ("", "1.85", {}, ("", "", "")),
        ("1.85", "", {}, ("", "1.85", "")),
    ]:
        rust = choose_rust(pinned, channel, toolchains)
        asserts.equals(env, expected, (rust.sysroot, rust.release, rust.absent))
    for text, channel in {
        "": "",
        "# ours\n[toolchain]\nprofile = \"minimal\"\nchannel = \"1.84.0\" # pinned\n": "1.84.0",
        "1.84.0\n": "1.84.0",
        "[toolchain]\npath = \"/opt/rust\"\n": "",
    }.items():
        asserts.equals(env, channel, channel_of(text))
    return unittest.end(env)

_rust_test = unittest.make(_rust_test_impl)

_SOURCE = {
    "build": {"args": ["--locked"], "tool": "cargo", "toolchain": "1.84.0"},
    "env": ["A", "B=2", "C"],
    "headers": ["include/*.h", "gen.h"],
    "linkopts": ["-lm"],
    "path": "native",
    "runtime_files": ["data/**", "made.txt"],
    "platforms": {
        "linux_arm64": {"build": {"tool": "make", "target": "all"}, "linkopts": ["-ldl"]},
        "plan9_amd64": {"linkopts": []},
    },
    "static_library": ["a.a"],
    "then": [{"args": ["./headers.sh"], "tool": "command"}],
    "tools": ["protoc"],
}

def _values_test_impl(ctx):
    env = unittest.begin(ctx)
    values = source_values("a", _SOURCE, [], {"A": "1"}, "stable")
    for key, value in {
        "{env}": '{"A":"1","B":"2"}',
        "{generated_headers}": '[path for path in ["include/*.h","gen.h"] if "*" not in path and not glob([path], allow_empty = True)]',
        "{generated_runtime_files}": '[path for path in ["data/**","made.txt"] if "*" not in path and not glob([path], allow_empty = True)]',
        "{headers}": 'glob(["include/*.h","gen.h"], allow_empty = True)',
        "{runtime_files}": 'glob(["data/**","made.txt"], allow_empty = True)',
        "{rust_channel}": '"stable"',
        "{static_library}": '["a.a"]',
        "{tools}": '["protoc"]',
    }.items():
        asserts.equals(env, value, values[key])
    branch = "rules/platforms:linux_arm64\": "
    for key, own, usual in [
        ("{linkopts}", '["-ldl"]', '["-lm"]'),
        ("{rust_toolchain}", '""', '"1.84.0"'),
        ("{target}", '"all"', '""'),
        # Another build has other steps.
        ("{then}", "[]", json.encode([build_step("command", ["./headers.sh"])])),
        ("{tool}", '"make"', '"cargo"'),
    ]:
        asserts.true(env, branch + own + "," in values[key], values[key])
        asserts.true(env, '"//conditions:default": ' + usual in values[key], values[key])
        asserts.false(env, "plan9" in values[key])
    steps = steps_of("cargo", ["--locked"], "", [build_step("make", target = "headers")])
    asserts.equals(env, [("cargo", ["--locked"], ""), ("make", [], "headers")], [(s.tool, s.args, s.target) for s in steps])
    return unittest.end(env)

_values_test = unittest.make(_values_test_impl)

def _origin_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "prebuilt", origin_of("prebuilt", None, "source").origin)
    asserts.equals(env, "source", origin_of("", "", "source").origin)
    asserts.equals(env, None, origin_of(None, None, "source").error)
    asserts.true(env, "set it to one of auto, prebuilt, source" in origin_of("sometimes", None, "auto").error)
    asserts.true(env, "write \"source\", its new name" in origin_of("always", None, "auto").error)
    asserts.equals(
        env,
        "CGO_PREBUILT_FALLBACK is called CGO_PREBUILT_ORIGIN now\n  next: remove it, and set CGO_PREBUILT_ORIGIN to \"prebuilt\"",
        origin_of(None, "never", "auto").error,
    )
    asserts.equals(env, "origin is \"never\"\n  next: write \"prebuilt\", its new name", origin_error("never", "origin"))
    asserts.equals(env, SHARED_ORIGINS, ORIGINS)
    for kind, by_origin_name in AFTER_FAILED_FETCH.items():
        for origin, outcomes in by_origin_name.items():
            for has_source in (False, True):
                asserts.equals(env, outcomes[int(has_source)], after_failed_fetch(origin, kind, has_source))
    answered = read_answer(3, json.encode({"error": "no route", "kind": "unavailable", "next": None, "where": "x"}), "said")
    asserts.equals(
        env,
        "answer 1 for linux_arm could not be fetched (unavailable):\nno route\n  at: x",
        failed_fetch("answer", "1", "linux_arm", answered.failure),
    )
    asserts.equals(env, {"cached": True}, read_answer(0, '{"cached": true}', "").answer)
    for exit_code, stdout in [(-9, ""), (137, '{"error"'), (1, "[]"), (0, ""), (2, '{"cached": true}')]:
        failure = read_answer(exit_code, stdout, "killed\n").failure
        asserts.equals(env, "", failure.kind)
        asserts.true(env, "ended with exit code {} and without an answer:\nkilled\n  next: ".format(exit_code) in failure_text(failure))
        asserts.true(env, failed_fetch("a", "1", "p", failure).startswith("a 1 for p could not be fetched:\nthe fetcher ended"))
    for origin in ("auto", "source"):
        asserts.true(env, "falling back to building from source: //:s" in fallback_warning("vec", "why", origin, "//:s"))
    warning = fallback_warning("vec", "why", "prebuilt", "//:s")
    asserts.equals(env, "why\n  only with --@vec//:origin=auto it is built from source: //:s", warning)
    asserts.true(env, "give prebuilt.library a 'source'" in source_hint("vec", ""))
    asserts.true(env, "with --@vec//:origin=auto, CGO_PREBUILT_ORIGIN=auto, or origin = \"auto\"" in source_hint("vec", "//:s"))
    return unittest.end(env)

_origin_test = unittest.make(_origin_test_impl)

def _repository_test_impl(ctx):
    env = unittest.begin(ctx)
    reserved = {cores: resources_of(cores)("linux", 1)["cpu"] for cores in CORES}
    asserts.equals(env, {cores: cores or 4 for cores in CORES}, reserved)
    for case in CARGO_LOCKS:
        asserts.equals(env, sorted(case["paths"]), sorted(cargo_locks([case["args"]])))
    for tool in SOURCE:
        for name in SOURCE[tool]:
            asserts.true(env, is_source(name, tool), name)
        for name in NOT_SOURCE[tool]:
            asserts.false(env, is_source(name, tool), name)
    return unittest.end(env)

_repository_test = unittest.make(_repository_test_impl)

def source_test_suite(name):
    unittest.suite(
        name,
        _archiver_test,
        _environment_test,
        _flags_test,
        _host_test,
        _origin_test,
        _plan_test,
        _repository_test,
        _rust_test,
        _tools_test,
        _values_test,
    )

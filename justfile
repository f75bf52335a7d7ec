# What continuous integration runs, without the tests.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

test *ARGS:
    cargo test --locked {{ARGS}}

# Windows under Wine, and types for MSVC and macOS; on Debian 12.
windows:
    ci/windows

# `AIOS_BENCH_ENVIRONMENTS=10000 just bench` for more than the usual 2000.
bench:
    cargo bench --locked --bench discovery
    cargo bench --locked --bench record
    cargo bench --locked --bench repair

# Tables of the context tree and its snapshots beside other stores: `just bench-peers tree --records 10000000`.
bench-peers *ARGS="tree":
    cargo run --release --locked --manifest-path benches/peers/Cargo.toml -- {{ARGS}}

# Five minutes for each target; needs a nightly toolchain and cargo-fuzz.
fuzz TARGET SECONDS="300":
    cargo +nightly fuzz run {{TARGET}} -- -max_total_time={{SECONDS}}

# Kills so many writers of a store and of a context buffer, under readers; the tests kill a few.
kill TIMES="5000":
    AIOS_TEST_KILLS={{TIMES}} cargo test --locked --test integration ::kill:: -- --nocapture

# Writes the expected outputs anew; look at the difference before you commit it.
bless:
    AIOS_BLESS=1 cargo test --locked --bin aios

# Writes `include/aios.h` and the list of symbols from the sources of `ffi`.
header:
    AIOS_BLESS=1 cargo test --locked --test integration -- c_abi::header c_abi::abi

# The library for C and C++ with its headers, below a folder.
install-c PREFIX:
    ffi/install {{PREFIX}}

# The same for the files of the store's format: what was written before is not what is written then.
bless-format:
    AIOS_BLESS=1 cargo test --locked -p aios-core golden_files_are_written

# Licences and advisories; needs cargo-deny.
deny:
    cargo deny check

//! Runs the tests of `cargo test --package xcher-wasm --target wasm32-unknown-unknown` in a browser: see
//! `.cargo/config.toml`. `CHROMEDRIVER` names the driver.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}

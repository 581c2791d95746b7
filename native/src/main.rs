//! The `xcher` command.

fn main() -> std::process::ExitCode {
    xcher::cli::main()
}

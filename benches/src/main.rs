//! The command `sendrec-bench`: what `sendrec bench` is, by itself.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use clap::Parser;

    /// Measures sendrec beside its floors.
    #[derive(Debug, Parser)]
    #[command(version)]
    struct Options {
        #[command(subcommand)]
        command: sendrec_benches::Command,
    }

    match sendrec_benches::run(Options::parse().command, &[]) {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sendrec-bench: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("sendrec-bench: placement of threads and context switches are measured on Linux alone");
    std::process::ExitCode::FAILURE
}
